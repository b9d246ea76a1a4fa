"""Alerts of the agent's own rules beside those that are posted."""

from __future__ import annotations

import time
from typing import Any

import httpx
import pytest

from pacs_monitor.routing.routed import RULES, RoutedAlert
from pacs_monitor.routing.service import Routes

LABELS = {"alertname": "NodeDown", "node": "ct1"}


async def test_an_alert_of_our_own_rules_has_an_end_that_moves_on(ours: httpx.AsyncClient, routes: Routes) -> None:
    routes.dispatcher.put([RoutedAlert(LABELS, {}, round(time.time() * 1000))]).result(10)
    (alert,) = (await ours.get("/api/v2/alerts")).json()
    assert alert["endsAt"] > alert["updatedAt"]


async def test_a_prometheus_with_the_same_rule_does_not_decide_when_ours_is_over(
    ours: httpx.AsyncClient, routes: Routes
) -> None:
    own = RoutedAlert(LABELS, {"summary": "ours"}, round(time.time() * 1000))
    routes.dispatcher.put([own]).result(10)
    for more in ({}, {"endsAt": "2020-01-01T00:00:00Z"}):
        answer = await ours.post("/api/v2/alerts", json=[{"labels": LABELS, **more}])
        assert answer.status_code == 200
        (alert,) = (await ours.get("/api/v2/alerts")).json()
        assert alert["annotations"] == {"summary": "ours"}
    assert routes.dispatcher.engine.alerts[own.fingerprint].origin == RULES


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("alerts", [{"labels": LABELS}]),
        (
            "silences",
            {
                "matchers": [{"name": "node", "value": "ct1", "isRegex": False}],
                "startsAt": "2020-01-01T00:00:00Z",
                "endsAt": "2126-01-01T00:00:00Z",
                "createdBy": "ana",
                "comment": "c",
            },
        ),
    ],
)
async def test_what_cannot_be_saved_holds_and_is_no_success(
    ours: httpx.AsyncClient, routes: Routes, monkeypatch: pytest.MonkeyPatch, path: str, body: Any
) -> None:
    def fail(*_: Any) -> bool:
        return False

    monkeypatch.setattr(routes.dispatcher.engine, "commit", fail)
    routes.dispatcher.engine.unsaved = True
    answer = await ours.post(f"/api/v2/{path}", json=body)
    assert answer.status_code == 500
    assert answer.json() == "it is taken, but the state file cannot be written; see the agent's log"
    assert len((await ours.get(f"/api/v2/{path}")).json()) == 1
