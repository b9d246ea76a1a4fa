"""`/api/overview`: the agent, what is down, what fires and what waits, in one screen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from pacs_monitor.routing.engine import Engine
from pacs_monitor.routing.inhibiting import matches
from pacs_monitor.routing.stages import Moment
from pacs_monitor.web.alertmanager.answers import json_answer
from pacs_monitor.web.alertmanager.serving import Desk
from pacs_monitor.web.alertmanager.shown import date_time
from pacs_monitor.web.core import Core
from pacs_monitor.web.status import Status
from pacs_monitor.web.untold import raised, why_untold

MOST_TOLD = 50


class Overview:
    """The endpoint."""

    def __init__(self, desk: Desk, status: Status) -> None:
        self._desk = desk
        self._status = status

    async def get(self, _: Request) -> Response:
        """All of it."""
        core = self._desk.core
        configuration = core.configuration()
        told: dict[str, Any] = {
            "version": core.version,
            "site": configuration.agent.site,
            "startedAt": date_time(round(core.started * 1000)),
            "problems": core.ready(),
            "cutOff": core.context.cut_off,
            "nodes": len(configuration.nodes),
            **await self._desk.aside(self._checks),
            "drained": sorted(core.context.drained),
            "maintained": sorted(core.context.by_hand.all),
            "alerting": await self._desk.ask(routing_overview) if core.routes.at_work else None,
            "untold": None if core.routes.at_work else _untold(core),
        }
        return json_answer(told)

    def _checks(self) -> dict[str, Any]:
        counts: Counter[str] = Counter()
        down = []
        for record, confirmed, word in self._status.rows():
            counts[word] += 1
            if word == "down":
                node, check = record.key
                importance = record.node.importance if record.node else ""
                down.append(
                    {
                        "node": node,
                        "check": check,
                        "importance": importance,
                        "since": date_time(round((confirmed.since or 0) * 1000)),
                        "reason": record.reason,
                        "message": record.message,
                        "suppressedBy": list(self._desk.core.context.suppressed_by(record.key)),
                    }
                )
        down.sort(key=lambda one: (bool(one["suppressedBy"]), one["importance"] != "critical", one["since"]))
        return {"checks": dict(counts), "down": down[:MOST_TOLD], "downCount": len(down)}


def _untold(core: Core) -> dict[str, Any]:
    firing = Counter(alert.labels.get("severity", "") for alert in raised(core))
    return {"why": why_untold(core), "firing": dict(firing)}


def routing_overview(engine: Engine, at: Moment) -> dict[str, Any]:
    """Alerts by severity, silences, what waits to be delivered and what is due next; in the routes' thread."""
    severities: Counter[str] = Counter()
    quiet: Counter[str] = Counter()
    firing = [one for one in engine.alerts.values() if not one.resolved(at.mono)]
    suppressed = _suppressed(engine, at)
    for alert in firing:
        known = alert.fingerprint in engine.acknowledged
        (quiet if known or suppressed(alert.labels) else severities)[alert.labels.get("severity", "")] += 1
    rows = list(engine.teller.outbox.rows.values())
    stuck: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        if row.reason:
            stuck.setdefault((row.content.receiver, row.content.integration), []).append(row.error)
    due = min((group for group in engine.groups), key=lambda group: group.due, default=None)
    return {
        "firing": dict(severities),
        "quiet": dict(quiet),
        "acknowledged": sum(one.fingerprint in engine.acknowledged for one in firing),
        "silences": sum(one.state(at.wall) == "active" for one in engine.silences),
        "outbox": {
            "waiting": len(rows),
            "oldest": date_time(min(row.content.queued_at for row in rows)) if rows else None,
            "failing": [
                {"receiver": receiver, "integration": integration, "count": len(errors), "error": errors[-1]}
                for (receiver, integration), errors in sorted(stuck.items())[:MOST_TOLD]
            ],
        },
        "nextFlush": {"group": due.key, "receiver": due.route.receiver, "at": date_time(due.due_at)} if due else None,
    }


def _suppressed(engine: Engine, at: Moment) -> Callable[[Any], bool]:
    active = [one for one in engine.silences if one.state(at.wall) == "active"]
    inhibitor = engine.stages.inhibitor

    def is_suppressed(labels: Any) -> bool:
        return any(matches(one.matchers, labels) for one in active) or bool(inhibitor.inhibited_by(labels, at.mono))

    return is_suppressed
