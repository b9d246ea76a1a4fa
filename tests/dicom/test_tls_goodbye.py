"""Over TLS too no association is left standing and no descriptor open."""

import asyncio
import socket
import threading

import pytest

from pacs_monitor.node import Tls
from tests.checks.support import until
from tests.dicom.authority import Authority, Files, secured, server_context
from tests.dicom.pdus import accept, answer_with, hang_up_at, read_pdu, reject
from tests.dicom.support import run_on, sockets_to, told
from tests.dicom.test_tls import probe_tls
from tests.noise import with_time
from tests.peers.raw import RawServer

on_each_loop = pytest.mark.parametrize("kind", ["epoll", "uvloop"])


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def right(authority: Authority) -> Files:
    return authority.issue("127.0.0.1", "archive.example")


@on_each_loop
@pytest.mark.parametrize(("silent", "last"), [(1, [1, 7, 0]), (4, [1, 4, 7, 0]), (5, [1, 4, 5, 7, 0])])
@pytest.mark.parametrize("cancel", [True, False])
@with_time(0.4, 2, 10)
def test_silence_after_the_handshake_ends_by_an_abort(
    authority: Authority, right: Files, silent: int, last: list[int], cancel: bool, kind: str, seconds: float
) -> None:
    heard: list[int] = []

    async def silenced(port: int) -> None:
        tls = Tls(ca_file=authority.file)
        task = asyncio.ensure_future(probe_tls(port, tls, 30 if cancel else seconds))
        if cancel:
            await until(lambda: len(heard) >= len(last) - 2)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        else:
            assert told(await task)[0] == "timeout"
        await until(lambda: len(heard) == len(last))
        await until(lambda: sockets_to(port) == 0)

    with RawServer(secured(server_context(right), answer_with({silent: None}, heard))) as server:
        run_on(kind, silenced(server.port))
    assert heard == last


@on_each_loop
def test_a_secure_peer_that_hangs_up_is_told(authority: Authority, right: Files, kind: str) -> None:
    tls = Tls(ca_file=authority.file)
    with RawServer(secured(server_context(right), hang_up_at(1))) as server:
        reason, message = told(run_on(kind, probe_tls(server.port, tls)))
    assert reason == "aborted"
    assert "or that it wants a certificate of ours (tls.cert_file)" in message
    with RawServer(secured(server_context(right), hang_up_at(5))) as server:
        assert told(run_on(kind, probe_tls(server.port, tls))) == ("", "")


@on_each_loop
def test_a_secure_peer_that_never_closes_does_not_keep_the_socket(
    authority: Authority, right: Files, kind: str
) -> None:
    gone = threading.Event()

    def behave(conn: socket.socket) -> None:
        read_pdu(conn)
        conn.sendall(accept(((1, 3),)))
        read_pdu(conn)
        conn.sendall(b"\6\0\0\0\0\4\0\0\0\0")
        socket.socket(fileno=socket.dup(conn.fileno())).recv(100)  # close_notify, left unanswered
        gone.wait(60)

    async def left(port: int) -> None:
        assert told(await probe_tls(port, Tls(ca_file=authority.file)))[0] == "no_context"
        await until(lambda: sockets_to(port) == 0)

    with RawServer(secured(server_context(right), behave)) as server:
        try:
            run_on(kind, left(server.port))
        finally:
            gone.set()


@on_each_loop
def test_fifty_failures_over_tls_leave_no_descriptor_open(authority: Authority, right: Files, kind: str) -> None:
    async def many(port: int) -> None:
        tls = [Tls(ca_file=authority.file), Tls()] * 25  # rejected, and not trusted
        outcomes = await asyncio.gather(*[probe_tls(port, each) for each in tls])
        assert {told(outcome)[0] for outcome in outcomes} == {"rejected", "tls"}
        await until(lambda: sockets_to(port) == 0)

    with RawServer(secured(server_context(right), answer_with({1: reject(1, 1, 3)}))) as server:
        run_on(kind, many(server.port))
