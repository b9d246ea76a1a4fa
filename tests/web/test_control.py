from typing import Any

import httpx

from pacs_monitor.settings import Key
from tests.web.conftest import Serve
from tests.web.support import Agent


async def test_the_agent_is_healthy_as_long_as_it_answers(client: httpx.AsyncClient, agent: Agent) -> None:
    agent.problems = ["no worker is running"]
    answer = await client.get("/-/healthy")
    assert (answer.status_code, answer.text) == (200, "pacs-monitor is healthy\n")


async def test_ready_says_what_is_wrong(client: httpx.AsyncClient, agent: Agent) -> None:
    answer = await client.get("/-/ready")
    assert (answer.status_code, answer.text) == (200, "pacs-monitor is ready\n")
    agent.problems = ["state is not being saved: disk full", "no worker is running"]
    answer = await client.get("/-/ready")
    assert answer.status_code == 503
    assert answer.text == ("pacs-monitor is not ready\nstate is not being saved: disk full\nno worker is running\n")
    assert (await client.head("/-/ready")).status_code == 503


async def test_reload_gives_all_complaints(client: httpx.AsyncClient, agent: Agent) -> None:
    answer = await client.post("/-/reload")
    assert (answer.status_code, answer.text) == (200, "the configuration is reloaded\n")
    agent.complaints = ["a.yml:3: nodes[0].port: 70000 is not a TCP port (1 to 65535)", "a.yml:9: site: is empty"]
    answer = await client.post("/-/reload")
    assert (answer.status_code, answer.text) == (400, "".join(f"{one}\n" for one in agent.complaints))
    assert (await client.get("/-/reload")).status_code == 405
    assert agent.reloads == 2


async def test_probe_runs_a_check_now(client: httpx.AsyncClient, agent: Agent) -> None:
    answer = await client.post("/-/probe/archive/c_find")
    assert (answer.status_code, answer.json()) == (200, {"node": "archive", "check": "c_find", "reason": ""})
    assert (await client.post("/-/probe/-/disk")).json()["check"] == "disk"
    assert agent.probed == [("archive", "c_find"), ("", "disk")]
    answer = await client.post("/-/probe/archive/c_move")
    assert (answer.status_code, answer.json()) == (404, {"error": "there is no check c_move of archive"})
    assert (await client.get("/-/probe/archive/c_find")).status_code == 405


async def test_a_node_is_drained_and_taken_back(client: httpx.AsyncClient, agent: Agent) -> None:
    answer = await client.post("/-/drain/archive")
    assert (answer.status_code, answer.text) == (200, "archive is drained\n")
    assert (await client.get("/health/node/archive")).status_code == 503
    answer = await client.post("/-/undrain/archive")
    assert (answer.status_code, answer.text) == (200, "archive is in use\n")
    assert agent.site.context.drained == {}
    answer = await client.post("/-/drain/nobody")
    assert (answer.status_code, answer.text) == (404, "there is no node nobody\n")
    assert (await client.get("/-/drain/archive")).status_code == 405


async def test_a_worker_that_dies_under_a_probe_is_told(serve: Serve, agent: Agent) -> None:
    async def probe(key: Key) -> dict[str, Any]:
        raise ConnectionError("the worker ended; it is started again")

    agent.probe = probe  # type: ignore[method-assign]
    answer = await (await serve(agent)).post("/-/probe/ct/c_echo")
    assert (answer.status_code, answer.json()) == (503, {"error": "the worker ended; it is started again"})
