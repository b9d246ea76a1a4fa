"""The HTTP check against HAProxy and Orthanc, and against servers that do what none should."""

import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from checks.http import Http
from pacs_monitor import config
from pacs_monitor.node import Node, Tls
from tests.checks.support import Run, bind, complaint, run
from tests.conftest import StartOrthanc, StartRawServer
from tests.dicom.authority import Authority, self_signed, server_context
from tests.noise import with_time
from tests.peers.haproxy import CANARY, HaProxy, run_haproxy
from tests.peers.ports import free_port

PHASE = "pacs_http_phase_seconds"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def web(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HaProxy]:
    with run_haproxy(tmp_path_factory.mktemp("haproxy"), authority, authority.issue("127.0.0.1")) as server:
        yield server


async def ask(url: str, seconds: float = 20.0, node: Node | None = None, **settings: Any) -> Run:
    check = bind(Http(name="viewer", url=url, **settings), node)
    gave = await run(check, seconds)
    assert CANARY not in repr((gave.samples, gave.message)), "what an answer holds is told to nobody"
    return gave


def place(url: str) -> str:
    return f"viewer ({url.partition('//')[2].partition('/')[0]})"


# What is as it should be.


async def test_each_phase_is_timed_and_the_answer_measured(web: HaProxy, authority: Authority) -> None:
    gave = await ask(f"{web.secure}/json", tls=Tls(ca_file=authority.file))
    assert gave.failure is None
    phases = {sample.labels[0]: sample.value for sample in gave.samples if sample.metric.name == PHASE}
    assert list(phases) == ["dns", "connect", "tls", "first_byte", "transfer"]
    assert all(0 <= seconds < 20 for seconds in phases.values())
    assert gave.value("pacs_http_status_code") == 200
    assert gave.value("pacs_http_content_bytes") == len('{"status":"UP","n":[{"jobs":7}],"patient":"DOE^JANE"}')
    assert (gave.value("pacs_certificate_expiry_timestamp_seconds") or 0) > time.time()


async def test_without_tls_there_is_no_phase_and_no_certificate(web: HaProxy) -> None:
    gave = await ask(f"{web.plain}/")
    assert gave.failure is None
    assert gave.value(PHASE, phase="tls") is None
    assert gave.value("pacs_certificate_expiry_timestamp_seconds") is None


@pytest.mark.parametrize(
    "settings",
    [
        {"url": "/nothing", "status": 204},
        {"url": "/broken", "status": [200, 503]},
        {"url": "/moved", "status": 302},
        {"url": "/", "method": "HEAD"},
        {"url": "/", "expect": "^(?i)sign IN"},
        {"url": "/json", "expect_json": '.status == "UP"'},
        {"url": "/json", "expect_json": [".n[0].jobs < 10", '."patient"', ".n[0].jobs != 8"], "expect": "UP"},
        {"url": "/login", "username": "monitor", "password": "right:ü"},
        {"url": "/asked", "bearer_token": "t0ken", "expect": "^GET auth=Bearer t0ken key= host=127.0.0.1:[0-9]+ len"},
        {"url": "/asked", "headers": {"X-Key": "k", "Host": "viewer"}, "expect": "auth= key=k host=viewer "},
        {"url": "/asked", "method": "POST", "body": "ü=1", "expect": "^POST auth= key= host=[0-9.:]+ length=4$"},
        {"url": "/moved", "redirects": "same_host", "expect_json": ".status"},
    ],
)
async def test_what_is_expected_comes(web: HaProxy, settings: dict[str, Any]) -> None:
    gave = await ask(web.plain + settings.pop("url"), **settings)
    assert gave.message == ""


async def test_the_rest_api_of_a_real_archive_meets_a_condition(start_orthanc: StartOrthanc) -> None:
    orthanc = start_orthanc(AuthenticationEnabled=True, RegisteredUsers={"monitor": "secret"})
    node = Node(name="archive", host="127.0.0.1")
    url = f"http://{{host}}:{orthanc.http_port}/system"
    login: dict[str, Any] = {"username": "monitor", "password": "secret"}
    wanted = (".ApiVersion > 1", ".DicomAet", ".CheckRevisions == false")
    gave = await ask(url, node=node, expect_json=wanted, **login)
    assert gave.message == ""
    gave = await ask(url, node=node, expect_json='.ApiVersion == "old"', **login)
    assert gave.message == (
        f"archive (127.0.0.1:{orthanc.http_port}) answers with HTTP 200, and its JSON does not meet "
        f'.ApiVersion == "old"; look at what this service depends on'
    )
    gave = await ask(url, node=node)
    assert (gave.reason, gave.value("pacs_http_status_code")) == ("forbidden", 401)


# What is not.


@pytest.mark.parametrize(
    ("settings", "reason", "words"),
    [
        ({"url": "/broken"}, "aborted", "cannot answer; look into its log at this time (HTTP 503, 200 is due)"),
        ({"url": "/missing"}, "not_found", "has no such page; correct the address (HTTP 404, 200 is due)"),
        ({"url": "/forbidden"}, "forbidden", "does not permit this; have the user or this machine let in there"),
        ({"url": "/login"}, "forbidden", "wants a user or token that it knows; correct username and password_file"),
        ({"url": "/login", "username": "monitor", "password": "x"}, "forbidden", "(HTTP 401, 200 is due)"),
        ({"url": "/", "status": [201, 204]}, "mismatch", "answers with HTTP 200, and 201 or 204 is due; correct url"),
        ({"url": "/moved"}, "mismatch", "redirects elsewhere (HTTP 302, 200 is due); set url to the final address"),
        ({"url": "/", "expect": "Log out"}, "mismatch", "its content does not match 'Log out'; look at the page"),
        ({"url": "/", "expect_json": ".a"}, "mismatch", "its content is no JSON; look whether a login page"),
        ({"url": "/json", "expect_json": [".status", ".n[1] == 7"]}, "mismatch", "its JSON does not meet .n[1] == 7; "),
        ({"url": "/", "most_bytes": 5}, "mismatch", "gives more than 5 bytes; ask for a smaller page, or raise"),
        ({"url": "/circle", "redirects": "any"}, "mismatch", "redirects in a circle; correct its configuration"),
        ({"url": "/away", "redirects": "same_host"}, "mismatch", "redirects to another host; set url to the final"),
        ({"url": "/odd", "redirects": "any"}, "mismatch", "redirects to what is no address of a page"),
        ({"url": "/", "slow": "1ms", "headers": {}}, "threshold", "1e-03 s are allowed"),
    ],
)
async def test_each_fault_has_its_reason_and_its_remedy(
    web: HaProxy, settings: dict[str, Any], reason: str, words: str
) -> None:
    if "slow" in settings:
        settings, words = {**settings, "slow": 1e-9}, "1e-09 s are allowed; most of it was "
    gave = await ask(web.plain + settings.pop("url"), **settings)
    assert gave.reason == reason
    assert gave.message.startswith(f"{place(web.plain)} ")
    assert words in gave.message


async def test_credentials_headers_and_body_go_to_no_other_host(web: HaProxy) -> None:
    secrets: dict[str, Any] = {"username": "monitor", "password": "p", "headers": {"X-Key": "k"}}
    gave = await ask(f"{web.plain}/away", redirects="any", expect="^GET auth= key= host=localhost", **secrets)
    assert gave.message == ""
    posted: dict[str, Any] = {"method": "POST", "body": "secret"}
    gave = await ask(f"{web.plain}/away", redirects="any", expect="^POST auth= key= host=l.* length=(0)?$", **posted)
    assert gave.message == ""


async def test_a_redirect_may_lead_to_https_and_never_away_from_it(web: HaProxy, authority: Authority) -> None:
    tls = Tls(ca_file=authority.file)
    gave = await ask(f"{web.plain}/up", redirects="same_host", tls=tls, expect_json=".status")
    assert gave.message == ""
    assert gave.value("pacs_certificate_expiry_timestamp_seconds") is not None
    gave = await ask(f"{web.secure}/down", redirects="any", tls=tls)
    assert gave.reason == "mismatch"
    assert "redirects from https to plain http, which is not followed" in gave.message


async def test_tls_faults_are_told_apart(web: HaProxy, authority: Authority, tmp_path: Path) -> None:
    trusting = Tls(ca_file=authority.file)
    gave = await ask(f"{web.secure}/")
    assert gave.reason == "tls"
    assert "set tls.ca_file to the certificate of the authority that issued it" in gave.message
    assert (await ask(f"{web.secure}/", tls=Tls(verify=False))).failure is None
    gave = await ask(f"{web.secure}/", tls=Tls(ca_file=authority.file, server_name="viewer"))
    assert "set tls.server_name to the name in the certificate" in gave.message
    gave = await ask(web.plain.replace("http:", "https:"), tls=trusting)
    words = "this port does not speak TLS; write http:// or another port"
    assert gave.message == f"no TLS with {place(web.plain)}: {words}"
    gave = await ask(f"{web.guarded}/", tls=trusting)
    assert gave.reason == "tls"
    assert "it wants a certificate of ours" in gave.message
    own = authority.issue("monitor")
    gave = await ask(f"{web.guarded}/", tls=Tls(ca_file=authority.file, cert_file=own.cert, key_file=own.key))
    assert gave.message == ""
    gave = await ask(web.secure.replace("https:", "http:"))
    assert gave.reason != "", "plain HTTP on a port for TLS"


async def test_when_a_certificate_expires_is_known_though_it_is_not_trusted(
    raw_server: StartRawServer, tmp_path: Path
) -> None:
    context = server_context(self_signed(tmp_path))
    server = raw_server(lambda conn: context.wrap_socket(conn, server_side=True).recv(100))
    gave = await ask(f"https://127.0.0.1:{server.port}/", tls=Tls(verify=False))
    assert (gave.value("pacs_certificate_expiry_timestamp_seconds") or 0) > time.time()


async def test_a_closed_port_and_a_name_without_an_address_are_told_apart() -> None:
    port = free_port()
    gave = await ask(f"http://127.0.0.1:{port}/")
    assert gave.reason == "refused"
    assert gave.message.startswith(f"viewer (127.0.0.1:{port}) refuses the connection")
    gave = await ask("http://viewer.invalid/")
    assert gave.reason == "dns"


def wait_for_the_end(conn: socket.socket) -> None:
    while conn.recv(4096):
        pass


def saying(answer: bytes, stays: bool) -> Callable[[socket.socket], None]:
    def behave(conn: socket.socket) -> None:
        conn.recv(4096)
        for place in range(0, len(answer), 7):  # in pieces
            conn.sendall(answer[place : place + 7])
        if stays:
            wait_for_the_end(conn)

    return behave


@pytest.mark.parametrize(
    ("answer", "reason", "words"),
    [
        (b"", "aborted", "ended the connection without an answer"),
        (b"HTTP/1.1 200 OK\r\nContent-Le", "aborted", "ended the connection in the middle of its answer"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nDOE^JANE", "aborted", "in the middle of its answer"),
        (b"SSH-2.0-DOE^JANE\r\n", "mismatch", "does not answer in HTTP/1.1; is another service on this port"),
        (b"\x15\x03\x01\x00\x02\x02\x50", "mismatch", "or one by https?"),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nDOE^JANE\r\n\r\n",
            "mismatch",
            "does not answer in HTTP/1.1",
        ),
        (b"HTTP/1.1 200 OK\r\n" + b"X: DOE^JANE\r\n" * 9000, "mismatch", "does not answer in HTTP/1.1"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx", "mismatch", "sends its conte"),
        (b'HTTP/1.1 200 OK\r\n\r\n{"a": ' + b"[" * 100_000, "mismatch", "its content is no JSON"),
        (b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.0 200 OK\r\nContent-Type: a; charset=\x00\r\n\r\n{}", "mismatch", ""),
        (b'HTTP/1.0 200 OK\r\nContent-Type: text/plain; charset=base64\r\n\r\n{"a": 1}', "", ""),
        (b'HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\n\r\n{"a": 1, "patient": "DOE^JANE"}', "", ""),
    ],
    ids=str,
)
async def test_servers_that_do_what_none_should_are_told_apart(
    raw_server: StartRawServer, answer: bytes, reason: str, words: str
) -> None:
    server = raw_server(saying(answer, stays=False))
    gave = await ask(f"http://127.0.0.1:{server.port}/", expect_json=".a == 1", expect="a")
    assert gave.reason == reason
    assert words in gave.message


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"", "took the request and gave no answer in time; look at its load and its log, or restart it"),
        (b"HTTP/1.1 200", "began to answer and did not get beyond its headers in time"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nDOE^JANE", "began to answer and did not end in time"),
    ],
)
@with_time(0.5, 2, 10)
async def test_where_a_server_falls_silent_is_told(
    raw_server: StartRawServer, answer: bytes, words: str, seconds: float
) -> None:
    server = raw_server(saying(answer, stays=True))
    gave = await ask(f"http://127.0.0.1:{server.port}/", seconds)
    assert gave.reason == "timeout"
    assert words in gave.message
    assert gave.value(PHASE, phase="connect") is not None


async def test_another_service_that_waits_for_us_is_told_at_once(raw_server: StartRawServer) -> None:
    server = raw_server(saying(b"220 mail DOE^JANE\r\n", stays=True))
    gave = await ask(f"http://127.0.0.1:{server.port}/")
    assert gave.reason == "mismatch"


@with_time(0.5, 2, 10)
async def test_a_server_that_gives_a_byte_now_and_then_is_left_in_time(
    raw_server: StartRawServer, seconds: float
) -> None:
    def drip(conn: socket.socket) -> None:
        conn.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            conn.sendall(b"x")
            time.sleep(0.02)

    gave = await ask(f"http://127.0.0.1:{raw_server(drip).port}/", seconds)
    assert gave.reason == "timeout"


# Settings.


def test_it_stands_on_a_node_in_a_profile_and_without_a_node(tmp_path: Path) -> None:
    path = tmp_path / "pacs-monitor.yml"
    path.write_text(
        "profiles: {engine: [{http: {url: 'https://{host}/'}}]}\n"
        "nodes: [{name: one, host: h1, profile: engine}, {name: two, host: h2, checks: [{http: {url: 'http://h2/'}}]}]\n"
        "checks: [{http: {name: portal, url: 'http://portal/', status: 200, expect_json: '.up == true'}}]\n"
    )
    found = config.load(path)
    assert list(found.checks) == [("one", "http"), ("two", "http"), ("", "portal")]
    assert found.warnings == ()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"url": "http://u:p@viewer/"}, "url holds a user; set username and password_file instead"),
        ({"url": "http://viewer:0/"}, "url names a port that is none; write one from 1 to 65535"),
        ({"url": "http://viewer:99999/"}, "url names a port that is none"),
        ({"url": "http://viewer/a b"}, "url holds a character that is none of an address"),
        ({"url": "http://viewer/ü"}, "write it in percent-encoding"),
        ({"method": "HEAD", "expect": "x"}, "HEAD brings no content to look at"),
        ({"body": "x"}, "body is not sent with GET; set method: POST"),
        ({"bearer_token": "t", "username": "u"}, "a user and a token at once"),
        ({"password": "p"}, "a password without a user; set username"),
        ({"username": "u", "headers": {"authorization": "x"}}, "headers hold Authorization beside a user or token"),
        ({"headers": {"Content-Length": "1"}}, "Content-Length is set by the check itself; take it out"),
        ({"headers": {"X Y": "1"}}, "'X Y' is not the name of a header; write for example Accept"),
        ({"headers": {"a": "1", "A": "1"}}, "holds a header twice; keep one of the two"),
        ({"headers": {"a": "1\r\nb: 2"}}, "holds what cannot stand in a header"),
        ({"expect": "(?=x)"}, "'(?=x)' is not a regular expression (invalid perl operator: (?=)"),
        ({"expect": "x" * 1001}, "has more than 1000 letters; shorten it"),
        ({"expect_json": "status"}, "'status' does not begin with a path; write for example"),
        ({"expect_json": ".a = 1"}, "'.a = 1' is no condition; write for example"),
        ({"expect_json": ".a == UP"}, "'.a == UP' holds a value that is no JSON: quote texts"),
        ({"expect_json": ".a == NaN"}, "holds a value that is no JSON"),
        ({"expect_json": '.a < "x"'}, "compares with something else than a number"),
        ({"expect_json": ".a == [1]"}, "compares with something else than a text in quotes"),
        ({"status": [99]}, "greater than or equal to 100"),
        ({"status": []}, "at least 1 item"),
        ({"most_bytes": "1GB"}, "is not between 1 and 16MB"),
    ],
)
def test_each_mistake_has_a_complaint_with_its_remedy(settings: dict[str, Any], words: str) -> None:
    with complaint(words):
        Http(**{"url": "http://viewer/", **settings})


async def test_a_place_for_a_host_that_is_not_there_is_told() -> None:
    gave = await ask("http://{host}/")
    assert (gave.reason, gave.message) == ("broken", "viewer has no host to stand for {host}; write it into url")


def test_secrets_do_not_show_when_a_check_is_printed() -> None:
    told: dict[str, Any] = {"bearer_token": "s3cret", "headers": {"X-Key": "s3cret"}, "body": "s3cret"}
    check = Http(url="http://viewer/", method="POST", **told)
    assert "s3cret" not in repr(check)
