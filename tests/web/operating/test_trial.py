"""A test alert goes the whole way."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from pacs_monitor.notify.notification import DeliveryFailed
from pacs_monitor.routing.service import Routes
from tests.web.operating.conftest import Post


async def tried(client: httpx.AsyncClient, **wanted: Any) -> list[dict[str, Any]]:
    answer = await client.post("/api/test", json=wanted, timeout=60)
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


async def test_each_step_is_told_until_all_have_taken_it_and_its_end(
    ours: httpx.AsyncClient, post: Post, routes: Routes
) -> None:
    steps = await tried(ours, node="archive")
    words = [step["step"] for step in steps]
    assert words[:3] == ["raised", "routed", "routed"]
    assert words.count("delivered") == 3  # the pager hears of no ends
    assert (words[-1], steps[-1]["delivered"]) == ("end", True)
    assert any("team (webhook/0): team.north.example: 200 OK" in step["text"] for step in steps)
    first = post.sent[0].alerts[0]
    assert first.labels["test"] == "true"
    assert first.labels["severity"] == "critical"
    assert first.annotations["summary"].startswith("TEST: ")
    assert {alert.status for one in post.sent for alert in one.alerts} == {"firing", "resolved"}
    while routes.dispatcher.engine.alerts:
        pass
    again = await tried(ours, node="archive")
    assert again[-1]["delivered"]


@pytest.mark.parametrize("receiver", ["team", "pager"])
async def test_what_is_not_taken_in_time_has_failed(ours: httpx.AsyncClient, post: Post, receiver: str) -> None:
    post.failing[receiver] = DeliveryFailed("refused", "nobody listens at port 80")
    steps = await tried(ours, node="archive", within=1.5)
    assert any(step["step"] == "failed" and "nobody listens at port 80" in step["text"] for step in steps)
    assert steps[-1]["delivered"] is False
    assert steps[-1]["text"].startswith(f"not taken in time by {receiver} (webhook/0); what waits")


@pytest.mark.parametrize(
    ("labels", "why"),
    [
        ({"node": "nobody"}, "its receivers have nobody to tell now"),
        ({"node": "muted"}, "its routes are muted by always"),
    ],
)
async def test_where_nobody_is_told_it_says_why(ours: httpx.AsyncClient, labels: dict[str, str], why: str) -> None:
    steps = await tried(ours, node="ct", severity="info", labels=labels)
    assert (steps[-1]["text"], steps[-1]["delivered"]) == (why, False)


async def test_a_silence_keeps_it_from_everybody(ours: httpx.AsyncClient) -> None:
    silence = {
        "matchers": [{"name": "node", "value": "ct", "isRegex": False}],
        "startsAt": "2020-01-01T00:00:00Z",
        "endsAt": "2126-01-01T00:00:00Z",
        "createdBy": "ana",
        "comment": "moved",
    }
    id = (await ours.post("/api/v2/silences", json=silence)).json()["silenceID"]
    steps = await tried(ours, node="ct")
    assert (steps[-1]["text"], steps[-1]["delivered"]) == (f"the silence {id} silences it: nobody is told", False)


async def test_a_node_that_is_not_there_has_no_alert(ours: httpx.AsyncClient) -> None:
    answer = await ours.post("/api/test", json={"node": "x"})
    assert (answer.status_code, answer.json()) == (404, "there is no node x")
