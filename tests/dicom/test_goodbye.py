"""No association is left standing and no descriptor open, however a probe ends."""

import asyncio
import resource
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from pacs_monitor.dicom.conversation import Outcome
from tests.checks.support import until
from tests.conftest import StartRawServer
from tests.dicom.pdus import (
    RELEASE_RQ,
    abort,
    accept,
    answer_with,
    echo_response,
    full_backlog,
    hang_up_at,
    reject,
)
from tests.dicom.support import on_each_loop, open_files, probe, run_on, sockets_to, told
from tests.noise import with_time
from tests.peers.ports import free_port
from tests.peers.raw import RawServer

ASSOCIATED: dict[str, dict[int, bytes | None]] = {
    "success": {},
    "status": {4: echo_response(status=0x0110)},
    "no context": {1: accept(((1, 3),))},
    "silent echo": {4: None},
    "silent release": {5: None},
    "wrong message": {4: echo_response(message_id=9)},
    "garbage": {4: b"garbage"},
    "release first": {4: RELEASE_RQ},
}


@on_each_loop
@pytest.mark.parametrize("name", ASSOCIATED)
@with_time(0.15, 1, 3)
def test_every_association_ends_by_release_or_abort(name: str, kind: str, seconds: float) -> None:
    talks: list[list[int]] = []

    def behave(conn: socket.socket) -> None:
        talks.append([])
        answer_with(ASSOCIATED[name], talks[-1])(conn)

    with RawServer(behave) as server:
        run_on(kind, _several(server.port, seconds))
    assert len(talks) == 5
    last_words = {tuple(heard[-2:]) for heard in talks}
    assert last_words == ({(5, 0)} if name in ("success", "status", "no context") else {(7, 0)})


async def _several(port: int, seconds: float) -> list[Outcome]:
    return [await probe(port, seconds) for _ in range(5)]


@on_each_loop
@pytest.mark.parametrize(("silent", "last"), [(1, [1, 7, 0]), (4, [1, 4, 7, 0]), (5, [1, 4, 5, 7, 0])])
def test_a_cancelled_probe_aborts(silent: int, last: list[int], kind: str) -> None:
    heard: list[int] = []

    async def cancelled(port: int) -> None:
        task = asyncio.ensure_future(probe(port, 30))
        await until(lambda: len(heard) >= len(last) - 2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with RawServer(answer_with({silent: None}, heard)) as server:
        run_on(kind, cancelled(server.port))
        assert sockets_to(server.port) == 0
    assert heard == last


@on_each_loop
def test_a_probe_cancelled_while_it_connects_leaves_nothing(kind: str) -> None:
    async def cancelled(port: int) -> None:
        task = asyncio.ensure_future(probe(port, 30))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with full_backlog() as port:
        before = open_files()
        run_on(kind, cancelled(port))
        assert open_files() <= before


FAILURES: list[tuple[str, Callable[[socket.socket], None] | None]] = [
    ("refused", None),
    ("rejected", answer_with({1: reject(1, 1, 3)})),
    ("aborted", answer_with({1: abort(0, 0)})),
    ("closed", hang_up_at(1)),
    ("closed later", hang_up_at(4)),
    ("garbage", answer_with({1: b"HTTP/1.0 400"})),
    ("silent", answer_with({4: None})),
    ("status", answer_with({4: echo_response(status=0x0110)})),
]


@on_each_loop
@pytest.mark.parametrize(("name", "behave"), FAILURES, ids=[row[0] for row in FAILURES])
def test_two_hundred_failures_leave_no_descriptor_open(
    name: str, behave: Callable[[socket.socket], None] | None, kind: str
) -> None:
    with ExitStack() as stack:
        port = stack.enter_context(RawServer(behave)).port if behave else free_port()

        async def many() -> int:
            await probe(port, 0.1)  # the loop's own descriptors are open after this
            before = sockets_to(port)
            for _ in range(4):
                outcomes = await asyncio.gather(*[probe(port, 0.1 if name == "silent" else 20) for _ in range(50)])
                assert all(outcome.failure for outcome in outcomes)
            return sockets_to(port) - before

        assert run_on(kind, many()) == 0


@pytest.fixture
def many_descriptors() -> Iterator[None]:
    """Over 1,100 open descriptors, which `select()` could not wait for."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < 3000:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(3000, hard), hard))
    pairs = [socket.socketpair() for _ in range(600)]
    yield
    for one, other in pairs:
        one.close()
        other.close()
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@on_each_loop
@pytest.mark.usefixtures("many_descriptors")
def test_more_than_1024_descriptors_are_no_hindrance(raw_server: StartRawServer, kind: str) -> None:
    server = raw_server(answer_with({}))
    assert open_files() > 1100
    assert told(run_on(kind, probe(server.port))) == ("", "")


@on_each_loop
def test_a_process_without_descriptors_says_so_and_recovers(raw_server: StartRawServer, kind: str) -> None:
    server = raw_server(answer_with({}))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)

    async def starved() -> tuple[Outcome, Outcome]:
        await probe(server.port)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(open_files() + 5, hard), hard))
        held = []
        try:
            while True:
                held.append(socket.socket())
        except OSError:
            pass
        try:
            two = [(socket.AF_INET, ("127.0.0.1", server.port))] * 2
            failed = await probe(server.port, addresses=two)
        finally:
            for each in held:
                each.close()
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        return failed, await probe(server.port)

    failed, recovered = run_on(kind, starved())
    assert told(failed)[0] == "unreachable"
    assert "raise LimitNOFILE of the agent's service" in told(failed)[1]
    assert told(recovered) == ("", "")
