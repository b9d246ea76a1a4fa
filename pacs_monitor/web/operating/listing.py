"""`/api/alerts`: all that fires, the worst first, and who knows of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from pacs_monitor.notify.headline import SEVERITIES
from pacs_monitor.routing.acknowledging import Acknowledgement
from pacs_monitor.routing.engine import Engine
from pacs_monitor.routing.inhibiting import matches
from pacs_monitor.routing.routed import RoutedAlert
from pacs_monitor.routing.silences import Silence
from pacs_monitor.routing.stages import Moment
from pacs_monitor.routing.tree import matching
from pacs_monitor.web.alertmanager import asked
from pacs_monitor.web.alertmanager.answers import list_answer
from pacs_monitor.web.alertmanager.seen import Seen, Sight, Wanted, look
from pacs_monitor.web.alertmanager.serving import Desk
from pacs_monitor.web.alertmanager.shown import date_time, encoded
from pacs_monitor.web.core import Core
from pacs_monitor.web.untold import raised


class Listing:
    """The endpoint."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def get(self, request: Request) -> Response:
        """What fires, by `filter`."""
        wanted = Wanted(asked.filters(request.query_params))
        core = self._desk.core
        if core.alerting.begun and not core.routes.at_work:
            return list_answer(_untold(core, wanted))
        sight, taken_on, muted = await self._desk.ask(_look)
        return list_answer(await self._desk.aside(lambda: _told(sight, wanted, taken_on, muted)))


def _look(engine: Engine, at: Moment) -> tuple[Sight, dict[str, Acknowledgement], dict[int, str]]:
    muted = {
        id(route): told for route in engine.routing.route.every() if (told := engine.stages.muted_by(route, at.wall))
    }
    return look(engine, engine.alerts.values(), at), dict(engine.acknowledged), muted


def _untold(core: Core, wanted: Wanted) -> list[bytes]:
    """What the rules raise: whoever tells of it knows of silences, the agent does not."""
    found = [one for one in raised(core) if matches(wanted.filters, one.labels)]
    return [encoded(_as_told(one)) for one in sorted(found, key=_place)]


def _place(alert: RoutedAlert) -> tuple[Any, ...]:
    return severity_rank(alert.labels.get("severity", "")), alert.starts_at, alert.fingerprint


def _as_told(alert: RoutedAlert) -> dict[str, Any]:
    """An alert of which nothing else is known."""
    return {
        "fingerprint": alert.fingerprint,
        "labels": dict(sorted(alert.labels.items())),
        "annotations": dict(sorted(alert.annotations.items())),
        "startsAt": date_time(alert.starts_at),
        "receivers": [],
        "inhibitedBy": [],
        "silencedBy": [],
        "mutedBy": [],
        "acknowledged": None,
    }


def severity_rank(severity: str) -> int:
    """The worst first; one that nobody knows is as bad as a warning."""
    return SEVERITIES.index(severity) if severity in SEVERITIES else SEVERITIES.index("warning")


def _told(
    sight: Sight, wanted: Wanted, taken_on: Mapping[str, Acknowledgement], muted: Mapping[int, str]
) -> list[bytes]:
    silences = {one.id: one for one in sight.silences}
    names = {alert.fingerprint: alert.labels.get("alertname", "") for alert, _ in sight.inhibited}

    def place(seen: Seen) -> tuple[Any, ...]:
        alert = seen.alert
        quiet = bool(seen.silenced_by or seen.inhibited_by or alert.fingerprint in taken_on)
        return quiet, *_place(alert)

    found = []
    for seen in sorted(sight.of(wanted), key=place):
        alert = seen.alert
        routes = matching(sight.routing.route, alert.labels)
        ack = taken_on.get(alert.fingerprint)
        why_muted = sorted({muted[id(route)] for route in routes if id(route) in muted})
        told = {
            **_as_told(alert),
            "receivers": [route.receiver for route in routes],
            "inhibitedBy": [{"fingerprint": one, "alertname": names.get(one, "")} for one in seen.inhibited_by],
            "silencedBy": [_silence(silences[one]) for one in seen.silenced_by],
            "mutedBy": why_muted if len(why_muted) and all(id(route) in muted for route in routes) else [],
            "acknowledged": {"by": ack.by, "comment": ack.comment, "at": date_time(ack.at)} if ack else None,
        }
        found.append(encoded(told))
    return found


def _silence(silence: Silence) -> dict[str, str]:
    return {
        "id": silence.id,
        "createdBy": silence.created_by,
        "comment": silence.comment,
        "endsAt": date_time(silence.ends_at),
    }
