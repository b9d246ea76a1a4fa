"""The tls_expiry check against servers of all kinds, with certificates that are good, old, unknown or another's."""

from __future__ import annotations

import datetime
import logging
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Sink

from checks import tls_expiry as module
from checks.tls_expiry import TlsExpiry
from pacs_monitor.loader import load_file
from pacs_monitor.node import Node, Tls
from tests.checks.support import Run, bind, complaint, run
from tests.conftest import StartOrthanc, StartRawServer
from tests.dicom.authority import Authority, Files, secure_scp, secured, self_signed, server_context
from tests.noise import with_time
from tests.peers.ports import free_port
from tests.peers.raw import RawServer
from tests.peers.slapd import run_slapd

EXPIRY = "pacs_certificate_expiry_timestamp_seconds"
CHAIN = "pacs_certificate_chain_expiry_timestamp_seconds"
TRUSTED = "pacs_certificate_trusted"
HOUR = 3600.0
DAY = 24 * HOUR


def now() -> float:
    return datetime.datetime.now(datetime.UTC).timestamp()


def issue(authority: Authority, left: float, *names: str) -> Files:
    """A certificate that is good for so many seconds more, or not any more."""
    ends = datetime.datetime.fromtimestamp(now() + left, datetime.UTC)
    begins = ends - datetime.timedelta(days=365)
    return authority.issue(*(names or ("127.0.0.1",)), not_before=begins, not_after=ends)


@contextmanager
def listening(files: Files, received: list[bytes] | None = None, wants: Path | None = None) -> Iterator[int]:
    """The port of a server that shakes hands, and notes what is sent after that."""

    def behave(conn: socket.socket) -> None:
        while data := conn.recv(100):
            (received if received is not None else []).append(data)

    with RawServer(secured(server_context(files, wants), behave)) as server:
        yield server.port


async def look(port: int | None, settings: dict[str, Any], seconds: float = 30.0) -> Run:
    check = TlsExpiry.model_validate({"port": port, **settings})
    return await run(bind(check, Node(name="ris", host="127.0.0.1")), seconds)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


async def test_a_good_certificate_is_told_with_its_end_and_nothing_is_sent(authority: Authority) -> None:
    received: list[bytes] = []
    files = issue(authority, 90 * DAY)
    with listening(files, received) as port:
        gave = await look(port, {"tls": {"ca_file": authority.file}})
    assert gave.failure is None
    assert abs((gave.value(EXPIRY) or 0) - now() - 90 * DAY) < HOUR
    assert gave.value(CHAIN, position="1") == gave.value(EXPIRY)
    assert gave.value(TRUSTED) == 1
    assert received == []


@pytest.mark.parametrize(
    ("left", "words"),
    [
        (-3.5 * DAY, "the certificate of ris (127.0.0.1:{port}) expired 3 days ago, on "),
        (-1.5 * HOUR, "expired 1 hour ago, on "),
        (5.5 * DAY, "the certificate of ris (127.0.0.1:{port}) expires in 5 days, on "),
    ],
)
async def test_one_that_is_over_or_soon_will_be_is_seen_and_named(
    authority: Authority, left: float, words: str
) -> None:
    received: list[bytes] = []
    with listening(issue(authority, left), received) as port:
        gave = await look(port, {"tls": {"ca_file": authority.file}})
    assert gave.reason == "threshold"
    assert words.format(port=port) in gave.message
    assert gave.message.endswith(("; have a new one issued and installed now", ", and have it installed"))
    assert abs((gave.value(EXPIRY) or 0) - now() - left) < HOUR
    assert received == []


async def test_critical_is_a_setting(authority: Authority) -> None:
    with listening(issue(authority, 5.5 * DAY)) as port:
        settings = {"tls": {"ca_file": authority.file}}
        assert (await look(port, {**settings, "critical": "5d"})).failure is None
        assert (await look(port, {**settings, "critical": "6d"})).reason == "threshold"


async def test_an_issuer_that_ends_before_the_servers_own_is_the_one_that_is_named(authority: Authority) -> None:
    leaf, short = issue(authority, 90 * DAY), issue(authority, 2.5 * DAY, "issuer.example")
    leaf.cert.write_bytes(leaf.cert.read_bytes() + short.cert.read_bytes())
    with listening(leaf) as port:
        gave = await look(port, {"tls": {"ca_file": authority.file}})
    assert gave.reason == "threshold"
    assert (
        f"an issuer's certificate that ris (127.0.0.1:{port}) shows (number 2 of 2) expires in 2 days" in gave.message
    )
    assert gave.value(EXPIRY) == gave.value(CHAIN, position="2")


@pytest.mark.parametrize(
    ("names", "trusted", "words"),
    [
        (("127.0.0.1",), False, "set tls.ca_file to the certificate of the authority that issued it"),
        (("canary.example",), True, "set tls.server_name to the name in the certificate"),
    ],
)
async def test_one_that_is_not_to_be_trusted_is_told_and_its_end_too(
    authority: Authority, names: tuple[str, ...], trusted: bool, words: str
) -> None:
    with listening(issue(authority, 90 * DAY, *names)) as port:
        tls = {"ca_file": authority.file} if trusted else {}
        gave = await look(port, {"tls": tls})
        assert gave.reason == "tls"
        assert words in gave.message
        assert "canary" not in gave.message
        assert gave.value(TRUSTED) == 0
        assert (gave.value(EXPIRY) or 0) > now() + 89 * DAY
        gave = await look(port, {"tls": {**tls, "verify": False}})
        assert gave.failure is None
        assert gave.value(TRUSTED) is None


async def test_the_name_may_be_another_than_the_host(authority: Authority) -> None:
    with listening(issue(authority, 90 * DAY, "ris.example")) as port:
        gave = await look(port, {"tls": {"ca_file": authority.file, "server_name": "ris.example"}})
    assert gave.failure is None


async def test_a_self_signed_one_is_told_unless_it_is_trusted(tmp_path: Path) -> None:
    files = self_signed(tmp_path)
    with listening(files) as port:
        gave = await look(port, {"critical": "1h", "warning": "2h"})
        assert gave.reason == "tls"
        assert "set tls.ca_file to it if it is meant to be self-signed" in gave.message
        tls = {"ca_file": files.cert, "server_name": "device"}
        assert (await look(port, {"critical": "1h", "warning": "2h", "tls": tls})).failure is None


async def test_the_nodes_own_port_is_looked_at_with_the_nodes_own_tls(authority: Authority) -> None:
    with secure_scp(server_context(issue(authority, 90 * DAY))) as port:
        check = bind(TlsExpiry(), Node(name="ris", host="127.0.0.1", port=port, tls=Tls(ca_file=authority.file)))
        gave = await run(check, 30)
    assert gave.failure is None, gave.message
    assert gave.value(TRUSTED) == 1


async def test_orthanc_with_dicom_over_tls_is_looked_at(authority: Authority, start_orthanc: StartOrthanc) -> None:
    files = issue(authority, 90 * DAY)
    orthanc = start_orthanc(
        DicomTlsEnabled=True,
        DicomTlsCertificate=str(files.cert),
        DicomTlsPrivateKey=str(files.key),
        DicomTlsTrustedCertificates=str(authority.file),
        DicomTlsRemoteCertificateRequired=False,
    )
    gave = await look(orthanc.dicom_port, {"tls": {"ca_file": authority.file}})
    assert gave.failure is None, gave.message


async def test_a_server_that_wants_a_certificate_of_ours_gets_it(authority: Authority) -> None:
    ours = authority.issue("pacs-monitor")
    with listening(issue(authority, 90 * DAY), wants=authority.file) as port:
        tls = {"ca_file": authority.file, "cert_file": ours.cert, "key_file": ours.key}
        assert (await look(port, {"tls": tls})).failure is None


async def test_a_server_that_gets_none_of_ours_has_shown_its_own_all_the_same(authority: Authority) -> None:
    context = server_context(issue(authority, 90 * DAY), authority.file)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with RawServer(secured(context, lambda conn: conn.recv(1))) as server:
        gave = await look(server.port, {"tls": {"ca_file": authority.file}})
    assert gave.failure is None, gave.message
    assert (gave.value(EXPIRY) or 0) > now() + 89 * DAY


@pytest.fixture
def start_mail() -> Iterator[Callable[[Files | None], int]]:
    started: list[Controller] = []

    def start(files: Files | None) -> int:
        tls = server_context(files) if files else None
        mail = Controller(Sink(), hostname="127.0.0.1", port=free_port(), tls_context=tls, ready_timeout=60)
        started.append(mail)
        mail.start()
        return mail.port

    yield start
    for each in started:
        each.stop(no_assert=True)


async def test_a_mail_server_is_asked_by_starttls(
    authority: Authority, start_mail: Callable[[Files | None], int]
) -> None:
    port = start_mail(issue(authority, 90 * DAY))
    gave = await look(port, {"starttls": "smtp", "tls": {"ca_file": authority.file}})
    assert gave.failure is None, gave.message
    gave = await look(port, {"starttls": "smtp"})
    assert gave.reason == "tls"
    assert gave.value(EXPIRY)


async def test_a_mail_server_without_starttls_is_told(start_mail: Callable[[Files | None], int]) -> None:
    port = start_mail(None)
    gave = await look(port, {"starttls": "smtp"})
    assert gave.reason == "mismatch"
    assert gave.message == (
        f"ris (127.0.0.1:{port}) speaks smtp and offers no STARTTLS; switch TLS on there, or correct port"
    )


async def test_slapd_is_asked_by_starttls(authority: Authority, new_folder: Callable[[str], Path]) -> None:
    with run_slapd(new_folder("slapd"), issue(authority, 90 * DAY)) as port:
        gave = await look(port, {"starttls": "ldap", "tls": {"ca_file": authority.file}})
        assert gave.failure is None, gave.message
        assert (gave.value(EXPIRY) or 0) > now() + 89 * DAY


async def test_slapd_without_tls_is_told(new_folder: Callable[[str], Path]) -> None:
    with run_slapd(new_folder("slapd"), None) as port:
        gave = await look(port, {"starttls": "ldap"})
    assert gave.reason == "mismatch"
    assert "speaks ldap and offers no STARTTLS" in gave.message


def plain_then_tls(files: Files, expects: bytes, first: bytes, answer: bytes) -> Callable[[socket.socket], None]:
    """A service that greets with `first`, and shakes hands after it has answered what it expects."""

    def behave(conn: socket.socket) -> None:
        conn.sendall(first)
        if conn.recv(100) == expects:
            conn.sendall(answer)
            secured(server_context(files), lambda secure: secure.recv(1))(conn)

    return behave


@pytest.mark.parametrize(
    ("service", "expects", "first", "answer"),
    [
        ("imap", b"a1 STARTTLS\r\n", b"* OK ready\r\n", b"a1 OK begin\r\n"),
        ("postgres", b"\x00\x00\x00\x08\x04\xd2\x16\x2f", b"", b"S"),
    ],
)
async def test_other_services_are_asked_as_their_standard_says(
    authority: Authority, raw_server: StartRawServer, service: str, expects: bytes, first: bytes, answer: bytes
) -> None:
    server = raw_server(plain_then_tls(issue(authority, 90 * DAY), expects, first, answer))
    gave = await look(server.port, {"starttls": service, "tls": {"ca_file": authority.file}})
    assert gave.failure is None, gave.message


@pytest.mark.parametrize("service", ["smtp", "imap", "ldap", "postgres"])
@pytest.mark.parametrize("says", [b"Canary^Patient\r\n", b"0\x84\xff\xff\xff\xff", b"Canary" * 20000, b""])
async def test_what_speaks_something_else_is_told_without_a_word_of_it(
    raw_server: StartRawServer, caplog: pytest.LogCaptureFixture, service: str, says: bytes
) -> None:
    caplog.set_level(logging.DEBUG)

    def behave(conn: socket.socket) -> None:
        conn.sendall(says)
        conn.shutdown(socket.SHUT_WR)
        while conn.recv(1000):
            pass

    server = raw_server(behave)
    gave = await look(server.port, {"starttls": service})
    assert gave.reason == "mismatch"
    assert gave.message.startswith(f"ris (127.0.0.1:{server.port}) does not answer as {service} should")
    assert "canary" not in (gave.message + caplog.text).lower()


async def test_a_port_without_tls_is_told(raw_server: StartRawServer) -> None:
    server = raw_server(lambda conn: conn.sendall(b"220 Canary^Patient\r\n"))
    gave = await look(server.port, {})
    assert gave.reason == "tls"
    assert "this port does not speak TLS" in gave.message
    assert gave.samples == []


@pytest.mark.parametrize("settings", [{}, {"starttls": "smtp"}, {"starttls": "ldap"}])
@with_time(0.5, 3, 10)
async def test_one_that_hangs_is_a_timeout(settings: dict[str, Any], seconds: float) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        gave = await look(listener.getsockname()[1], settings, seconds)
    assert gave.reason == "timeout"
    wanted = f"does it speak {settings['starttls']}?" if settings else "does this port speak TLS?"
    assert gave.message.endswith(wanted)


async def test_a_closed_port_is_told() -> None:
    assert (await look(free_port(), {})).reason == "refused"


async def test_a_dicom_listener_is_left_free_by_then(authority: Authority) -> None:
    check = TlsExpiry(tls={"ca_file": authority.file})  # type: ignore[arg-type]
    with secure_scp(server_context(issue(authority, 90 * DAY))) as port:
        bind(check, Node(name="ris", host="127.0.0.1", port=port))
        await run(check)
    budget: Any = check.surroundings.budget
    assert budget.taken(("127.0.0.1", port)) == 0


# Files.


@pytest.mark.parametrize("form", ["pem", "der"])
async def test_a_file_is_read_instead(authority: Authority, form: str) -> None:
    files = issue(authority, 20.5 * DAY)
    if form == "der":
        files.cert.write_bytes(ssl.PEM_cert_to_DER_cert(files.cert.read_text()))
    gave = await run(bind(TlsExpiry(cert_file=files.cert), Node(name="web")))
    assert gave.failure is None
    assert abs((gave.value(EXPIRY) or 0) - now() - 20.5 * DAY) < HOUR
    gave = await run(bind(TlsExpiry(cert_file=files.cert, critical=21 * DAY), Node(name="web")))
    assert gave.message.startswith(f"the certificate of {files.cert} expires in 20 days, on ")


async def test_a_file_that_holds_no_certificate_is_told(tmp_path: Path) -> None:
    for content in (b"Canary", b"-----BEGIN CERTIFICATE-----\nCanary\n-----END CERTIFICATE-----\n", b""):
        path = tmp_path / "web.pem"
        path.write_bytes(content)
        gave = await run(bind(TlsExpiry(cert_file=path), Node(name="web")))
        assert gave.reason == "mismatch"
        assert gave.message == f"{path} holds no certificate in PEM or DER; correct cert_file, or write it there again"


async def test_a_file_that_is_not_there_is_what_the_system_says(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        await run(bind(TlsExpiry(cert_file=tmp_path / "gone.pem"), Node(name="web")))


async def test_a_node_without_host_or_port_is_told_where_to_set_them() -> None:
    gave = await run(bind(TlsExpiry(), Node(name="web")))
    assert gave.message == "web has no host; set host for this check or for its node, or cert_file"
    gave = await run(bind(TlsExpiry(), Node(name="web", host="127.0.0.1")))
    assert gave.message == "web has no port; set port for this check or for its node"


async def test_it_needs_no_node_but_a_host_or_a_file(authority: Authority) -> None:
    files, tls = issue(authority, 90 * DAY), Tls(ca_file=authority.file)
    with listening(files) as port:
        gave = await run(bind(TlsExpiry(name="portal", host="127.0.0.1", port=port, tls=tls)))
        assert gave.failure is None
        assert (gave.value(EXPIRY) or 0) > now()
        node = Node(name="web", host="127.0.0.2", port=port)
        assert (await run(bind(TlsExpiry(host="127.0.0.1", port=port, tls=tls), node))).failure is None
    assert (await run(bind(TlsExpiry(name="own", cert_file=files.cert)))).failure is None
    gave = await run(bind(TlsExpiry(name="portal", host="127.0.0.1")))
    assert gave.message == "portal has no port; set port for this check or for its node"


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"cert_file": "/a", "port": 443}, "cert_file takes no host, port, starttls or tls; keep it"),
        ({"critical": "40d"}, "critical is longer than warning; write for example critical: 7d and warning: 30d"),
        ({"starttls": "ftp"}, "'smtp', 'imap', 'ldap' or 'postgres'"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any], words: str) -> None:
    with complaint(words):
        TlsExpiry.model_validate(settings)


async def test_it_gives_the_metrics_that_the_documentation_names_and_no_others(authority: Authority) -> None:
    with listening(issue(authority, 90 * DAY)) as port:
        gave = await look(port, {"tls": {"ca_file": authority.file}})
    given = {sample.metric.name for sample in gave.samples}
    assert given == {metric.name for metric in load_file(Path(module.__file__ or "")).metrics}
