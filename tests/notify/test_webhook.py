import logging
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest

from pacs_monitor.notify.notification import DeliveryFailed
from pacs_monitor.notify.signing import SIGNATURE, TIMESTAMP, verifies
from pacs_monitor.notify.webhook import send
from pacs_monitor.routing.definitions import Secret, Tls, Webhook
from tests.conftest import StartRawServer
from tests.dicom.authority import Authority, server_context
from tests.noise import with_time
from tests.notify.samples import notification
from tests.notify.webserver import Hook, web_hook

BODY = b'{"status":"firing"}'


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def to(url: str, **changes: Any) -> Webhook:
    return replace(Webhook(url=Secret(url)), **changes)


def failure(webhook: Webhook) -> DeliveryFailed:
    with pytest.raises(DeliveryFailed) as caught:
        send(webhook, notification(), BODY)
    assert "s3cret" not in str(caught.value)
    return caught.value


def raw(server: Any, **changes: Any) -> Webhook:
    return to(f"http://127.0.0.1:{server.port}/s3cret", **changes)


def test_a_post_carries_a_key_that_stays_and_the_time() -> None:
    with web_hook() as hook:
        told = send(to(hook.url), notification(), BODY)
    assert told == f"127.0.0.1:{hook.port}, HTTP 200"
    (post,) = hook.posts
    assert (post.path, post.body) == ("/hook/s3cret", BODY)
    assert post.headers["Content-Type"] == "application/json"
    assert post.headers["Idempotency-Key"] == notification().key
    assert abs(int(post.headers[TIMESTAMP]) - time.time()) < 60
    assert post.headers[SIGNATURE] is None
    assert post.headers["Authorization"] is None


def test_a_signature_is_verified_by_who_has_the_key() -> None:
    with web_hook() as hook:
        send(to(hook.url, signing_key=Secret("k3y")), notification(), BODY)
    (post,) = hook.posts
    said = post.headers[TIMESTAMP], post.body, post.headers[SIGNATURE]
    now = time.time()
    assert verifies("k3y", *said, now)
    assert not verifies("other", *said, now)
    assert not verifies("k3y", said[0], b"{}", said[2], now)
    assert not verifies("k3y", *said, now + 301)
    assert not verifies("k3y", "1e9", *said[1:], now)


def test_secrets_are_read_at_each_use(tmp_path: Path) -> None:
    file = tmp_path / "token"
    with web_hook() as hook:
        for token in ("one", "two"):
            file.write_text(f"{token}\n")
            send(to(hook.url, authorization="Bearer", credentials=Secret(file=file)), notification(), BODY)
    assert [post.headers["Authorization"] for post in hook.posts] == ["Bearer one", "Bearer two"]


@pytest.mark.parametrize("url", [None, "http://us%C3%A9r:p%3Aw@127.0.0.1:{port}/"])
def test_user_and_password(url: str | None) -> None:
    with web_hook() as hook:
        webhook = to(hook.url, username="usér", password=Secret("p:w"))
        if url:
            webhook = to(url.format(port=hook.port))
        send(webhook, notification(), BODY)
    assert hook.posts[0].headers["Authorization"] == "Basic dXPDqXI6cDp3"


def test_headers_of_the_file() -> None:
    with web_hook() as hook:
        send(to(hook.url, headers=(("X-Team", Secret("pacs")),)), notification(), BODY)
    assert hook.posts[0].headers["X-Team"] == "pacs"


def test_a_secret_with_a_line_break_is_no_header(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("one\nX-Evil: two")
    with web_hook() as hook:
        failed = failure(to(hook.url, headers=(("X-Token", Secret(file=file)),)))
    assert (failed.reason, failed.retry) == ("secret", False)
    assert hook.posts == []


@pytest.mark.parametrize(
    "url",
    [
        "ftp://x/s3cret",
        "s3cret",
        "http://",
        "http://x:99999/s3cret",
        "http://[s3cret/",
        "http://a s3cret/",
        "http://a..b/s3cret",
    ],
)
def test_what_is_no_url(url: str) -> None:
    failed = failure(to(url))
    assert (failed.reason, failed.retry) == ("secret", False)


def test_a_url_file_that_is_gone_is_named() -> None:
    failed = failure(Webhook(url=Secret(file=Path("/nowhere/url"))))
    assert str(failed) == (
        "the file with a webhook's url cannot be read (No such file or directory); look at /nowhere/url"
    )


def test_who_we_speak_to_is_verified(authority: Authority, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = Authority(tmp_path / "other")
    with web_hook(server_context(authority.issue("hook.north.example"))) as hook:
        for tls in (Tls(), Tls(ca_file=other.file), Tls(ca_file=authority.file)):
            assert failure(to(hook.url, tls=tls)).reason == "tls"
        assert hook.posts == []
        named = Tls(ca_file=authority.file, server_name="hook.north.example")
        send(to(hook.url, tls=named), notification(), BODY)
        send(to(hook.url, tls=Tls(insecure_skip_verify=True)), notification(), BODY)
        assert len(hook.posts) == 2


def test_a_client_certificate_is_shown(authority: Authority) -> None:
    ours = authority.issue("pacsmon")
    with web_hook(server_context(authority.issue("127.0.0.1"), wants_from=authority.file)) as hook:
        failure(to(hook.url, tls=Tls(ca_file=authority.file)))
        shown = Tls(ca_file=authority.file, cert_file=ours.cert, key_file=ours.key)
        send(to(hook.url, tls=shown), notification(), BODY)
        assert len(hook.posts) == 1


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_what_may_pass_is_tried_again(status: int) -> None:
    with web_hook(status=status) as hook:
        failed = failure(to(hook.url))
    assert (failed.reason, failed.retry, failed.after) == ("busy", True, None)


@pytest.mark.parametrize(("status", "reason"), [(400, "rejected"), (401, "auth"), (403, "auth"), (404, "rejected")])
def test_what_needs_somebody_is_not_tried_again(status: int, reason: str) -> None:
    with web_hook(status=status) as hook:
        failed = failure(to(hook.url))
    assert (failed.reason, failed.retry) == (reason, False)
    assert f"127.0.0.1:{hook.port} refuses it (HTTP {status}, ok)" not in str(failed)


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("said", "low", "high"),
    [
        (lambda: "120", 120, 120),
        (lambda: formatdate(time.time() + 90, usegmt=True), 80, 91),
        (lambda: formatdate(time.time() - 90, usegmt=True), 0, 0),
        (lambda: "99999999999999999999", 3600, 3600),
    ],
)
def test_a_service_may_ask_for_patience(status: int, said: Callable[[], str], low: float, high: float) -> None:
    with web_hook(status=status, headers={"Retry-After": said()}) as hook:
        after = failure(to(hook.url)).after
    assert after is not None
    assert low <= after <= high


@pytest.mark.parametrize("said", ["soon", "-5", "1.5", "Tue, 99 Nov 2026 25:00:00 GMT", "٣"])
def test_patience_that_nobody_understands_is_none(said: str) -> None:
    with web_hook(status=429, headers={"Retry-After": said.encode().decode("latin-1")}) as hook:
        assert failure(to(hook.url)).after is None


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (b"invalid_token", "invalid_token"),
        (b'{"error":{"code":"WorkflowTriggerIsNotEnabled","message":"s3cret"}}', "WorkflowTriggerIsNotEnabled"),
        (b'archive is down "s3cret"', ""),
        (b'{"error":{"code":"one two"}}', ""),
        (b"[" * 4000, ""),
        (b"s3cret " * 100_000, ""),
    ],
)
def test_of_an_answer_a_word_is_told(body: bytes, word: str) -> None:
    with web_hook(status=400, body=body) as hook:
        assert f"(HTTP 400{', ' if word else ''}{word});" in str(failure(to(hook.url)))


def test_a_word_that_was_sent_is_not_told() -> None:
    with web_hook(status=403, body=b"Opensesame") as hook:
        for changes in (
            {"authorization": "Bearer", "credentials": Secret("Opensesame")},
            {"headers": (("X-Key", Secret("Opensesame")),)},
            {"username": "u", "password": Secret("Opensesame")},
        ):
            assert "(HTTP 403);" in str(failure(to(hook.url, **changes)))
        assert "(HTTP 403);" in str(failure(to(f"{hook.url}?key=Opensesame")))
        with pytest.raises(DeliveryFailed, match=r"\(HTTP 403\);"):
            send(to(hook.url), notification(), b'{"routing_key":"Opensesame"}')
        assert "(HTTP 403, Opensesame);" in str(failure(to(hook.url)))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_nothing_is_sent_to_another_address(status: int) -> None:
    with web_hook() as other, web_hook(status=status, headers={"Location": other.url}) as hook:
        failed = failure(to(hook.url, authorization="Bearer", credentials=Secret("t0ken")))
    assert (failed.reason, failed.retry) == ("rejected", False)
    assert "to another address, where nothing is sent; correct url" in str(failed)
    assert other.posts == []


def test_tls_is_not_given_up_for_a_redirect(authority: Authority) -> None:
    with web_hook(server_context(authority.issue("127.0.0.1")), status=308) as hook:
        hook.headers["Location"] = hook.url.replace("https:", "http:")
        failure(to(hook.url, tls=Tls(ca_file=authority.file)))
        assert len(hook.posts) == 1


def test_a_redirect_within_the_service_is_followed() -> None:
    with web_hook(headers={"Location": "/there"}) as hook:
        hook.answer = lambda post: 200 if post.path == "/there" else 307
        send(to(hook.url), notification(), BODY)
        assert [post.body for post in hook.posts] == [BODY, BODY]
        assert failure(to(hook.url, follow_redirects=False)).reason == "rejected"
        hook.answer = lambda post: 308
        assert failure(to(hook.url)).reason == "mismatch"


def test_a_redirect_that_would_lose_the_post_is_none() -> None:
    with web_hook(status=302, headers={"Location": "/there"}) as hook:
        assert "redirects (302), where nothing is sent" in str(failure(to(hook.url)))


@pytest.mark.parametrize("location", ["http://[::1", "http://127.0.0.1:port/", "http://a..b/", "file:///x"])
def test_a_redirect_to_nowhere_is_none(location: str) -> None:
    with web_hook(status=307, headers={"Location": location}) as hook:
        failed = failure(to(hook.url))
    assert (failed.reason, failed.retry) == ("rejected", False)
    assert "to another address, where nothing is sent; correct url" in str(failed)


def test_what_a_redirect_says_beside_its_address_is_not_read(raw_server: StartRawServer) -> None:
    ended = threading.Event()

    def answer(conn: socket.socket) -> None:
        conn.recv(65536)
        conn.sendall(b"HTTP/1.1 302 Found\r\nLocation: /there\r\n\r\n")
        with suppress(OSError):
            while True:
                conn.sendall(b"x" * 65536)
        ended.set()

    assert "redirects (302)" in str(failure(raw(raw_server(answer))))
    assert ended.wait(60)


def test_a_service_that_drips_is_given_up(raw_server: StartRawServer) -> None:
    def drip(conn: socket.socket) -> None:
        for byte in b"HTTP/1.1 200 OK\r\nX: " + b"x" * 2000:
            conn.sendall(bytes([byte]))
            time.sleep(0.05)

    started = time.monotonic()
    failed = failure(raw(raw_server(drip), timeout=500))
    assert time.monotonic() - started < 20
    assert (failed.reason, failed.retry) == ("timeout", True)


@with_time(0.5, 3, 8)
def test_a_service_that_drips_its_answer_has_taken_it(raw_server: StartRawServer, seconds: float) -> None:
    def drip(conn: socket.socket) -> None:
        conn.recv(10_000)
        conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        for _ in range(2000):
            conn.sendall(b"x")
            time.sleep(0.05)

    started = time.monotonic()
    assert send(raw(raw_server(drip), timeout=int(seconds * 1000)), notification(), BODY).endswith("HTTP 200")
    assert time.monotonic() - started < 20


@with_time(0.5, 3, 8)
def test_a_refusal_that_drips_is_a_refusal(raw_server: StartRawServer, seconds: float) -> None:
    def drip(conn: socket.socket) -> None:
        conn.recv(10_000)
        conn.sendall(b"HTTP/1.1 400 no\r\nContent-Length: 100000\r\n\r\n")
        for _ in range(2000):
            conn.sendall(b"x")
            time.sleep(0.05)

    started = time.monotonic()
    assert failure(raw(raw_server(drip), timeout=int(seconds * 1000))).reason == "rejected"
    assert time.monotonic() - started < 20


def test_a_silent_service_is_given_up(raw_server: StartRawServer) -> None:
    def silent(conn: socket.socket) -> None:
        while conn.recv(1000):
            pass

    assert failure(raw(raw_server(silent), timeout=300)).reason == "timeout"


@pytest.mark.parametrize(
    "garbage", [b"220 mail\r\n", b"\xff" * 100_000, b"", b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200]
)
def test_what_is_no_web_server_is_tried_again(raw_server: StartRawServer, garbage: bytes) -> None:
    def serve(conn: socket.socket) -> None:
        conn.recv(10_000)
        conn.sendall(garbage)

    failed = failure(raw(raw_server(serve)))
    assert failed.retry
    assert failed.reason in ("aborted", "mismatch")


def test_nothing_listens() -> None:
    with web_hook() as hook:
        pass
    assert failure(to(hook.url)).reason == "refused"
    assert failure(to("http://nowhere.invalid/s3cret")).reason == "dns"


def test_what_the_environment_says_of_proxies_is_not_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with web_hook() as hook:
        send(to(hook.url), notification(), BODY)
        assert len(hook.posts) == 1


def test_a_proxy_of_the_file_is_used() -> None:
    with web_hook() as proxy:
        send(to("http://hook.invalid/s3cret", proxy=f"http://127.0.0.1:{proxy.port}"), notification(), BODY)
    assert proxy.posts[0].path == "http://hook.invalid/s3cret"
    failed = failure(to("http://hook.invalid/s3cret", proxy=f"http://user:pw@127.0.0.1:{proxy.port}"))
    assert failed.reason == "refused"
    assert "hook.invalid: the proxy 127.0.0.1 refuses the connection" in str(failed)


def tunnel(target: Hook, heard: list[bytes]) -> Callable[[socket.socket], None]:
    def serve(conn: socket.socket) -> None:
        heard.append(conn.recv(10_000))
        with socket.create_connection(("127.0.0.1", target.port)) as there:
            conn.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            pairs = ((conn, there), (there, conn))
            import threading

            def copy(source: socket.socket, sink: socket.socket) -> None:
                try:
                    while data := source.recv(10_000):
                        sink.sendall(data)
                except OSError:
                    pass

            threads = [threading.Thread(target=copy, args=pair, daemon=True) for pair in pairs]
            for thread in threads:
                thread.start()
            threads[1].join(30)

    return serve


def test_tls_through_a_proxy_is_verified_to_the_end(raw_server: StartRawServer, authority: Authority) -> None:
    heard: list[bytes] = []
    with web_hook(server_context(authority.issue("hook.north.example"))) as hook:
        proxy = f"http://127.0.0.1:{raw_server(tunnel(hook, heard)).port}"
        url = "https://hook.north.example/s3cret"
        send(to(url, proxy=proxy, tls=Tls(ca_file=authority.file)), notification(), BODY)
        assert len(hook.posts) == 1
        assert failure(to(url, proxy=proxy)).reason == "tls"
        assert len(hook.posts) == 1
    assert heard[0].startswith(b"CONNECT hook.north.example:443")
    assert b"s3cret" not in heard[0]


def test_no_log_holds_the_url(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with web_hook() as hook:
        send(to(hook.url), notification(), BODY)
    assert "s3cret" not in caplog.text
