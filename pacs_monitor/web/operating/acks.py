"""`/api/ack` and `/api/unack`: somebody takes an alert on, or back."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from pacs_monitor.routing.engine import Engine
from pacs_monitor.routing.stages import Moment
from pacs_monitor.web.alertmanager.answers import Refused, json_answer
from pacs_monitor.web.alertmanager.serving import Desk
from pacs_monitor.web.alertmanager.shown import date_time
from pacs_monitor.web.operating.bodies import Body, Text, read_body
from pacs_monitor.web.operating.finding import Ambiguous, find, short


class _Ack(Body):
    alert: tuple[Text, ...]
    """Words that together mean one alert."""
    by: Text
    comment: Text = ""


class _Unack(Body):
    alert: tuple[Text, ...]


class Acks:
    """The endpoints."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def acknowledge(self, request: Request) -> Response:
        """Take one on: no repeats and no escalation until it is over. 409 with the candidates if several are meant."""
        wanted = await read_body(request, _Ack)
        if not (wanted.by and wanted.alert):
            raise Refused(400, "by and alert must say something")

        def work(engine: Engine, at: Moment) -> dict[str, object]:
            alert = find(engine, wanted.alert, at)
            made = engine.acknowledge(alert.fingerprint, wanted.by, wanted.comment, at)
            return {**short(alert), "by": made.by, "comment": made.comment, "at": date_time(made.at)}

        try:
            return json_answer(await self._desk.change(work))
        except Ambiguous as error:
            return json_answer(error.to_json(), 409)

    async def take_back(self, request: Request) -> Response:
        """Undo that."""
        wanted = await read_body(request, _Unack)

        def work(engine: Engine, at: Moment) -> dict[str, object]:
            alert = find(engine, wanted.alert, at)
            try:
                engine.unacknowledge(alert.fingerprint)
            except KeyError:
                raise Refused(409, "nobody has acknowledged it") from None
            return short(alert)

        try:
            return json_answer(await self._desk.change(work))
        except Ambiguous as error:
            return json_answer(error.to_json(), 409)
