"""Maintenance that somebody starts by hand."""

from __future__ import annotations

from pathlib import Path

import httpx

from pacs_monitor.state import State
from tests.hospital import NOW, Site, hospital, node
from tests.web.support import Agent


async def test_it_begins_is_listed_and_ends(client: httpx.AsyncClient, agent: Agent) -> None:
    wanted = {"node": "ct", "seconds": 7200, "by": "ana", "comment": "new tube"}
    answer = await client.post("/api/maintenance", json=wanted)
    assert answer.status_code == 200, answer.text
    assert agent.site.suppressed("ct") == ("maintenance",)
    assert agent.site.suppressed("archive") == ()
    (one,) = (await client.get("/api/maintenance")).json()
    assert (one["node"], one["by"], one["comment"], one["plan"]) == ("ct", "ana", "new tube", "")
    assert (await client.delete("/api/maintenance/ct")).status_code == 200
    assert agent.site.suppressed("ct") == ()
    again = await client.delete("/api/maintenance/ct")
    assert (again.status_code, again.json()) == (
        409,
        "no maintenance of ct was started by hand; what is configured ends as it says",
    )


async def test_what_cannot_be_is_refused(client: httpx.AsyncClient) -> None:
    for body, status in (
        ({"node": "x", "seconds": 5}, 404),
        ({"node": "ct", "seconds": 0}, 400),
        ({"node": "ct", "seconds": 40 * 86_400}, 400),
        ({"node": "ct"}, 400),
    ):
        assert (await client.post("/api/maintenance", json=body)).status_code == status
    assert (await client.delete("/api/maintenance/x")).status_code == 404


async def test_what_is_configured_is_listed_too(agent: Agent, client: httpx.AsyncClient) -> None:
    agent.site.configure(
        hospital(
            node("ct", role="modality"),
            maintenance=[{"name": "tonight", "nodes": ["ct"], "on": "2026-11-24", "from": "13:00", "for": "4h"}],
        )
    )
    (one,) = (await client.get("/api/maintenance")).json()
    assert (one["node"], one["plan"]) == ("ct", "tonight")


def test_it_outlives_a_restart_and_ends_by_itself(tmp_path: Path) -> None:
    state = State(tmp_path / "state.db", "north")
    site = Site(hospital(node("ct"), node("mr")), state)
    site.context.maintain("ct", NOW + 60, "ana")
    state.close()
    state = State(tmp_path / "state.db", "north")
    site = Site(hospital(node("ct"), node("mr")), state, now=NOW + 30)
    assert site.suppressed("ct", "c_echo") == ("maintenance",)
    site.tick(29)
    assert site.suppressed("ct") == ("maintenance",)
    site.tick(1)
    assert site.suppressed("ct") == ()
    state.close()
    state = State(tmp_path / "state.db", "north")
    assert Site(hospital(node("ct")), state, now=NOW + 70).suppressed("ct") == ()
    state.close()


def test_what_was_down_before_it_began_goes_on_alerting(tmp_path: Path) -> None:
    site = Site(hospital(node("ct"), node("mr")))
    for _ in range(3):
        site.down("ct")
    site.context.maintain("ct", site.now + 600)
    site.context.maintain("mr", site.now + 600)
    for _ in range(3):
        site.down("mr")
    assert (site.suppressed("ct"), site.suppressed("mr")) == ((), ("maintenance",))


def test_a_node_that_is_taken_out_has_none(tmp_path: Path) -> None:
    site = Site(hospital(node("ct"), node("mr")))
    site.context.maintain("ct", site.now + 600)
    site.configure(hospital(node("mr")))
    assert site.context.by_hand.all == {}
