"""Ten thousand alerts are answered, and nobody else waits."""

from __future__ import annotations

import time

import httpx
import pytest

from pacs_monitor.routing.routed import RoutedAlert
from pacs_monitor.routing.service import Routes
from pacs_monitor.web.alertmanager.answers import LARGEST_BODY
from tests.noise import ShareOfThisThread

COUNT = 10_000


@pytest.fixture
def many(routes: Routes) -> Routes:
    now = round(time.time() * 1000)
    annotations = {"summary": "the node does not answer; look at its cable", "runbook": "docs/runbooks/NodeDown.md"}
    routes.dispatcher.put(
        RoutedAlert(
            {"alertname": "NodeDown", "site": "north", "node": f"ct{number}", "severity": "warning"}, annotations, now
        )
        for number in range(COUNT)
    ).result(60)
    return routes


@pytest.mark.parametrize("path", ["alerts", "alerts/groups"])
async def test_while_ten_thousand_alerts_are_told_the_loop_is_free(
    many: Routes, ours: httpx.AsyncClient, path: str
) -> None:
    share = ShareOfThisThread()
    answer = await ours.get(f"/api/v2/{path}", timeout=60)
    assert share.now() < 0.5
    told = answer.json()
    alerts = told if path == "alerts" else [one for group in told for one in group["alerts"]]
    assert len(alerts) == COUNT


async def test_a_body_without_end_is_refused(ours: httpx.AsyncClient) -> None:
    headers = {"Content-Type": "application/json"}
    for path in ("alerts", "silences"):
        answer = await ours.post(f"/api/v2/{path}", content=b" " * (LARGEST_BODY + 1), headers=headers)
        assert answer.status_code == 413
        assert answer.json() == "the body is larger than 4,000,000 bytes; send less at a time"
