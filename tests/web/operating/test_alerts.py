"""Lists of alerts, acknowledgements and explanations."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from pacs_monitor.notify.notification import DeliveryFailed
from pacs_monitor.routing.service import Routes
from pacs_monitor.web.auth import Access
from tests.web.conftest import Serve
from tests.web.operating.conftest import Post
from tests.web.support import Agent


async def add(client: httpx.AsyncClient, *every: dict[str, str]) -> None:
    alerts = [{"labels": labels, "annotations": {"summary": f"{labels['alertname']} fires"}} for labels in every]
    answer = await client.post("/api/v2/alerts", json=alerts)
    assert answer.status_code == 200, answer.text


DOWN = {"alertname": "NodeDown", "node": "archive", "severity": "critical"}
CHECK = {"alertname": "CheckDown", "node": "archive", "severity": "warning"}
CT1 = {"alertname": "CheckDown", "node": "ct1", "severity": "warning"}
CT2 = {"alertname": "CheckDown", "node": "ct2", "severity": "info"}


async def listed(client: httpx.AsyncClient, **query: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await client.get("/api/alerts", params=query)).json()
    return found


async def test_what_fires_is_listed_with_the_worst_first_and_the_quiet_last(ours: httpx.AsyncClient) -> None:
    await add(ours, CT2, CHECK, CT1, DOWN)
    silence = {
        "matchers": [{"name": "node", "value": "ct1", "isRegex": False}],
        "startsAt": "2020-01-01T00:00:00Z",
        "endsAt": "2126-01-01T00:00:00Z",
        "createdBy": "ana",
        "comment": "moved",
    }
    await ours.post("/api/v2/silences", json=silence)
    found = await listed(ours)
    assert [one["labels"]["node"] for one in found] == ["archive", "ct2", "archive", "ct1"]
    down, _, check, ct1 = found
    assert down["receivers"] == ["pager", "team"]
    assert check["inhibitedBy"] == [{"fingerprint": down["fingerprint"], "alertname": "NodeDown"}]
    assert [(one["createdBy"], one["comment"]) for one in ct1["silencedBy"]] == [("ana", "moved")]
    assert [one["labels"]["node"] for one in await listed(ours, filter="node=ct1")] == ["ct1"]
    assert (await ours.get("/api/alerts", params={"filter": "x"})).status_code == 400


@pytest.mark.parametrize("words", [["NodeDown"], ["archive", "severity=critical"], ["alertname=~Node.*"]])
async def test_an_alert_is_taken_on_by_whatever_means_it_alone_and_back(
    ours: httpx.AsyncClient, words: list[str]
) -> None:
    await add(ours, DOWN, CHECK, CT1)
    answer = await ours.post("/api/ack", json={"alert": words, "by": "ana", "comment": "on it"})
    assert answer.status_code == 200, answer.text
    assert (answer.json()["labels"], answer.json()["by"]) == (DOWN, "ana")
    (down,) = await listed(ours, filter="alertname=NodeDown")
    assert down["acknowledged"]["comment"] == "on it"
    assert (await ours.post("/api/unack", json={"alert": [down["fingerprint"][:8]]})).status_code == 200
    (down,) = await listed(ours, filter="alertname=NodeDown")
    assert down["acknowledged"] is None
    again = await ours.post("/api/unack", json={"alert": words})
    assert (again.status_code, again.json()) == (409, "nobody has acknowledged it")


async def test_what_means_several_is_answered_with_the_candidates(ours: httpx.AsyncClient) -> None:
    await add(ours, DOWN, CHECK, CT1)
    for ask in (
        ours.post("/api/ack", json={"alert": ["CheckDown"], "by": "ana"}),
        ours.post("/api/unack", json={"alert": ["CheckDown"]}),
        ours.get("/api/explain", params={"alert": "CheckDown"}),
    ):
        answer = await ask
        assert answer.status_code == 409
        assert [one["labels"]["node"] for one in answer.json()["candidates"]] == ["archive", "ct1"]


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({"alert": ["Nothing"], "by": "ana"}, 404, "no alert fires that Nothing means"),
        ({"alert": ["a=~("], "by": "ana"}, 400, "a=~(: missing )"),
        ({"alert": [], "by": "ana"}, 400, "by and alert must say something"),
        ({"alert": ["x"], "by": ""}, 400, "by and alert must say something"),
        ({"alert": ["x"]}, 400, "by: Field required"),
        ({"alert": "x", "by": "ana"}, 400, "alert: Input should be a valid tuple"),
        ({"alert": ["x"], "by": "ana", "who": 1}, 400, "who: Extra inputs are not permitted"),
        ({"alert": ["x"], "by": "a" * 1001}, 400, "by: String should have at most 1000 characters"),
    ],
)
async def test_what_is_wrong_with_a_request_is_told(
    ours: httpx.AsyncClient, body: Any, status: int, message: str
) -> None:
    answer = await ours.post("/api/ack", json=body)
    assert answer.status_code == status
    assert message in answer.json()


async def test_an_explanation_goes_from_the_route_to_the_answer_of_each_receiver(
    ours: httpx.AsyncClient, routes: Routes, post: Post
) -> None:
    post.failing["pager"] = DeliveryFailed("refused", "pager.north.example: nobody listens at port 80")
    await add(ours, DOWN)
    before = (await ours.get("/api/explain", params={"alert": "NodeDown"})).json()
    assert [route["integrations"][0]["knows"] for route in before["routes"]] == ["nothing", "nothing"]

    def hasten(engine: Any, at: Any) -> None:
        for group in engine.groups:
            engine.groups.hasten(group, at)

    routes.dispatcher.ask(hasten).result(10)
    while True:
        told = (await ours.get("/api/explain", params={"alert": "NodeDown"})).json()
        if all(route["integrations"][0]["attempts"] for route in told["routes"]):
            break
    by_receiver = {route["receiver"]: route for route in told["routes"]}
    pager, team = by_receiver["pager"], by_receiver["team"]
    assert pager["way"] == ["{}", '{severity="critical"}']
    assert pager["group"] == '{}/{severity="critical"}:{alertname="NodeDown"}'
    (attempt,) = team["integrations"][0]["attempts"]
    assert (attempt["answer"], attempt["reason"]) == ("team.north.example: 200 OK", "")
    assert team["integrations"][0]["knows"] == "firing"
    assert team["integrations"][0]["waiting"] is None
    assert pager["integrations"][0]["attempts"][0]["reason"] == "refused"
    waiting = pager["integrations"][0]["waiting"]
    assert (waiting["error"], waiting["refused"]) == ("pager.north.example: nobody listens at port 80", False)
    assert waiting["nextTry"] > told["startsAt"]
    assert (told["origin"], told["rule"]) == ("api", None)
    overview = (await ours.get("/api/overview")).json()["alerting"]
    assert overview["firing"] == {"critical": 1}
    assert [one["receiver"] for one in overview["outbox"]["failing"]] == ["pager"]
    assert overview["nextFlush"]["receiver"] in ("pager", "team")


async def test_without_routes_nobody_is_told_and_that_is_said(serve: Serve, agent: Agent) -> None:
    client = await serve(agent)
    for path in ("v2/alerts", "v2/alerts/groups", "v2/silences", "v2/status", "v2/receivers", "alerts"):
        answer = await client.get(f"/api/{path}")
        assert answer.status_code == 503
        assert answer.json().startswith("nobody is told of alerts, as the configuration has no routes; add")
    assert (await client.post("/api/v2/alerts", json=[{"labels": {"a": "b"}}])).status_code == 503
    assert (await client.post("/api/test", json={"node": "ct"})).status_code == 503
    overview = (await client.get("/api/overview")).json()
    assert (overview["alerting"], overview["site"], overview["nodes"]) == (None, "north", 2)


async def test_no_secret_of_a_receiver_is_in_any_answer(ours: httpx.AsyncClient) -> None:
    await add(ours, DOWN)
    for path in ("v2/status", "v2/receivers", "v2/alerts", "alerts", "explain?alert=NodeDown", "overview"):
        answer = await ours.get(f"/api/{path}")
        assert answer.status_code == 200, answer.text
        assert "SECRETPATH" not in answer.text


async def test_what_somebody_posted_is_in_no_complaint(
    ours: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    """Bodies may hold a patient's name by mistake: not all that is posted is well formed."""
    canary = "DOE^CANARY"
    bodies = (
        f'[{{"labels": {{"a": "{canary}"',
        f'[{{"labels": {{"a": ["{canary}"]}}}}]',
        f'[{{"labels": {{"a": "b"}}, "startsAt": "{canary}"}}]',
        f'"{canary}"',
        f'{{"matchers": "{canary}"}}',
        f'{{"alert": ["{canary}"], "by": {{"{canary}": 1}}}}',
    )
    for path in ("v2/alerts", "v2/silences", "ack", "maintenance", "test"):
        for body in bodies:
            answer = await ours.post(f"/api/{path}", content=body, headers={"Content-Type": "application/json"})
            assert answer.status_code in (400, 404, 422), (path, body)
            assert canary not in answer.text
    assert canary not in caplog.text


async def test_pages_of_other_sites_change_nothing(serve: Serve, agent: Agent, routes: Routes) -> None:
    agent.routes = routes
    mine = await serve(agent)
    for path in ("v2/alerts", "v2/silences", "ack", "unack", "maintenance", "test"):
        forged = await mine.post(f"/api/{path}", json=[], headers={"Origin": "https://evil.example"})
        assert forged.status_code == 403
        form = await mine.post(f"/api/{path}", data={"x": "y"})
        assert form.status_code == 415


async def test_strangers_see_and_change_nothing(serve: Serve, agent: Agent, routes: Routes) -> None:
    agent.routes = routes
    stranger = await serve(agent, Access(loopback=False, token=b"t"))
    for method, path in (
        ("GET", "v2/alerts"),
        ("GET", "v2/status"),
        ("POST", "v2/alerts"),
        ("DELETE", "v2/silence/00000000-0000-0000-0000-000000000000"),
        ("GET", "alerts"),
        ("GET", "overview"),
        ("GET", "explain"),
        ("POST", "ack"),
        ("POST", "maintenance"),
        ("POST", "test"),
    ):
        answer = await stranger.request(method, f"/api/{path}")
        assert answer.status_code == 401
