"""`/api/v2/alerts/groups`: what is told together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from pacs_monitor.routing.definitions import Route
from pacs_monitor.routing.engine import Engine
from pacs_monitor.routing.ordering import InOrder
from pacs_monitor.routing.routed import sort_key
from pacs_monitor.routing.stages import Moment
from pacs_monitor.web.alertmanager import asked
from pacs_monitor.web.alertmanager.alerts import wanted_alerts
from pacs_monitor.web.alertmanager.answers import list_answer
from pacs_monitor.web.alertmanager.seen import Sight, Wanted, look
from pacs_monitor.web.alertmanager.serving import Desk
from pacs_monitor.web.alertmanager.shown import alert_json, encoded


@dataclass(frozen=True, slots=True)
class _Copied:
    """One group."""

    labels: Mapping[str, str]
    receiver: str
    fingerprints: tuple[str, ...]
    muted_by: tuple[str, ...]


class Groups:
    """The endpoint."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def get(self, request: Request) -> Response:
        """All groups with alerts that are asked for."""
        wanted, chosen = wanted_alerts(request), asked.receivers(request.query_params)
        muted = asked.flag(request.query_params, "muted")
        sight, copied = await self._desk.ask(_look)
        groups = [one for one in copied if chosen(one.receiver) and (muted or not one.muted_by)]
        return list_answer(await self._desk.aside(lambda: _told(sight, groups, wanted)))


def intervals_muting(engine: Engine, route: Route, at: Moment) -> tuple[str, ...]:
    """The time intervals that mute a route; those in which it is active, if it is outside of them."""
    told = engine.stages.muted_by(route, at.wall)
    if not told:
        return ()
    return (told,) if told in route.mute else route.active


def _look(engine: Engine, at: Moment) -> tuple[Sight, list[_Copied]]:
    copied = [
        _Copied(group.labels, group.route.receiver, tuple(group.alerts), intervals_muting(engine, group.route, at))
        for group in engine.groups
    ]
    return look(engine, engine.alerts.values(), at), copied


def _told(sight: Sight, groups: list[_Copied], wanted: Wanted) -> list[bytes]:
    seen = {one.alert.fingerprint: one for one in sight.of(wanted)}
    receivers: dict[str, list[str]] = {}
    filled = []
    for group in groups:
        alerts = sorted(
            (seen[name] for name in group.fingerprints if name in seen), key=lambda one: sort_key(one.alert)
        )
        for one in alerts:
            receivers.setdefault(one.alert.fingerprint, []).append(group.receiver)
        if alerts:
            filled.append((group, alerts))
    filled.sort(key=lambda pair: (InOrder(pair[0].labels), pair[0].receiver))
    told = []
    for group, alerts in filled:
        timeout = sight.routing.resolve_timeout
        every = b",".join(
            alert_json(one, sorted(receivers[one.alert.fingerprint]), group.muted_by, timeout) for one in alerts
        )
        rest = {"labels": dict(sorted(group.labels.items())), "receiver": {"name": group.receiver}, "routeLabels": {}}
        told.append(b'{"alerts":[' + every + b"]," + encoded(rest)[1:])
    return told
