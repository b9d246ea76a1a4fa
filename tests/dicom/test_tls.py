"""C-ECHO over TLS: against real servers, with certificates right and wrong."""

import asyncio
import socket
import ssl
from pathlib import Path

import pytest

from pacs_monitor.check import CheckFailed
from pacs_monitor.dicom.conversation import Outcome
from pacs_monitor.dicom.tls import context_for, echo_tls
from pacs_monitor.node import Tls
from tests.conftest import StartRawServer, StartStoreScp
from tests.dicom.authority import Authority, Files, secure_peer, secure_scp, self_signed, server_context
from tests.dicom.pdus import answer_with, full_backlog, hang_up_at
from tests.dicom.support import run_on, script, sockets_to, told, waiting_time
from tests.noise import with_time
from tests.peers.ports import free_port
from tests.peers.raw import RawServer

on_each_loop = pytest.mark.parametrize("kind", ["epoll", "uvloop"])
PHASES = {"connect", "tls", "associate", "dimse", "release"}


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def right(authority: Authority) -> Files:
    return authority.issue("127.0.0.1", "archive.example")


async def probe_tls(port: int, tls: Tls, seconds: float = 20.0, name: str = "127.0.0.1") -> Outcome:
    deadline = asyncio.get_running_loop().time() + seconds
    addresses = [(socket.AF_INET, ("127.0.0.1", port))]
    try:
        return await echo_tls(script(port), addresses, deadline, context_for(tls), tls.server_name or name)
    except CheckFailed as failure:  # of our own files
        return Outcome(failure=failure)


@on_each_loop
def test_a_verified_server_answers_with_the_handshake_as_a_phase(authority: Authority, right: Files, kind: str) -> None:
    with secure_scp(server_context(right)) as port:
        outcome = run_on(kind, probe_tls(port, Tls(ca_file=authority.file)))
    assert told(outcome) == ("", "")
    assert outcome.phases.keys() == PHASES


@on_each_loop
def test_dcmtk_over_tls_answers(start_storescp: StartStoreScp, authority: Authority, right: Files, kind: str) -> None:
    server = start_storescp("+tls", str(right.key), str(right.cert), "-ic")
    taken: list[float] = []
    while not taken or taken[-1] >= 0.02:  # machines are noisy
        assert len(taken) < 50, taken
        outcome = run_on(kind, probe_tls(server.port, Tls(ca_file=authority.file)))
        assert told(outcome) == ("", "")
        taken.append(outcome.phases["dimse"])


@on_each_loop
def test_a_server_that_wants_our_certificate_gets_it(authority: Authority, right: Files, kind: str) -> None:
    ours = authority.issue("pacs-monitor.example")
    tls = Tls(ca_file=authority.file, cert_file=ours.cert, key_file=ours.key)
    with secure_peer(server_context(right, wants_from=authority.file)) as port:
        assert told(run_on(kind, probe_tls(port, tls))) == ("", "")


@on_each_loop
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_server_that_wants_our_certificate_and_does_not_get_it_says_so(
    authority: Authority, right: Files, version: ssl.TLSVersion, kind: str
) -> None:
    context = server_context(right, wants_from=authority.file)
    context.maximum_version = version
    with RawTlsServer(context) as port:
        reason, message = told(run_on(kind, probe_tls(port, Tls(ca_file=authority.file))))
    # By TLS 1.3 the alert comes after the handshake, and may be lost to the reset that follows it.
    assert reason in ("tls", "aborted")
    assert "tls.cert_file" in message


class RawTlsServer:
    """Shakes hands as a server, and closes in order when that fails."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        self._server = RawServer(self._behave)

    def _behave(self, conn: socket.socket) -> None:
        try:
            secure = self._context.wrap_socket(conn, server_side=True)
        except ssl.SSLError:
            conn.settimeout(2)
            while conn.recv(1000):
                pass
        else:
            secure.recv(1)

    def __enter__(self) -> int:
        return self._server.__enter__().port

    def __exit__(self, *_: object) -> None:
        self._server.close()


def _wrong(authority: Authority, right: Files, tmp_path: Path) -> dict[str, tuple[Files, Tls, str]]:
    own = self_signed(tmp_path)
    trusting = Tls(ca_file=authority.file)
    other = Authority(tmp_path)
    return {
        "name": (
            right,
            Tls(ca_file=authority.file, server_name="pacs.example"),
            "Hostname mismatch, certificate is not valid for 'pacs.example'; set tls.server_name to the name in the "
            "certificate",
        ),
        "address": (
            authority.issue("archive.example"),
            trusting,
            "IP address mismatch, certificate is not valid for '127.0.0.1'; set tls.server_name to the name in the "
            "certificate",
        ),
        "expired": (authority.expired(), trusting, "certificate has expired; have it renewed"),
        "self-signed": (
            own,
            Tls(ca_file=authority.file, server_name="device"),
            "self-signed certificate; set tls.ca_file to it if it is meant to be self-signed",
        ),
        "issuer": (
            right,
            Tls(ca_file=other.file),
            "unable to get local issuer certificate; set tls.ca_file to the certificate of the authority that issued "
            "it",
        ),
        "system": (
            right,
            Tls(),
            "unable to get local issuer certificate; set tls.ca_file to the certificate of the authority that issued "
            "it",
        ),
    }


@on_each_loop
@pytest.mark.parametrize("case", ["name", "address", "expired", "self-signed", "issuer", "system"])
def test_a_certificate_that_is_not_accepted_is_told_with_the_remedy(
    authority: Authority, right: Files, tmp_path: Path, case: str, kind: str
) -> None:
    files, tls, sentence = _wrong(authority, right, tmp_path)[case]
    with secure_peer(server_context(files)) as port:
        assert told(run_on(kind, probe_tls(port, tls))) == (
            "tls",
            f"the certificate of ct1 (10.0.0.7:{port}) is not accepted: {sentence}",
        )
        without = tls.model_copy(update={"verify": False})
        assert told(run_on(kind, probe_tls(port, without))) == ("", "")


def test_a_self_signed_certificate_may_be_trusted_itself(tmp_path: Path) -> None:
    own = self_signed(tmp_path)
    with secure_peer(server_context(own)) as port:
        outcome = run_on("epoll", probe_tls(port, Tls(ca_file=own.cert, server_name="device")))
    assert told(outcome) == ("", "")


@on_each_loop
def test_a_port_without_tls_is_told(raw_server: StartRawServer, start_storescp: StartStoreScp, kind: str) -> None:
    assert told(run_on(kind, probe_tls(start_storescp().port, Tls(verify=False))))[0] == "tls"
    # A peer that takes the handshake for the beginning of a very long PDU waits for the rest.
    port = raw_server(hang_up_at(1)).port
    assert told(run_on(kind, probe_tls(port, Tls(verify=False), 0.5)))[0] == "timeout"
    port = raw_server(lambda conn: conn.recv(1000)).port
    assert told(run_on(kind, probe_tls(port, Tls(verify=False)))) == (
        "tls",
        f"ct1 (10.0.0.7:{port}) closed the connection during the TLS handshake; does this port speak TLS, and does it "
        f"want a certificate of ours (tls.cert_file)?",
    )
    port = raw_server(lambda conn: conn.sendall(b"HTTP/1.0 400 Bad Request\r\n\r\n" + conn.recv(1)[:0])).port
    assert told(run_on(kind, probe_tls(port, Tls(verify=False)))) == (
        "tls",
        f"no TLS with ct1 (10.0.0.7:{port}): this port does not speak TLS (wrong version number); take tls away, "
        f"or correct port",
    )


@on_each_loop
def test_a_server_name_that_no_certificate_can_have_is_told(raw_server: StartRawServer, kind: str) -> None:
    port = raw_server(answer_with({})).port
    reason, message = told(run_on(kind, probe_tls(port, Tls(verify=False, server_name=".example"))))
    assert reason == "tls"
    assert "set tls.server_name" in message
    assert sockets_to(port) == 0


@on_each_loop
def test_failures_before_the_handshake_are_told_as_without_tls(kind: str) -> None:
    assert told(run_on(kind, probe_tls(free_port(), Tls())))[0] == "refused"
    with full_backlog() as port:
        reason, message = told(run_on(kind, probe_tls(port, Tls(), 0.3)))
    assert (reason, message.partition(" within")[0]) == ("timeout", f"ct1 (10.0.0.7:{port}) did not answer")


@on_each_loop
@with_time(0.3, 2, 10)
def test_silence_in_the_handshake_is_a_timeout(raw_server: StartRawServer, kind: str, seconds: float) -> None:
    server = raw_server(lambda conn: [None for _ in iter(lambda: conn.recv(1000), b"")])
    reason, message = told(run_on(kind, probe_tls(server.port, Tls(), seconds)))
    assert reason == "timeout"
    waited = waiting_time(message)
    assert waited == pytest.approx(seconds, rel=0.3)
    assert message == (
        f"ct1 (10.0.0.7:{server.port}) took the connection and did not finish the TLS handshake within {waited:g} s; "
        f"does this port speak TLS?"
    )
