import asyncio
import base64
import threading
import time
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import bcrypt
import httpx
import pytest
from pydantic import SecretStr

from pacs_monitor.settings import WebSettings
from pacs_monitor.web import auth
from pacs_monitor.web.auth import Access, read_access
from pacs_monitor.web.errors import WebError
from pacs_monitor.web.passwords import Passwords, read_passwords
from tests.hospital import Site, hospital, node
from tests.web.conftest import Serve
from tests.web.support import Agent

GUARDED = ["/", "/metrics", "/api/status", "/no/such/page"]
ANONYMOUS = ["/health", "/health/node/archive", "/health/label/role/archive", "/-/healthy", "/-/ready"]
HASH = "$2b$04$wt5gSDrPlS1oV8Ws8Cijx.73qiTc2Objm1u7cqYKzl0EHmheGLeJm"  # of "correct horse", cost 4
BEYOND = Access(loopback=False)
LOCAL = (ip_network("127.0.0.0/8"),)


@pytest.fixture(autouse=True)
def _failures_cost_little(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auth, "_FAILURE_COSTS", 0.05)


def basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def statuses(client: httpx.AsyncClient, paths: list[str], **request: Any) -> set[int]:
    return {(await client.get(path, **request)).status_code for path in paths}


# On loopback


async def test_on_loopback_without_credentials_everything_is_open(client: httpx.AsyncClient) -> None:
    assert await statuses(client, ["/", "/metrics", "/api/status"]) == {200}
    assert (await client.post("/-/reload")).status_code == 200


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:9811", "127.0.0.1:1", "[::1]:9811", "LOCALHOST", "pacsmon.north.example"]
)
async def test_on_loopback_the_agent_answers_to_its_own_names(serve: Serve, host: str) -> None:
    agent = Agent(Site(hospital(node("ct"), external_url="https://pacsmon.north.example/")))
    assert (await (await serve(agent)).get("/", headers={"Host": host})).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:9811", "localhost.evil.example", "10.0.0.7", "", "[bad"]
)
async def test_on_loopback_a_page_under_another_name_gets_nothing_by_rebinding(
    serve: Serve, agent: Agent, host: str
) -> None:
    client = await serve(agent, headers={"Host": host})
    assert await statuses(client, ["/", "/api/status", "/metrics", "/no/such/page"]) == {403}
    assert (await client.post("/-/reload")).status_code == 403
    assert (await client.post("/-/probe/ct/c_echo")).status_code == 403
    assert (await client.get("/health")).json() == {"status": "fail"}
    assert agent.reloads == 0
    assert agent.probed == []


async def test_credentials_that_are_configured_are_asked_for_on_loopback_too(serve: Serve, agent: Agent) -> None:
    client = await serve(agent, bearer_token="sesame")
    assert await statuses(client, GUARDED) == {401}
    assert await statuses(client, ANONYMOUS) == {200, 503}
    assert await statuses(client, ["/", "/metrics"], headers=bearer("sesame")) == {200}


# Beyond loopback


async def test_beyond_loopback_health_is_anonymous_and_all_else_is_not(serve: Serve, agent: Agent) -> None:
    client = await serve(agent, BEYOND)
    assert await statuses(client, GUARDED) == {403}
    assert await statuses(client, ANONYMOUS) == {200, 503}
    for path in ("/-/reload", "/-/probe/ct/c_echo"):
        assert (await client.post(path)).status_code == 403
    assert agent.reloads == 0
    assert agent.probed == []


@pytest.mark.parametrize("path", ["/health/../metrics", "//metrics", "/-/healthy/../reload", "/health%2f..%2fmetrics"])
async def test_no_way_of_writing_a_path_goes_around_the_guard(serve: Serve, agent: Agent, path: str) -> None:
    client = await serve(agent, BEYOND)
    reader, writer = await asyncio.open_connection(client.base_url.host, client.base_url.port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    answer = (await reader.read()).decode()
    writer.close()
    assert answer.split()[1] in ("403", "404")
    assert "pacs_check" not in answer


async def test_a_token_opens_everything(serve: Serve, agent: Agent, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("s3same\n")
    access = read_access(WebSettings(listen="0.0.0.0:1", bearer_token_file=file))
    client = await serve(agent, access)
    answer = await client.get("/metrics")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Bearer realm="pacs-monitor"'
    assert await statuses(client, GUARDED, headers=bearer("s3sam")) == {401}
    assert await statuses(client, GUARDED, headers=bearer("s3same")) == {200, 404}
    assert (await client.post("/-/reload", headers=bearer("s3same"))).status_code == 200
    assert "notes" in (await client.get("/health", headers=bearer("s3same"))).json()
    assert (await client.get("/health", headers=bearer("wrong"))).json() == {"status": "fail"}


async def test_a_user_with_a_password_may_ask(serve: Serve, agent: Agent, tmp_path: Path) -> None:
    file = tmp_path / "users"
    file.write_text(f"# who may ask\nanna:{HASH}\n\nbert:{HASH.replace('$2b$', '$2y$')}\n")
    access = read_access(WebSettings(listen="0.0.0.0:1", basic_auth_file=file, bearer_token=SecretStr("x")))
    client = await serve(agent, access)
    answer = await client.get("/metrics")
    assert answer.headers.get_list("www-authenticate") == [
        'Bearer realm="pacs-monitor"',
        'Basic realm="pacs-monitor", charset="UTF-8"',
    ]
    for user in ("anna", "bert"):
        assert (await client.get("/metrics", headers=basic(user, "correct horse"))).status_code == 200
    wrong = [("anna", "wrong"), ("carl", "correct horse"), ("anna", ""), ("", ""), ("anna", "a\0b"), ("anna", "x" * 99)]
    for user, password in wrong:
        assert (await client.get("/metrics", headers=basic(user, password))).status_code == 401
    for header in ("Basic", "Basic !!!", "Basic YW5uYQ==", "Basic /w==", "Digest x", "Bearer"):
        assert (await client.get("/metrics", headers={"Authorization": header})).status_code == 401


async def test_an_allowed_network_needs_no_credentials(serve: Serve, agent: Agent) -> None:
    client = await serve(agent, Access(loopback=False, networks=LOCAL))
    assert await statuses(client, ["/", "/metrics", "/api/status"]) == {200}
    assert (await client.post("/-/reload")).status_code == 200


async def test_what_a_client_says_of_its_own_address_is_not_believed(serve: Serve, agent: Agent) -> None:
    client = await serve(agent, Access(loopback=False, networks=(ip_network("10.0.3.0/24"),)))
    claims = {"X-Forwarded-For": "10.0.3.7", "Forwarded": "for=10.0.3.7", "X-Real-IP": "10.0.3.7"}
    assert await statuses(client, GUARDED, headers=claims) == {403}


async def test_an_allowed_browser_is_not_used_by_a_page_of_another_name(serve: Serve, agent: Agent) -> None:
    client = await serve(agent, Access(loopback=False, networks=LOCAL))
    assert (await client.get("/api/status", headers={"Host": "evil.example"})).status_code == 403
    assert (await client.get("/api/status", headers={"Host": "10.1.2.3:9811"})).status_code == 200
    assert (await client.get("/metrics", headers={"Host": "evil.example"})).status_code == 403
    assert (await client.get("/metrics", headers={"Host": "10.1.2.3:9811"})).status_code == 200
    assert (await client.get("/health", headers={"Host": "evil.example"})).json() == {"status": "fail"}


@pytest.mark.parametrize(
    ("address", "allowed"),
    [("10.0.3.7", True), ("10.0.4.7", False), ("::ffff:10.0.3.7", True), ("fd00::1", True), ("", False), ("x", False)],
)
def test_an_address_is_allowed_if_a_network_holds_it(address: str, allowed: bool) -> None:
    access = Access(networks=(ip_network("10.0.3.0/24"), ip_network("fd00::/8")))
    assert access.is_allowed_address(address) is allowed


# Cross-site requests


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "none"}, 200),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "http://localhost:9811", "Host": "localhost:9811"}, 200),
        ({"Origin": "http://localhost:1", "Host": "localhost:9811"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": ""}, 403),
    ],
)
async def test_a_page_of_another_site_cannot_make_a_browser_tell_us_to_do_something(
    client: httpx.AsyncClient, agent: Agent, headers: dict[str, str], status: int
) -> None:
    assert (await client.post("/-/reload", headers=headers)).status_code == status
    assert agent.reloads == (status == 200)


async def test_behind_a_proxy_the_external_url_is_the_pages_own_site(serve: Serve) -> None:
    agent = Agent(Site(hospital(node("ct"), external_url="https://pacsmon.north.example")))
    client = await serve(agent)
    origin = {"Origin": "https://pacsmon.north.example", "Sec-Fetch-Site": "same-origin"}
    assert (await client.post("/-/reload", headers=origin)).status_code == 200


# Passwords


async def test_a_password_is_hashed_once_and_not_on_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    passwords, hashed, go_on = Passwords({"anna": HASH}), [], threading.Event()
    check = bcrypt.checkpw

    def slowly(password: bytes, value: bytes) -> bool:
        hashed.append(password)
        return go_on.wait(20) and check(password, value)

    monkeypatch.setattr(bcrypt, "checkpw", slowly)
    verifying = asyncio.ensure_future(passwords.verify("anna", "correct horse"))
    await asyncio.sleep(0.01)
    go_on.set()  # by the loop, which does not wait
    assert await verifying
    assert await passwords.verify("anna", "correct horse")
    assert len(hashed) == 1
    assert not await passwords.verify("nobody", "correct horse")
    assert len(hashed) == 2  # an unknown user takes as long as a known one
    passwords.close()


async def test_who_guesses_waits_and_who_floods_is_told_so(serve: Serve, agent: Agent) -> None:
    client = await serve(agent, Access(loopback=False, passwords=Passwords({"anna": bcrypt_of_cost(8)})))
    assert (await client.get("/metrics", headers=basic("anna", "correct horse"))).status_code == 200
    started = time.perf_counter()
    assert (await client.get("/metrics", headers=basic("anna", "guess"))).status_code == 401
    assert time.perf_counter() - started > 0.05
    flood = await asyncio.gather(*(client.get("/metrics", headers=basic("anna", str(i))) for i in range(80)))
    assert {answer.status_code for answer in flood} == {401, 429}
    assert (await client.get("/metrics", headers=basic("anna", "correct horse"))).status_code == 200


def bcrypt_of_cost(cost: int) -> str:
    return bcrypt.hashpw(b"correct horse", bcrypt.gensalt(cost)).decode()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("anna:secret\n", "{file}:1: is not user:hash with bcrypt; use htpasswd -B"),
        (f"anna:{HASH}\nbert:$apr1$x$y\n", "{file}:2: is not user:hash with bcrypt; use htpasswd -B"),
        (HASH.join(("anna:", "\n")).replace("$04$", "$03$"), "{file}:1: is not user:hash with bcrypt; use htpasswd -B"),
        (HASH.join(("anna:", "\n")).replace("x.7", "x/7"), "{file}:1: is not user:hash with bcrypt; use htpasswd -B"),
        ("\n# nobody\n", "{file} names no user; add one with htpasswd -B"),
        (None, "{file} cannot be read (No such file or directory); check the name and its rights"),
    ],
)
def test_a_wrong_password_file_is_told_without_what_it_holds(tmp_path: Path, text: str | None, complaint: str) -> None:
    file = tmp_path / "users"
    if text is not None:
        file.write_text(text)
    with pytest.raises(WebError) as raised:
        read_passwords(file)
    assert str(raised.value) == "web.basic_auth_file: " + complaint.format(file=file)


def test_an_empty_token_file_is_no_token(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(" \n")
    with pytest.raises(WebError, match="is empty; write a token into it"):
        read_access(WebSettings(bearer_token_file=file))
