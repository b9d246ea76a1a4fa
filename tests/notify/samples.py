"""Alerts and notifications to send."""

from typing import Any

from pacs_monitor.notify.notification import Notification, ToldAlert

BEGAN = 1_795_515_120_000  # 2026-11-24 10:12 UTC
DOWN = {"alertname": "NodeDown", "severity": "critical", "site": "north", "node": "archive", "role": "archive"}
SAYS = {
    "summary": "archive is down at north",
    "description": "Checks of this node that are confirmed down: 1.",
    "runbook": "docs/runbooks/NodeDown.md",
}


def alert(**changes: Any) -> ToldAlert:
    labels = {**DOWN, **changes.pop("labels", {})}
    told: dict[str, Any] = {
        "status": "firing",
        "labels": labels,
        "annotations": SAYS,
        "starts_at": BEGAN,
        "ends_at": None,
        "generator_url": "https://pacsmon.north.example/graph",
        "fingerprint": "b5d4045c3f466fa9",
    }
    return ToldAlert(**{**told, **changes})


def notification(*alerts: ToldAlert, **changes: Any) -> Notification:
    told: dict[str, Any] = {
        "key": "7f3a-1",
        "receiver": "oncall",
        "integration": "email/0",
        "group_key": '{}:{alertname="NodeDown"}',
        "group_labels": {"alertname": "NodeDown"},
        "alerts": alerts or (alert(),),
        "external_url": "https://pacsmon.north.example",
        "queued_at": BEGAN,
    }
    return Notification(**{**told, **changes})
