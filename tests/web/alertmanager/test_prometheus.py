"""A real Prometheus tells the agent of its alerts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from pacs_monitor.routing.service import Routes
from tests.peers.prometheus import run_prometheus


async def test_alerts_of_a_prometheus_come_in_stay_and_end(
    ours: httpx.AsyncClient, routes: Routes, tmp_path: Path
) -> None:
    rules = tmp_path / "rules.yml"
    rules.write_text(
        "groups: [{name: g, interval: 1s, rules: [{alert: Always, expr: vector(7), labels: {severity: warning}, "
        "annotations: {summary: 'is {{ $value }}'}}]}]"
    )
    target = str(ours.base_url).removeprefix("http://").rstrip("/")
    config = {
        "global": {"evaluation_interval": "1s", "external_labels": {"site": "south"}},
        "rule_files": [str(rules)],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [target]}]}]},
    }
    async with asyncio.timeout(120):
        # In a thread: it asks this loop while it starts.
        context = run_prometheus(tmp_path, config, "--rules.alert.resend-delay=1s")
        prometheus = await asyncio.to_thread(context.__enter__)
        try:
            (alert,) = await eventually(ours, lambda found: len(found) == 1)
            assert alert["labels"] == {"alertname": "Always", "severity": "warning", "site": "south"}
            assert alert["annotations"] == {"summary": "is 7"}
            assert alert["generatorURL"].startswith("http")
            first = alert["updatedAt"]
            await eventually(ours, lambda found: len(found) == 1 and found[0]["updatedAt"] != first)
            assert len(routes.dispatcher.engine.alerts) == 1
            rules.write_text(rules.read_text().replace("vector(7)", "vector(7) > 8"))
            await asyncio.to_thread(httpx.post, f"{prometheus.url}/-/reload", timeout=60)
            await eventually(ours, lambda found: not found)
        finally:
            await asyncio.to_thread(context.__exit__, None, None, None)


async def eventually(client: httpx.AsyncClient, enough: Callable[[list[Any]], bool]) -> list[Any]:
    """The alerts, once there are enough of them."""
    while True:
        found: list[Any] = (await client.get("/api/v2/alerts")).json()
        if enough(found):
            return found
        await asyncio.sleep(0.1)
