"""`/api/explain`: what became of one alert, from its rule to each receiver's answer."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from pacs_monitor.alerting.service import Alerting
from pacs_monitor.metrics import json_number
from pacs_monitor.routing.definitions import Route
from pacs_monitor.routing.engine import Engine
from pacs_monitor.routing.groups import Group
from pacs_monitor.routing.matching import printed, printed_all
from pacs_monitor.routing.outbox import Row
from pacs_monitor.routing.routed import RoutedAlert
from pacs_monitor.routing.stages import Moment
from pacs_monitor.routing.telling import Entry
from pacs_monitor.web.alertmanager.answers import Refused, json_answer
from pacs_monitor.web.alertmanager.groups import intervals_muting
from pacs_monitor.web.alertmanager.serving import Desk
from pacs_monitor.web.alertmanager.shown import date_time
from pacs_monitor.web.operating.finding import Ambiguous, find, short


class Explaining:
    """The endpoint."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def get(self, request: Request) -> Response:
        """All of the alert that the words `alert` mean together. 409 with the candidates if they mean several."""
        words = request.query_params.getlist("alert")
        if not any(words):
            raise Refused(400, "alert must say something")
        external = {"site": self._desk.core.configuration().agent.site}
        alerting = self._desk.core.alerting

        def work(engine: Engine, at: Moment) -> dict[str, Any]:
            alert = find(engine, words, at)
            return {**_of_alert(engine, alert, at), "rule": rule_of(alerting, alert, external)}

        try:
            return json_answer(await self._desk.ask(work))
        except Ambiguous as error:
            return json_answer(error.to_json(), 409)


def rule_of(alerting: Alerting, alert: RoutedAlert, external: dict[str, str]) -> dict[str, Any] | None:
    """The rule that raised it, and the value; None if it was posted by somebody else."""
    without = {name: value for name, value in alert.labels.items() if external.get(name) != value}
    found = alerting.find(alert.labels) or alerting.find(without)
    if found is None:
        return None
    group, rule, raised = found
    return {
        "name": rule.name,
        "group": group.group.name,
        "file": group.group.file,
        "line": rule.line,
        "expression": rule.text,
        "for": rule.hold / 1000,
        "value": json_number(raised.value),
        "state": raised.state,
        "activeAt": date_time(raised.active_at),
    }


def _of_alert(engine: Engine, alert: RoutedAlert, at: Moment) -> dict[str, Any]:
    ack = engine.acknowledged.get(alert.fingerprint)
    return {
        **short(alert),
        "annotations": dict(sorted(alert.annotations.items())),
        "origin": alert.origin,
        "acknowledged": {"by": ack.by, "comment": ack.comment, "at": date_time(ack.at)} if ack else None,
        "inhibitedBy": [
            short(engine.alerts[one])
            for one in engine.stages.inhibitor.inhibited_by(alert.labels, at.mono)
            if one in engine.alerts
        ],
        "silencedBy": [_silence(engine, one) for one in engine.silences.muting(alert.labels, at.wall)],
        "routes": [_group(engine, group, alert, at) for group in engine.groups.of(alert.fingerprint)],
    }


def _silence(engine: Engine, id: str) -> dict[str, Any]:
    silence = engine.silences.get(id)
    return {
        "id": id,
        "matchers": list(map(printed, silence.matchers)),
        "createdBy": silence.created_by,
        "comment": silence.comment,
        "endsAt": date_time(silence.ends_at),
    }


def _group(engine: Engine, group: Group, alert: RoutedAlert, at: Moment) -> dict[str, Any]:
    route = group.route
    receiver = engine.routing.receiver(route.receiver)
    told = []
    for name, _ in receiver.reached(at.wall):
        key = "\n".join((group.name, route.receiver, name))
        told.append(_integration(name, engine.teller.log.get(key), engine.teller.outbox.rows.get(key), alert, at))
    return {
        "way": _way(engine.routing.route, route),
        "receiver": route.receiver,
        "group": group.key,
        "alerts": len(group.alerts),
        "told": group.flushed,
        "nextFlush": date_time(group.due_at),
        "mutedBy": list(intervals_muting(engine, route, at)),
        "escalatesAfter": route.minimum_age / 1000,
        "repeatsAfter": route.repeat_interval / 1000,
        "integrations": told,
    }


def _way(root: Route, wanted: Route) -> list[str]:
    """The matchers of the routes from the root on to one; `{}` takes everything."""

    def below(route: Route) -> list[str] | None:
        own = printed_all(route.matchers)
        if route is wanted:
            return [own]
        return next(([own, *rest] for child in route.routes if (rest := below(child)) is not None), None)

    return below(root) or []


def _integration(name: str, entry: Entry | None, row: Row | None, alert: RoutedAlert, at: Moment) -> dict[str, Any]:
    knows = "nothing"
    if entry is not None:
        knows = "firing" if alert.fingerprint in entry.firing else "other alerts of the group"
    return {
        "integration": name,
        "knows": knows,
        "queuedAt": date_time(entry.queued_at) if entry else None,
        "deliveredAt": date_time(entry.delivered_at) if entry and entry.delivered_at else None,
        "attempts": [{**one, "at": date_time(one["at"])} for one in entry.attempts] if entry else [],
        "waiting": _waiting(row, at) if row is not None else None,
    }


def _waiting(row: Row, at: Moment) -> dict[str, Any]:
    """What stands in the outbox."""
    return {
        "alerts": len(row.content.alerts),
        "since": date_time(row.content.queued_at),
        "attempts": row.attempts,
        "sending": row.sending,
        "error": row.error,
        "refused": row.refused,
        "nextTry": None if row.sending else date_time(at.wall + max(0, round((row.due - at.mono) * 1000))),
    }
