"""`/api/v2/alerts`: those that fire, and new ones of somebody else's Prometheus."""

from __future__ import annotations

import time
from collections.abc import Iterable

from starlette.requests import Request
from starlette.responses import Response

from pacs_monitor.routing.engine import Engine
from pacs_monitor.routing.routed import RULES, RoutedAlert
from pacs_monitor.routing.stages import Moment
from pacs_monitor.routing.tree import matching
from pacs_monitor.web.alertmanager import asked
from pacs_monitor.web.alertmanager.answers import Refused, list_answer, parsed, read_json
from pacs_monitor.web.alertmanager.asked import Chosen
from pacs_monitor.web.alertmanager.postable import Posted, read_alerts
from pacs_monitor.web.alertmanager.seen import Seen, Sight, Wanted, look
from pacs_monitor.web.alertmanager.serving import Desk
from pacs_monitor.web.alertmanager.shown import alert_json


class Alerts:
    """The endpoint."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def get(self, request: Request) -> Response:
        """What fires, by `filter`, `receiver`, `active`, `silenced` and `inhibited`."""
        wanted, chosen = wanted_alerts(request), asked.receivers(request.query_params)
        sight = await self._desk.ask(lambda engine, at: look(engine, engine.alerts.values(), at))
        return list_answer(await self._desk.aside(lambda: _told(sight, wanted, chosen)))

    async def post(self, request: Request) -> Response:
        """Take alerts in. What is well formed is taken even if others are not."""
        body = await read_json(request, "alerts")
        timeout = await self._desk.ask(lambda engine, at: engine.routing.resolve_timeout)
        posted = await self._desk.aside(lambda: _posted(body, timeout))
        if posted.alerts:
            await self._desk.change(lambda engine, at: _put(engine, posted.alerts, at))
        if posted.complaints:
            raise Refused(400, "; ".join(posted.complaints))
        return Response()


def _put(engine: Engine, posted: Iterable[RoutedAlert], at: Moment) -> None:
    """All but those that a rule of the agent's own has raised: it alone knows when they are over."""

    def is_own(alert: RoutedAlert) -> bool:
        known = engine.alerts.get(alert.fingerprint)
        return known is not None and known.origin == RULES and not known.resolved(at.mono)

    engine.put([alert for alert in posted if not is_own(alert)], at)


def wanted_alerts(request: Request) -> Wanted:
    """Which alerts a request asks for. Raises Refused."""
    given = request.query_params
    shown = {name: asked.flag(given, name) for name in ("active", "silenced", "inhibited")}
    return Wanted(asked.filters(given), **shown)


def _told(sight: Sight, wanted: Wanted, chosen: Chosen) -> list[bytes]:
    rows: list[tuple[Seen, list[str]]] = []
    for seen in sight.of(wanted):
        names = [route.receiver for route in matching(sight.routing.route, seen.alert.labels)]
        if asked.any_of(chosen, names):
            rows.append((seen, names))
    rows.sort(key=lambda row: row[0].alert.fingerprint)
    timeout = sight.routing.resolve_timeout
    # One alert at a time: the encoder holds the interpreter, and with it the loop.
    return [alert_json(seen, names, (), timeout) for seen, names in rows]


def _posted(body: bytes, resolve_timeout: int) -> Posted:
    return read_alerts(parsed(body, "alerts"), resolve_timeout, round(time.time() * 1000), time.monotonic())
