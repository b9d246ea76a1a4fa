import re

import httpx
import pytest

from pacs_monitor.web.auth import Access
from pacs_monitor.web.health import MOST_TOLD
from tests.hospital import Site, check, configuration, hospital, node
from tests.web.conftest import Serve
from tests.web.support import Agent


async def test_imaging_is_200_when_healthy_and_503_when_not(client: httpx.AsyncClient, agent: Agent) -> None:
    assert (await client.get("/health")).status_code == 503
    agent.site.up("archive")
    answer = await client.get("/health")
    assert (answer.status_code, answer.json()["status"]) == (200, "pass")
    assert answer.headers["content-type"] == "application/health+json"
    assert answer.headers["cache-control"] == "no-store"
    agent.site.down("archive")
    answer = await client.get("/health")
    assert (answer.status_code, answer.json()["status"]) == (503, "fail")
    assert answer.json()["notes"] == ["archive/c_echo: does not answer; look at its network cable"]


async def test_a_node_answers_for_itself(client: httpx.AsyncClient, agent: Agent) -> None:
    agent.site.up("ct")
    assert (await client.get("/health/node/ct")).status_code == 200
    assert (await client.get("/health/node/archive")).status_code == 503
    assert (await client.get("/health/node/nobody")).status_code == 404


async def test_checks_are_told_in_detail_to_whoever_may_see_them(client: httpx.AsyncClient, agent: Agent) -> None:
    agent.site.up("archive")
    assert (await client.get("/health/node/archive")).json()["checks"] == {
        "archive/c_echo": [
            {
                "componentType": "c_echo",
                "observedValue": 0.01,
                "observedUnit": "s",
                "status": "pass",
                "time": "2026-11-24T12:00:00.000+00:00",
            }
        ]
    }


async def test_a_query_restricts_a_node_to_named_checks(client: httpx.AsyncClient, agent: Agent) -> None:
    agent.site.give("archive", name="c_find")
    assert (await client.get("/health/node/archive?check=c_find")).status_code == 200
    assert (await client.get("/health/node/archive?check=c_find&check=c_echo")).status_code == 503
    assert (await client.get("/health/node/archive?check=nothing")).status_code == 404


async def test_a_label_answers_for_its_nodes(client: httpx.AsyncClient, agent: Agent) -> None:
    agent.site.up("ct")
    assert (await client.get("/health/label/role/modality")).status_code == 200
    assert (await client.get("/health/label/role/archive")).status_code == 503
    assert (await client.get("/health/label/role/printer")).status_code == 404
    assert (await client.get("/health/label/role/modality?check=c_find")).status_code == 404


async def test_a_labels_value_may_hold_a_slash_and_more(serve: Serve) -> None:
    ct = node("ct", labels={"place": "east/2 röntgen"})
    agent = Agent(Site(configuration([ct], [check(ct)])))
    agent.site.up("ct")
    assert (await (await serve(agent)).get("/health/label/place/east/2 röntgen")).status_code == 200


@pytest.mark.parametrize("path", ["/health", "/health/node/archive", "/health/label/role/archive"])
async def test_head_answers_with_the_status_alone(client: httpx.AsyncClient, agent: Agent, path: str) -> None:
    agent.site.up("archive")
    answer = await client.head(path)
    assert (answer.status_code, answer.content) == (200, b"")
    agent.site.down("archive")
    assert (await client.head(path)).status_code == 503


async def test_a_drained_node_is_503_and_says_drained(client: httpx.AsyncClient, agent: Agent) -> None:
    agent.site.up("ct")
    agent.site.context.drain("ct")
    answer = await client.get("/health/node/ct")
    assert (answer.status_code, answer.json()["output"]) == (503, "drained")


async def test_an_agent_that_is_cut_off_says_that_it_is_itself(serve: Serve) -> None:
    gateway, archive = node("gateway"), node("archive", importance="critical")
    plan = configuration([gateway, archive], [check(gateway), check(archive)], self_check={"nodes": ["gateway"]})
    agent = Agent(Site(plan))
    client = await serve(agent, Access(loopback=False))
    agent.site.up("archive")
    agent.site.down("gateway")
    for path in ("/health", "/health/node/archive", "/health/label/role/node"):
        answer = await client.get(path)
        assert (answer.status_code, answer.json()) == (503, {"status": "fail", "output": "agent"})


async def test_to_anybody_health_is_a_status_and_never_a_topology(serve: Serve, agent: Agent) -> None:
    client = await serve(agent, Access(loopback=False))
    agent.site.down("archive")
    agent.problems = ["state is not being saved: /var/lib/secret is full"]
    answers = [
        await client.get(path)
        for path in ("/health", "/health/node/archive", "/health/node/nobody", "/health/label/role/archive")
    ]
    assert [answer.json() for answer in answers if answer.status_code == 503] == [{"status": "fail"}] * 3
    answers += [await client.get("/-/ready"), await client.get("/-/healthy")]
    assert [answer.status_code for answer in answers] == [503, 503, 404, 503, 503, 200]
    for answer in answers:
        assert not re.search(r"archive|c_echo|10\.0\.0|cable|secret|1\.2\.3", answer.text), answer.text


async def test_of_a_large_group_only_what_fails_is_told_in_detail(serve: Serve) -> None:
    nodes = [node(f"ct{place}", role="modality") for place in range(MOST_TOLD + 1)]
    agent = Agent(Site(hospital(*nodes)))
    agent.site.up(*(one.name for one in nodes[1:]))
    answer = await (await serve(agent)).get("/health/label/role/modality")
    assert answer.status_code == 200
    assert list(answer.json()["checks"]) == ["ct0/c_echo"]
