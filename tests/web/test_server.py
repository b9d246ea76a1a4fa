import asyncio
import contextlib
import logging
import signal
import socket
import ssl
import stat
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme
from prometheus_client import Gauge

from pacs_monitor.settings import Key, TlsServer, WebSettings
from pacs_monitor.web import protocol
from pacs_monitor.web.auth import Access
from pacs_monitor.web.listen import tls_context
from pacs_monitor.web.server import WebError, WebServer
from tests.checks.support import until
from tests.noise import with_time
from tests.web.conftest import new_agent
from tests.web.support import Agent


@pytest.fixture
def ca() -> trustme.CA:
    return trustme.CA()


def certificate(ca: trustme.CA, folder: Path, **more: Any) -> TlsServer:
    issued = ca.issue_cert("localhost", "127.0.0.1")
    folder.mkdir(exist_ok=True)
    issued.private_key_pem.write_to_path(folder / "key.pem")
    (folder / "cert.pem").write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    return TlsServer(cert_file=folder / "cert.pem", key_file=folder / "key.pem", **more)


def trusting(ca: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    ca.configure_trust(context)
    return context


def client_of(server: WebServer, **options: Any) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=server.url, trust_env=False, timeout=60, **options)


def over_unix(path: Path) -> httpx.AsyncClient:
    transport = httpx.AsyncHTTPTransport(uds=str(path))
    return httpx.AsyncClient(base_url="http://localhost", transport=transport, trust_env=False, timeout=60)


# Where it listens


async def test_port_0_becomes_the_real_port(agent: Agent) -> None:
    server = WebServer(agent.core(), WebSettings(listen="127.0.0.1:0"))
    await server.start()
    assert server.address[1] > 0
    assert server.url == f"http://127.0.0.1:{server.address[1]}"
    async with client_of(server) as client:
        assert (await client.get("/-/healthy")).status_code == 200
    await server.stop()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(*server.address)


async def test_localhost_listens_on_every_address_of_that_name(agent: Agent) -> None:
    server = WebServer(agent.core(), WebSettings(listen="localhost:0"))
    await server.start()
    for family, *_ in socket.getaddrinfo("localhost", server.address[1], type=socket.SOCK_STREAM):
        if family == socket.AF_INET:
            _, writer = await asyncio.open_connection("127.0.0.1", server.address[1])
            writer.close()
    await server.stop()


async def test_a_port_in_use_is_told_before_anything_starts(agent: Agent, tmp_path: Path) -> None:
    control = tmp_path / "control.sock"
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        server = WebServer(agent.core(), WebSettings(listen=f"127.0.0.1:{port}"), control)
        with pytest.raises(WebError) as raised:
            await server.start()
    assert str(raised.value) == (
        f"web.listen: 127.0.0.1:{port} is in use by another program; stop it, or set another port"
    )
    assert not control.exists()


@pytest.mark.parametrize(
    ("listen", "complaint"),
    [
        ("192.0.2.1:9811", "is not an address of this machine; set one that is, or 0.0.0.0 for all"),
        ("[2001:db8::1]:9811", "is not an address of this machine; set one that is, or 0.0.0.0 for all"),
        ("no-such-host.invalid:9811", "has no address"),
    ],
)
async def test_an_address_that_is_not_ours_is_told(agent: Agent, listen: str, complaint: str) -> None:
    with pytest.raises(WebError) as raised:
        await WebServer(agent.core(), WebSettings(listen=listen)).start()
    assert str(raised.value).startswith(f"web.listen: {listen} {complaint}")


@with_time(0.5, 3, 10)
async def test_clients_that_do_not_say_what_they_want_do_not_keep_others_out(
    monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    monkeypatch.setattr(protocol, "ASKS_WITHIN", seconds)
    monkeypatch.setattr("pacs_monitor.web.server._MOST_CONNECTIONS", 4)
    server = WebServer(new_agent().core(), WebSettings(listen="127.0.0.1:0"))
    await server.start()
    silent = [await asyncio.open_connection(*server.address) for _ in range(4)]

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"POST /-/reload HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
        while not reader.at_eof():
            writer.write(b"a")
            await asyncio.sleep(0.1)

    async with client_of(server) as client, contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(server.stop)
        for _, writer in silent:
            stack.callback(writer.close)
        dripping = [asyncio.create_task(drip(*connection)) for connection in silent[:2]]
        await asyncio.sleep(0.1)
        assert (await client.get("/-/healthy")).status_code == 503
        await asyncio.wait([asyncio.create_task(reader.read()) for reader, _ in silent[2:]], timeout=20.0)
        await asyncio.sleep(0.2)
        assert (await client.get("/-/healthy")).status_code == 200
        for task in dripping:
            task.cancel()
        # One that has asked is waited for, and may ask again.
        await asyncio.sleep(0.3)
        assert (await client.get("/-/healthy")).status_code == 200


@with_time(0.1, 2, 8)
async def test_an_answer_may_take_longer_than_a_question(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    monkeypatch.setattr(protocol, "ASKS_WITHIN", seconds)
    agent = new_agent()

    async def probe(key: Key) -> dict[str, Any]:
        await asyncio.sleep(3 * seconds)
        return {"check": key[1]}

    agent.probe = probe  # type: ignore[method-assign]
    server = WebServer(agent.core(), WebSettings(listen="127.0.0.1:0"))
    await server.start()
    async with client_of(server) as client:
        assert (await client.post("/-/probe/ct/c_echo")).json() == {"check": "c_echo"}
    await server.stop()


SCRAPE = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: %s\r\n\r\n"
LONG = 16_000_000
"""Bytes, and more than the kernel keeps for a client that does not read."""


@pytest.fixture
async def long_answers(agent: Agent) -> AsyncIterator[WebServer]:
    """A server whose /metrics is longer than that."""
    many = Gauge("pacs_many", "Many series.", ["text"], registry=agent.registry)
    for number in range(LONG // 10_000):
        many.labels(f"{number:010000}").set(1)
    server = WebServer(agent.core(), WebSettings(listen="127.0.0.1:0"))
    await server.start()
    yield server
    await server.stop()


async def scraping(server: WebServer, *requests: bytes) -> socket.socket:
    """A client that has asked and reads nothing yet."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    client.setblocking(False)
    await asyncio.get_running_loop().sock_connect(client, server.address)
    await asyncio.get_running_loop().sock_sendall(client, b"".join(requests))
    return client


async def received(client: socket.socket, pause: float = 0.0) -> int:
    """How many bytes come until the end; with pauses after each megabyte."""
    count = 0
    with client, contextlib.suppress(ConnectionError):
        while data := await asyncio.wait_for(asyncio.get_running_loop().sock_recv(client, 1_000_000), 60):
            if count // 1_000_000 < (count := count + len(data)) // 1_000_000:
                await asyncio.sleep(pause)
    return count


@pytest.mark.parametrize("requests", [1, 3])
@with_time(0.5, 3, 10)
async def test_a_client_that_does_not_take_its_answer_is_given_up(
    long_answers: WebServer, monkeypatch: pytest.MonkeyPatch, requests: int, seconds: float
) -> None:
    monkeypatch.setattr(protocol, "TAKES_WITHIN", seconds)
    client = await scraping(long_answers, *[SCRAPE % b"keep-alive"] * requests)
    (server,) = long_answers._servers
    connections = server.server_state.connections
    await until(lambda: bool(connections))
    await until(lambda: not connections)
    assert await received(client) < LONG


@with_time(0.2, 1)
async def test_a_client_that_takes_its_answer_slowly_gets_all_of_it(
    long_answers: WebServer, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    monkeypatch.setattr(protocol, "ASKS_WITHIN", seconds)
    assert await received(await scraping(long_answers, SCRAPE % b"close"), pause=0.1) > LONG


async def test_signals_stay_the_agents(agent: Agent) -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    server = WebServer(agent.core(), WebSettings(listen="127.0.0.1:0"))
    await server.start()
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
    await server.stop()


async def test_nothing_is_logged_of_requests_and_no_secret_ever(agent: Agent, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    server = WebServer(agent.core(), WebSettings(listen="127.0.0.1:0"), access=Access(loopback=False, token=b"sesame"))
    await server.start()
    async with client_of(server) as client:
        await client.get("/metrics?token=sesame", headers={"Authorization": "Bearer sesame"})
    await server.stop()
    ours = [one.getMessage() for one in caplog.records if not one.name.startswith(("httpx", "httpcore"))]
    assert "sesame" not in "\n".join(ours)
    assert [text for text in ours if "/metrics" in text] == []


# The Unix socket


async def test_the_unix_socket_is_its_owners_and_asks_for_nothing(agent: Agent, tmp_path: Path) -> None:
    control = tmp_path / "control.sock"
    access = Access(loopback=False, token=b"sesame")
    server = WebServer(agent.core(), WebSettings(listen="127.0.0.1:0"), control, access)
    await server.start()
    assert stat.S_IMODE(control.stat().st_mode) == 0o600
    async with over_unix(control) as client:
        assert (await client.get("/api/status")).status_code == 200
        assert (await client.post("/-/reload", headers={"Host": "whatever"})).status_code == 200
        assert (await client.post("/-/probe/ct/c_echo")).status_code == 200
        assert "notes" in (await client.get("/health")).json()
    await server.stop()
    assert not control.exists()


async def test_a_socket_that_a_killed_agent_left_is_replaced(agent: Agent, tmp_path: Path) -> None:
    control = tmp_path / "control.sock"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(control))
    assert control.exists()
    server = WebServer(agent.core(), WebSettings(listen="127.0.0.1:0"), control)
    await server.start()
    async with over_unix(control) as client:
        assert (await client.get("/-/healthy")).status_code == 200
    await server.stop()


async def test_a_socket_that_answers_is_another_agents(agent: Agent, tmp_path: Path) -> None:
    control = tmp_path / "control.sock"
    first = WebServer(agent.core(), WebSettings(listen="127.0.0.1:0"), control)
    await first.start()
    second = WebServer(Agent(agent.site).core(), WebSettings(listen="127.0.0.1:0"), control)
    with pytest.raises(WebError, match=r"another pacs-monitor answers on .*; stop it, or set another data_dir"):
        await second.start()
    async with over_unix(control) as client:
        assert (await client.get("/-/healthy")).status_code == 200
    await first.stop()


async def test_a_path_too_long_for_a_socket_is_told(agent: Agent, tmp_path: Path) -> None:
    control = tmp_path / ("x" * 100) / "control.sock"
    with pytest.raises(WebError, match=r"is too long for a Unix socket \(107 bytes\); choose a shorter one"):
        await WebServer(agent.core(), WebSettings(listen="127.0.0.1:0"), control).start()


async def test_a_file_in_the_place_of_the_socket_is_not_removed(agent: Agent, tmp_path: Path) -> None:
    control = tmp_path / "control.sock"
    control.write_text("mine")
    with pytest.raises(WebError, match="is in the way and no socket; remove it"):
        await WebServer(agent.core(), WebSettings(listen="127.0.0.1:0"), control).start()
    assert control.read_text() == "mine"


# TLS


async def test_it_speaks_tls_from_1_2_on(agent: Agent, ca: trustme.CA, tmp_path: Path) -> None:
    web = WebSettings(listen="127.0.0.1:0", tls=certificate(ca, tmp_path))
    assert tls_context(certificate(ca, tmp_path)).minimum_version is ssl.TLSVersion.TLSv1_2
    server = WebServer(agent.core(), web, tmp_path / "control.sock")
    await server.start()
    assert server.url.startswith("https://")
    context = trusting(ca)
    async with client_of(server, verify=context) as client:
        assert (await client.get("/metrics")).status_code == 200
    async with over_unix(tmp_path / "control.sock") as client:
        assert (await client.get("/-/healthy")).status_code == 200
    old = trusting(ca)
    old.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    old.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await asyncio.open_connection(*server.address, ssl=old, server_hostname="localhost")
    await server.stop()


async def test_clients_without_a_certificate_of_the_client_ca_are_turned_away(
    agent: Agent, ca: trustme.CA, tmp_path: Path
) -> None:
    clients, others = trustme.CA(), trustme.CA()
    clients.cert_pem.write_to_path(tmp_path / "clients.pem")
    tls = certificate(ca, tmp_path, client_ca_file=tmp_path / "clients.pem")
    server = WebServer(agent.core(), WebSettings(listen="127.0.0.1:0", tls=tls))
    await server.start()
    known = trusting(ca)
    clients.issue_cert("prometheus").configure_cert(known)
    async with client_of(server, verify=known) as client:
        assert (await client.get("/metrics")).status_code == 200
    stranger = trusting(ca)
    others.issue_cert("prometheus").configure_cert(stranger)
    for context in (trusting(ca), stranger):
        async with client_of(server, verify=context) as client:
            with pytest.raises(httpx.TransportError):
                await client.get("/metrics")
    await server.stop()


async def test_a_renewed_certificate_and_token_are_taken_without_a_restart(
    agent: Agent, ca: trustme.CA, tmp_path: Path
) -> None:
    renewed, token = trustme.CA(), tmp_path / "token"
    token.write_text("old")
    web = WebSettings(listen="127.0.0.1:0", tls=certificate(ca, tmp_path), bearer_token_file=token)
    server = WebServer(agent.core(), web)
    await server.start()
    certificate(renewed, tmp_path)
    token.write_text("new")
    server.refresh()
    async with client_of(server, verify=trusting(renewed)) as client:
        assert (await client.get("/metrics", headers={"Authorization": "Bearer new"})).status_code == 200
    web_key = tmp_path / "key.pem"
    web_key.write_text("broken")
    token.write_text("third")
    with pytest.raises(
        WebError, match=r"web\.tls\.key_file: .*/key\.pem holds no private key in PEM; name the right file"
    ):
        server.refresh()
    async with client_of(server, verify=trusting(renewed)) as client:
        assert (await client.get("/metrics", headers={"Authorization": "Bearer new"})).status_code == 200
    await server.stop()


@pytest.mark.parametrize(
    ("break_it", "complaint"),
    [
        ("cert.pem", "web.tls.cert_file: {folder}/cert.pem cannot be used (No such file or directory)"),
        ("key.pem", "web.tls.key_file: {folder}/key.pem cannot be used (No such file or directory)"),
    ],
)
async def test_a_missing_certificate_is_told(
    agent: Agent, ca: trustme.CA, tmp_path: Path, break_it: str, complaint: str
) -> None:
    tls = certificate(ca, tmp_path)
    (tmp_path / break_it).unlink()
    with pytest.raises(WebError) as raised:
        await WebServer(agent.core(), WebSettings(listen="127.0.0.1:0", tls=tls)).start()
    assert str(raised.value) == complaint.format(folder=tmp_path) + "; check the name and its rights"


async def test_an_agent_on_uvloop_serves_both_sockets(tmp_path: Path) -> None:
    pytest.importorskip("uvloop")
    script = f"""
import asyncio, httpx, uvloop, pathlib
from pacs_monitor.settings import WebSettings
from pacs_monitor.web.listen import tls_context
from pacs_monitor.web.server import WebServer
from tests.hospital import Site, hospital, node
from tests.web.support import Agent

async def main():
    control = pathlib.Path({str(tmp_path / "control.sock")!r})
    server = WebServer(Agent(Site(hospital(node("ct")))).core(), WebSettings(listen="127.0.0.1:0"), control)
    await server.start()
    for options in ({{"base_url": server.url}},
                    {{"base_url": "http://localhost", "transport": httpx.AsyncHTTPTransport(uds=str(control))}}):
        async with httpx.AsyncClient(trust_env=False, timeout=60, **options) as client:
            assert (await client.get("/api/status")).status_code == 200
    await server.stop()
    print("served")

uvloop.run(main())
"""
    done = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[2]
    )
    out, _ = await done.communicate()
    assert out == b"served\n"
