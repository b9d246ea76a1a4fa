"""Diagnoses of peers over TLS: whose certificate is in the way, and what is to be done about it."""

import socket
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pacs_monitor.diagnosing.walk import Target
from pacs_monitor.node import Tls
from pacs_monitor.resolve import Resolver
from tests.conftest import StartRawServer, StartStoreScp
from tests.diagnosing.support import here, names, walk
from tests.dicom.authority import Authority, Files, secure_peer, secure_scp, self_signed, server_context
from tests.dicom.pdus import answer_with
from tests.noise import with_time
from tests.peers.ports import free_port


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def right(authority: Authority) -> Files:
    return authority.issue("127.0.0.1")


def demanding(authority: Authority, right: Files, version: ssl.TLSVersion) -> ssl.SSLContext:
    context = server_context(right, wants_from=authority.file)
    context.maximum_version = version
    return context


async def test_tls_is_found_on_either_side(authority: Authority, right: Files, raw_server: StartRawServer) -> None:
    with secure_peer(server_context(right)) as port:
        steps, verdict = await walk(here(port, tls=Tls(ca_file=authority.file)))
        assert ("tls", "ok") in names(steps)
        assert verdict.ok
    # A peer that says nothing to DICOM, and shakes hands with whoever speaks TLS.
    context = server_context(right)

    def guarded(conn: socket.socket) -> None:
        if conn.recv(1, socket.MSG_PEEK) == b"\x16":
            context.wrap_socket(conn, server_side=True).close()

    _, verdict = await walk(here(raw_server(guarded).port))
    assert (verdict.side, verdict.tries) == ("ours", ("diagnose again with --tls, and --ca if it needs one",))
    steps, verdict = await walk(here(raw_server(_plain_only).port, tls=Tls(verify=False)))
    assert (verdict.side, verdict.tries) == ("ours", ("diagnose again without --tls",))
    assert steps[-1].detail == "the port speaks DICOM without TLS"


def _plain_only(conn: socket.socket) -> None:
    if conn.recv(1, socket.MSG_PEEK) != b"\x16":
        answer_with({})(conn)


@with_time(3, 10)
async def test_a_silent_node_leaves_time_to_look_for_tls(
    right: Files, raw_server: StartRawServer, seconds: float
) -> None:
    context = server_context(right)

    def silent(conn: socket.socket) -> None:
        if conn.recv(1, socket.MSG_PEEK) == b"\x16":
            context.wrap_socket(conn, server_side=True).close()
        while conn.recv(1000):
            pass

    _, verdict = await walk(here(raw_server(silent).port, timeout=seconds))
    assert verdict.what.endswith("speaks TLS on this port")


async def test_what_listens_instead_of_dicom_over_tls_is_told(raw_server: StartRawServer) -> None:
    def web_server(conn: socket.socket) -> None:
        conn.recv(9)
        conn.sendall(b"HTTP/1.0 400 Bad Request\r\n\r\n")

    server = raw_server(web_server)
    steps, verdict = await walk(here(server.port, tls=Tls()))
    assert verdict.what.startswith(f"no TLS with the node (127.0.0.1:{server.port}): this port does not speak TLS")
    assert steps[-1].detail == f"no DICOM without TLS either: the node (127.0.0.1:{server.port}) is a web server"


async def test_a_port_that_refuses_tls_in_tls_is_known_to_speak_it(authority: Authority, right: Files) -> None:
    with secure_peer(demanding(authority, right, ssl.TLSVersion.TLSv1_2)) as port:
        _, verdict = await walk(here(port))
    assert verdict.what == f"the node (127.0.0.1:{port}) speaks TLS on this port"


def _assert_wants_ours(what: str, port: int, tries: tuple[str, ...]) -> None:
    assert what == f"the node (127.0.0.1:{port}) wants a certificate of ours, and none was given"
    assert tries[0].startswith("diagnose with --cert and --key")


async def test_a_peer_that_wants_a_certificate_of_ours_is_said_to_want_one(authority: Authority, right: Files) -> None:
    tls = Tls(ca_file=authority.file)
    for serve in (secure_peer, secure_scp):
        with serve(server_context(right, wants_from=authority.file)) as port:
            steps, verdict = await walk(here(port, tls=tls))
        assert [step.name for step in steps if step.state == "failed"][-1] in ("tls", "associate")
        assert verdict.side == "ours"
        _assert_wants_ours(verdict.what, port, verdict.tries)
        assert verdict.vendor.endswith(
            f"tls: no TLS with the node (127.0.0.1:{port}): it wants a certificate of ours (certificate required)"
        )


async def test_dcmtk_that_wants_a_certificate_of_ours_is_said_to_want_one(
    start_storescp: StartStoreScp, authority: Authority, right: Files
) -> None:
    server = start_storescp("+tls", str(right.key), str(right.cert), "+cf", str(authority.file), "-rc")
    _, verdict = await walk(here(server.port, tls=Tls(ca_file=authority.file)))
    _assert_wants_ours(verdict.what, server.port, verdict.tries)
    ours = authority.issue("pacs-monitor.example")
    tls = Tls(ca_file=authority.file, cert_file=ours.cert, key_file=ours.key)
    _, verdict = await walk(here(server.port, tls=tls))
    assert (verdict.ok, verdict.side) == (True, "nobody")


async def test_by_tls_1_2_a_peer_may_want_a_certificate_or_have_no_cipher(authority: Authority, right: Files) -> None:
    with secure_peer(demanding(authority, right, ssl.TLSVersion.TLSv1_2)) as port:
        steps, verdict = await walk(here(port, tls=Tls(ca_file=authority.file)))
    assert names(steps)[-1] == ("tls", "failed")  # it spoke TLS: nobody looks for a port without
    assert (verdict.side, verdict.tries[0]) == ("ours", "diagnose with --cert and --key")


async def test_a_certificate_of_ours_that_is_not_taken_is_told_with_the_side(
    authority: Authority, right: Files, tmp_path: Path
) -> None:
    strange, expired = Authority(tmp_path).issue("pacs-monitor.example"), authority.expired()
    with secure_peer(server_context(right, wants_from=authority.file)) as port:
        tls = Tls(ca_file=authority.file, cert_file=strange.cert, key_file=strange.key)
        _, verdict = await walk(here(port, tls=tls))
        assert verdict.what == f"the node (127.0.0.1:{port}) does not take our certificate"
        assert verdict.side == "the node's configuration"
        assert "O=trustme" in verdict.causes[0]
        tls = Tls(ca_file=authority.file, cert_file=expired.cert, key_file=expired.key)
        _, verdict = await walk(here(port, tls=tls))
        assert verdict.what == f"the node (127.0.0.1:{port}) says that our certificate has expired"
        assert verdict.side == "ours"
        assert verdict.causes[0] == "our certificate is good until 2020-01-01 00:00 UTC (2251 days ago) only"


def _bad_certificates(authority: Authority, folder: Path) -> dict[str, tuple[Files, Tls, str, str, str]]:
    trusting, soon = Tls(ca_file=authority.file), datetime(2099, 1, 1, tzinfo=UTC)
    return {
        "expired": (
            authority.expired(),
            trusting,
            "has expired: it ended 2020-01-01 00:00 UTC (2251 days ago)",
            "the node's configuration",
            "have whoever runs the node renew its certificate: it is to be done there, not here",
        ),
        "not yet": (
            authority.issue("soon.example", "127.0.0.1", not_before=soon, not_after=soon + timedelta(days=1)),
            trusting,
            "is not valid yet: it begins 2099-01-01 00:00 UTC (in 26603 days)",
            "the node's configuration",
            "compare the clock of this machine: `date -u`",
        ),
        "address": (
            authority.issue("archive.example", "pacs.example"),
            trusting,
            "is not for 127.0.0.1, but for archive.example, pacs.example",
            "ours",
            "if this is the node that you mean, diagnose with --server-name and a name of its certificate; for checks, "
            "set tls.server_name",
        ),
        "name": (
            authority.issue("archive.example", "pacs.example"),
            trusting.model_copy(update={"server_name": "ris.example"}),
            "is not for ris.example, but for archive.example, pacs.example",
            "the node's configuration",
            "if this is the node that you mean, diagnose with --server-name and a name of its certificate; for checks, "
            "set tls.server_name",
        ),
        "self-signed": (
            self_signed(folder),
            Tls(server_name="device"),
            "is self-signed, and not one that we trust",
            "ours",
            "compare its SHA-256 fingerprint with the one that the node shows: ",
        ),
        "issuer": (
            authority.issue("127.0.0.1"),
            Tls(),
            "comes from an authority that we do not trust",
            "ours",
            "ask whoever runs the node for the authority's certificate",
        ),
    }


@pytest.mark.parametrize("case", ["expired", "not yet", "address", "name", "self-signed", "issuer"])
async def test_a_certificate_that_is_not_accepted_has_a_verdict_of_its_own(
    authority: Authority, tmp_path: Path, case: str
) -> None:
    files, tls, what, side, attempt = _bad_certificates(authority, tmp_path)[case]
    with secure_peer(server_context(files)) as port:
        steps, verdict = await walk(here(port, tls=tls))
    assert names(steps)[-2:] == [("tls", "failed"), ("look closer", "ok")]
    assert steps[-1].detail.startswith("its certificate: for ")
    assert verdict.what == f"the certificate of the node (127.0.0.1:{port}) {what}"
    assert verdict.side == side
    assert verdict.tries[0].startswith(attempt)
    assert f", tls: the certificate of the node (127.0.0.1:{port}) is not accepted: " in verdict.vendor


async def test_the_fingerprint_is_the_one_that_openssl_shows(tmp_path: Path) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA256

    files = self_signed(tmp_path)
    with secure_peer(server_context(files)) as port:
        _, verdict = await walk(here(port, tls=Tls(server_name="device")))
    certificate = x509.load_pem_x509_certificate(files.cert.read_bytes())
    shown = verdict.tries[0].partition("shows: ")[2].replace(" ", "")
    assert shown == certificate.fingerprint(SHA256()).hex(":").upper()


async def test_an_authority_that_has_expired_is_told_from_a_certificate_that_has(tmp_path: Path) -> None:
    authority = Authority(tmp_path, expired=True)
    with secure_peer(server_context(authority.issue("127.0.0.1"))) as port:
        _, verdict = await walk(here(port, tls=Tls(ca_file=authority.file)))
    assert verdict.what.endswith("is issued by an authority whose certificate has expired")
    assert verdict.causes[0].endswith("its own is good until 3000-01-01 00:00 UTC (in 355686 days)")


async def test_text_in_a_certificate_does_no_harm(authority: Authority, tmp_path: Path) -> None:
    files = self_signed(tmp_path, "dev\x1b[31mice{us}\u202e")
    with secure_peer(server_context(files)) as port:
        steps, verdict = await walk(here(port, tls=Tls(server_name="device")))
    told = " ".join((steps[-1].detail, verdict.what, *verdict.causes, *verdict.tries, verdict.vendor))
    assert told.isprintable()
    assert "dev" in steps[-1].detail


async def test_certificate_files_that_cannot_be_used_are_our_own_fault() -> None:
    steps, verdict = await walk(here(free_port(), tls=Tls(ca_file=Path("/no/such.pem"))))
    assert names(steps)[-1] == ("tls", "failed")
    assert (verdict.side, verdict.what) == (
        "ours",
        "the certificate files /no/such.pem cannot be used (/no/such.pem: No such file or directory)",
    )


async def test_a_name_that_no_certificate_can_have_is_our_own_fault(right: Files) -> None:
    with secure_peer(server_context(right)) as port:
        _, verdict = await walk(here(port, tls=Tls(server_name=".example")))
    assert (verdict.ok, verdict.side) == (False, "ours")
    assert verdict.tries[0] == "diagnose with --server-name and a name of the node's certificate"


async def test_the_name_that_is_verified_is_the_hosts(authority: Authority) -> None:
    resolver: Resolver = Resolver(lambda host: [(socket.AF_INET, ("127.0.0.1", 0))])
    with secure_peer(server_context(authority.issue("archive.example"))) as port:
        target = Target("archive.example", port, "ARCHIVE", tls=Tls(ca_file=authority.file))
        _, verdict = await walk(target, resolver)
    assert verdict.ok
