import socket
import ssl
import time
from dataclasses import replace
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest

from pacs_monitor.notify import smtp as talking
from pacs_monitor.notify.email import send
from pacs_monitor.notify.message import Mail, mailboxes
from pacs_monitor.notify.notification import DeliveryFailed
from pacs_monitor.routing.definitions import Email, Secret, Tls
from tests.conftest import StartRawServer
from tests.dicom.authority import Authority, server_context
from tests.notify.mailserver import DROP, HANG, mail_server, scripted
from tests.notify.samples import notification

MAIL = Mail("archive is down – since 10:12", "Grüße\n", "<p>Grüße</p>")


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def tls(authority: Authority) -> ssl.SSLContext:
    return server_context(authority.issue("127.0.0.1"))


def to(port: int, authority: Authority | None = None, **changes: Any) -> Email:
    email = Email(to="oncall@north.example", sender="PACS <pacs@north.example>", host="127.0.0.1", port=port)
    email = replace(email, tls=Tls(ca_file=authority.file)) if authority else replace(email, require_tls=False)
    return replace(email, **changes)


def failure(email: Email, within: float = 10) -> DeliveryFailed:
    with pytest.raises(DeliveryFailed) as caught:
        send(email, notification(), MAIL, within=within)
    return caught.value


def test_a_mail_goes_out_over_tls_in_text_and_html(authority: Authority, tls: ssl.SSLContext) -> None:
    with mail_server(tls, require_starttls=True) as inbox:
        told = send(to(inbox.port, authority), notification(), MAIL)
    assert told == "127.0.0.1, 250 2.0.0 Ok: queued"
    assert inbox.envelopes == [("pacs@north.example", "oncall@north.example")]
    (mail,) = inbox.mails
    assert mail["Subject"] == MAIL.subject
    assert mail["From"] == "PACS <pacs@north.example>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["X-Auto-Response-Suppress"] == "All"
    assert abs(parsedate_to_datetime(mail["Date"]).timestamp() - time.time()) < 60
    assert mail.get_content_type() == "multipart/alternative"
    texts = [part.get_content().strip() for part in mail.iter_parts()]
    assert texts == ["Grüße", "<p>Grüße</p>"]
    assert inbox.raw[0].isascii()


def test_a_pager_has_plain_text_alone() -> None:
    with mail_server() as inbox:
        send(to(inbox.port), notification(), Mail("down", "archive down"))
    assert inbox.mails[0].get_content_type() == "text/plain"


def test_tls_from_the_first_byte(authority: Authority, tls: ssl.SSLContext) -> None:
    with mail_server(tls, implicit=True) as inbox:
        send(to(inbox.port, authority, implicit_tls=True), notification(), MAIL)
        assert len(inbox.mails) == 1


def test_port_465_means_tls_from_the_first_byte(raw_server: StartRawServer, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[bytes] = []
    server = raw_server(lambda conn: heard.append(conn.recv(100)))
    monkeypatch.setattr("pacs_monitor.notify.email.IMPLICIT_TLS", server.port)
    assert failure(to(server.port, require_tls=True)).reason in ("tls", "aborted")
    assert heard[0].startswith(b"\x16\x03")


def test_a_version_of_tls_that_is_too_old_is_refused(authority: Authority) -> None:
    old = server_context(authority.issue("127.0.0.1"))
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    with mail_server(old) as inbox:
        newer = Tls(ca_file=authority.file, min_version="TLS13")
        assert failure(to(inbox.port, authority, tls=newer)).reason == "tls"
        both = Tls(ca_file=authority.file, min_version="TLS12", max_version="TLS13")
        send(to(inbox.port, authority, tls=both), notification(), MAIL)


def test_a_repeat_can_be_told_and_a_group_is_one_thread() -> None:
    with mail_server() as inbox:
        send(to(inbox.port), notification(), MAIL)
        send(to(inbox.port), notification(), MAIL)
        send(to(inbox.port), notification(key="another"), MAIL)
        send(to(inbox.port), notification(key="more", group_key="{}:{}"), MAIL)
    ids = [mail["Message-ID"] for mail in inbox.mails]
    threads = [mail["References"] for mail in inbox.mails]
    assert ids[0] == ids[1] != ids[2]
    assert ids[0].endswith("@north.example>")
    assert threads[0] == threads[1] == threads[2] != threads[3]
    assert [mail["In-Reply-To"] for mail in inbox.mails] == threads


def test_a_certificate_of_another_authority_is_refused(tls: ssl.SSLContext, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    with mail_server(tls) as inbox:
        failed = failure(to(inbox.port, Authority(tmp_path / "other")))
    assert (failed.reason, failed.retry) == ("tls", True)
    assert f"the certificate of 127.0.0.1:{inbox.port} is not to be trusted" in str(failed)
    assert inbox.mails == []


def test_a_certificate_for_another_name_is_refused(authority: Authority) -> None:
    with mail_server(server_context(authority.issue("mail.north.example"))) as inbox:
        assert failure(to(inbox.port, authority)).reason == "tls"
        named = Tls(ca_file=authority.file, server_name="mail.north.example")
        send(to(inbox.port, authority, tls=named), notification(), MAIL)
        send(to(inbox.port, authority, tls=Tls(insecure_skip_verify=True)), notification(), MAIL)


def test_a_client_certificate_is_shown(authority: Authority) -> None:
    context = server_context(authority.issue("127.0.0.1"), wants_from=authority.file)
    ours = authority.issue("pacsmon")
    with mail_server(context, require_starttls=True) as inbox:
        failure(to(inbox.port, authority))
        shown = Tls(ca_file=authority.file, cert_file=ours.cert, key_file=ours.key)
        send(to(inbox.port, authority, tls=shown), notification(), MAIL)
        assert len(inbox.mails) == 1


def test_certificates_that_cannot_be_read_are_named(authority: Authority) -> None:
    nowhere = Path("/nowhere/ca.pem")
    failed = failure(to(1, authority, tls=Tls(ca_file=nowhere)))
    assert str(failed) == (
        "the certificates for 127.0.0.1:1 cannot be used (No such file or directory); look at /nowhere/ca.pem"
    )


def test_starttls_that_somebody_took_away_is_noticed(raw_server: StartRawServer, authority: Authority) -> None:
    heard: list[str] = []
    server = raw_server(scripted({}, heard))
    failed = failure(to(server.port, authority, username="u", password=Secret("pw")))
    assert (failed.reason, failed.retry) == ("tls", True)
    assert "offers no TLS (STARTTLS), which require_tls asks for" in str(failed)
    assert not any(line.startswith(("AUTH", "MAIL")) for line in heard)


def test_what_was_said_before_tls_does_not_count(
    raw_server: StartRawServer, authority: Authority, tls: ssl.SSLContext
) -> None:
    def inject(conn: Any) -> None:
        conn.sendall(b"220 hi\r\n")
        conn.recv(100)
        conn.sendall(b"250-mail\r\n250 STARTTLS\r\n")
        conn.recv(100)
        # CVE-2011-0411, seen from the client.
        conn.sendall(b"220 go\r\n250 AUTH PLAIN\r\n")
        with tls.wrap_socket(conn, server_side=True) as secure:
            secure.recv(100)
            secure.sendall(b"250 mail\r\n")
            secure.recv(100)

    failed = failure(to(raw_server(inject).port, authority, username="u", password=Secret("pw")))
    assert failed.reason == "auth"
    assert "it has none" in str(failed)


@pytest.mark.parametrize("excluded", [(), ("PLAIN",)])
def test_a_password_is_taken_by_plain_and_by_login(
    authority: Authority, tls: ssl.SSLContext, excluded: tuple[str, ...], tmp_path: Path
) -> None:
    file = tmp_path / "password"
    file.write_text("päss wörd\n")
    with mail_server(tls, auth_exclude_mechanism=excluded, auth_required=True) as inbox:
        send(to(inbox.port, authority, username="pacs", password=Secret(file=file)), notification(), MAIL)
        assert inbox.logins[0][0] == ("LOGIN" if excluded else "PLAIN")
        assert len(inbox.mails) == 1


def test_a_wrong_password_is_told_and_not_shown(authority: Authority, tls: ssl.SSLContext) -> None:
    with mail_server(tls) as inbox:
        failed = failure(to(inbox.port, authority, username="pacs", password=Secret("hunter2")))
    assert (failed.reason, failed.retry) == ("auth", False)
    assert str(failed) == (
        f"127.0.0.1:{inbox.port} does not take the password of pacs (535 5.7.8); "
        f"correct auth_username, and auth_password or auth_secret"
    )


def test_a_password_that_the_server_repeats_is_not_told(raw_server: StartRawServer) -> None:
    server = raw_server(scripted({"EHLO": "250-mail\r\n250 AUTH PLAIN", "AUTH": "535 hunter2 is wrong"}))
    failed = failure(to(server.port, username="u", password=Secret("hunter2")))
    assert "hunter2" not in str(failed)


def test_cram_md5_tells_no_password(raw_server: StartRawServer) -> None:
    heard: list[str] = []

    def serve(conn: Any) -> None:
        # RFC 2195's example.
        lines = conn.makefile("rb")
        conn.sendall(b"220 hi\r\n")
        for answer in (
            b"250-mail\r\n250 AUTH CRAM-MD5 PLAIN\r\n",
            b"334 PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+\r\n",
            b"535 no\r\n",
        ):
            heard.append(lines.readline().decode().strip())
            conn.sendall(answer)

    email = to(raw_server(serve).port, username="tim", secret=Secret("tanstaaftanstaaf"), password=Secret("x"))
    assert failure(email).reason == "auth"
    assert heard[1:] == ["AUTH CRAM-MD5", "dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw"]


def test_a_password_never_goes_unencrypted_over_the_network(
    raw_server: StartRawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[str] = []
    monkeypatch.setattr(talking.Smtp, "is_local", False)
    server = raw_server(scripted({"EHLO": "250-mail\r\n250 AUTH PLAIN"}, heard))
    failed = failure(to(server.port, username="u", password=Secret("hunter2")))
    assert (failed.reason, failed.retry) == ("tls", False)
    assert not any(line.startswith("AUTH") for line in heard)


def test_a_password_file_that_is_gone_is_named(raw_server: StartRawServer) -> None:
    server = raw_server(scripted({"EHLO": "250-mail\r\n250 AUTH PLAIN"}))
    failed = failure(to(server.port, username="u", password=Secret(file=Path("/nowhere/pw"))))
    assert (failed.reason, failed.retry) == ("secret", True)
    assert "look at /nowhere/pw" in str(failed)


PHASES = ("greeting", "EHLO", "MAIL", "RCPT", "DATA", ".")


@pytest.mark.parametrize("phase", PHASES)
def test_a_server_that_hangs_is_given_up(
    raw_server: StartRawServer, phase: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(talking, "STEP_WITHIN", 0.3)
    started = time.monotonic()
    failed = failure(to(raw_server(scripted({phase: HANG})).port))
    assert time.monotonic() - started < 20
    assert (failed.reason, failed.retry) == ("timeout", True)


def test_a_server_that_drips_is_given_up(raw_server: StartRawServer) -> None:
    def drip(conn: Any) -> None:
        while True:
            conn.sendall(b"2")
            time.sleep(0.05)

    started = time.monotonic()
    failed = failure(to(raw_server(drip).port), within=0.5)
    assert time.monotonic() - started < 20
    assert failed.reason == "timeout"


def test_a_server_that_drips_its_handshake_is_given_up(raw_server: StartRawServer, authority: Authority) -> None:
    def drip(conn: Any) -> None:
        conn.sendall(b"220 hi\r\n")
        conn.recv(100)
        conn.sendall(b"250-mail\r\n250 STARTTLS\r\n")
        conn.recv(100)
        conn.sendall(b"220 go\r\n")
        for byte in b"\x16\x03\x03\x40\x00" + bytes(2000):
            conn.sendall(bytes([byte]))
            time.sleep(0.05)

    started = time.monotonic()
    assert failure(to(raw_server(drip).port, authority), within=0.5).reason == "timeout"
    assert time.monotonic() - started < 20


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("code", [451, 554])
def test_a_refusal_may_pass_or_needs_somebody(raw_server: StartRawServer, phase: str, code: int) -> None:
    failed = failure(to(raw_server(scripted({phase: f"{code} 4.3.0 says no"})).port))
    assert failed.retry is (code < 500)
    assert failed.reason == ("busy" if code < 500 else "rejected")
    assert f"{code} 4.3.0 says no" in str(failed)
    assert "; " in str(failed)


@pytest.mark.parametrize("phase", PHASES)
def test_a_server_that_hangs_up_is_tried_again(raw_server: StartRawServer, phase: str) -> None:
    failed = failure(to(raw_server(scripted({phase: DROP})).port))
    assert (failed.reason, failed.retry) == ("aborted", True)


@pytest.mark.parametrize("garbage", [b"SSH-2.0-x\r\n", b"\xff" * 100_000, b"HTTP/1.1 400\r\n\r\n"])
def test_another_service_is_no_mail_server(raw_server: StartRawServer, garbage: bytes) -> None:
    failed = failure(to(raw_server(lambda conn: conn.sendall(garbage)).port))
    assert (failed.reason, failed.retry) == ("mismatch", True)


def test_nothing_listens(raw_server: StartRawServer) -> None:
    with raw_server(lambda conn: None) as server:
        port = server.port
    failed = failure(to(port))
    assert (failed.reason, failed.retry) == ("refused", True)


def test_a_host_without_address() -> None:
    failed = failure(to(25, host="nowhere.invalid"))
    assert (failed.reason, failed.retry) == ("dns", True)


def test_one_refused_address_does_not_stop_the_others() -> None:
    with mail_server() as inbox:
        inbox.refuse["b@x.example"] = "450 4.2.0 greylisted"
        email = to(inbox.port, to="a@x.example, B <b@x.example>, c@x.example")
        failed = failure(email)
        assert failed.delivered == ("a@x.example", "c@x.example")
        assert failed.retry
        assert str(failed).startswith("2 of 3 addresses have it; ")
        inbox.refuse.clear()
        send(email, notification(), MAIL, already=failed.delivered)
    assert [to for _, to in inbox.envelopes] == ["a@x.example", "c@x.example", "b@x.example"]


@pytest.mark.parametrize("ends", ["", "421 4.3.0 the filter died"])
def test_an_address_at_which_the_server_hangs_up_does_not_stop_the_others(
    raw_server: StartRawServer, ends: str
) -> None:
    heard: list[str] = []

    def serve(conn: socket.socket) -> None:
        conn.sendall(b"220 mail ready\r\n")
        lines = conn.makefile("rb")
        while line := lines.readline().decode().strip():
            heard.append(line)
            if line.startswith("rcpt TO:<b@"):
                conn.sendall(f"{ends}\r\n".encode() if ends else b"")
                conn.shutdown(socket.SHUT_RDWR)
                return
            if line == "data":
                conn.sendall(b"354 go on\r\n")
                while lines.readline() != b".\r\n":
                    pass
            conn.sendall(b"250 Ok\r\n")

    failed = failure(to(raw_server(serve).port, to="a@x.example, b@x.example, c@x.example, d@x.example"))
    assert failed.delivered == ("a@x.example", "c@x.example", "d@x.example")
    assert failed.retry
    assert heard.count("ehlo localhost") == 2


def test_a_server_that_is_gone_is_not_asked_for_each_address(raw_server: StartRawServer) -> None:
    greetings = iter([b"220 mail ready\r\n250 Ok\r\n", b"421 later\r\n"])
    greeted: list[bytes] = []

    def serve(conn: socket.socket) -> None:
        greeted.append(next(greetings))
        conn.sendall(greeted[-1])

    failed = failure(to(raw_server(serve).port, to=", ".join(f"{name}@x.example" for name in "abcdef")))
    assert (failed.delivered, failed.retry) == ((), True)
    assert len(greeted) == 2


def test_what_is_left_decides_whether_another_try_makes_sense() -> None:
    with mail_server() as inbox:
        inbox.refuse = {"a@x.example": "550 5.1.1 nobody", "b@x.example": "450 later"}
        email = to(inbox.port, to="a@x.example, b@x.example")
        assert failure(email).retry
        inbox.refuse.pop("b@x.example")
        failed = failure(email)
        assert (failed.retry, failed.delivered) == (False, ("b@x.example",))


def test_headers_cannot_be_injected_and_long_subjects_fold() -> None:
    subject = "archive\r\nBcc: spy@evil.example\r\n\r\nbody " + "sehr lange Überschrift " * 20
    with mail_server() as inbox:
        headers = (("X-Team", "pacs\r\nBcc: x@y"), ("To", "x@evil.example"), ("bad name", "x"), ("Subject", "{{ .x }}"))
        send(to(inbox.port, headers=headers), notification(), Mail(subject, "text"))
    (mail,) = inbox.mails
    assert mail["Bcc"] is None
    assert mail["X-Team"] == "pacs Bcc: x@y"
    assert mail["To"] == "oncall@north.example"
    assert mail["Subject"].startswith("archive Bcc: spy@evil.example body sehr lange Überschrift")
    assert all(len(line) <= 78 for line in inbox.raw[0].split(b"\r\n"))


@pytest.mark.parametrize("length", [60, 69, 70, 77, 78, 200])
def test_a_subject_begins_on_the_line_of_its_name(length: int) -> None:
    subject = f"[RESOLVED] {'north ' * 40}"[:length].strip()
    with mail_server() as inbox:
        send(to(inbox.port, headers=(("X-Team", "x" * length),)), notification(), Mail(subject, "text"))
    first, *_ = inbox.raw[0].split(b"\r\n")
    assert first.startswith(b"Subject: [RESOLVED] north")
    assert b"X-Team: x" in inbox.raw[0] or b"X-Team: =?utf-8?q?x" in inbox.raw[0]
    assert inbox.mails[0]["Subject"] == subject
    assert max(map(len, inbox.raw[0].split(b"\r\n"))) < 998


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("=" * 72 + "\n" + "archive is down\n" * 20, "7bit"),
        ("x" * 140, "7bit"),
        ("x" * 1000, "quoted-printable"),
        ("=" * 72 + "\narchive is down – since 10:12\n", "quoted-printable"),
        ("الأرشيف لا يستجيب " * 100, "quoted-printable"),
    ],
)
def test_text_stays_readable_as_it_is_on_the_way(text: str, encoding: str) -> None:
    with mail_server() as inbox:
        send(to(inbox.port), notification(), Mail("x", text, f"<p>{text}</p>"))
    for part in inbox.mails[0].iter_parts():
        assert part["Content-Transfer-Encoding"] == encoding
        assert text.strip() in part.get_content().replace("\r\n", "\n")
    lines = inbox.raw[0].split(b"\r\n")
    assert max(map(len, lines)) < 998
    assert inbox.raw[0].isascii()


def test_addresses_beyond_ascii(raw_server: StartRawServer) -> None:
    with mail_server() as inbox:
        send(to(inbox.port, to="jörg@klinik-süd.example"), notification(), MAIL)
        assert inbox.envelopes[0][1] == "jörg@xn--klinik-sd-x9a.example"
    failed = failure(to(raw_server(scripted({})).port, to="jörg@x.example"))
    assert (failed.reason, failed.retry) == ("rejected", False)


@pytest.mark.parametrize("wrong", ["", "nobody@", "a@x\r\nRCPT TO:<b@y>", "@x"])
def test_what_is_no_address(wrong: str) -> None:
    with pytest.raises(ValueError, match="write for example"):
        mailboxes(wrong)


def test_dots_at_the_beginning_of_lines_stay() -> None:
    with mail_server() as inbox:
        send(to(inbox.port), notification(), Mail("x", ".\n..\n.end\n"))
    assert inbox.mails[0].get_content().replace("\r\n", "\n") == ".\n..\n.end\n"


def test_one_to_whom_all_was_delivered_before_is_not_told_again() -> None:
    told = send(to(1), notification(), MAIL, already=("oncall@north.example",))
    assert told == "127.0.0.1, delivered before"
