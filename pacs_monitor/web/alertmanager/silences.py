"""`/api/v2/silences` and `/api/v2/silence/ID`: made, edited, shown and ended."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import Response

from pacs_monitor.history.matchers import Matcher
from pacs_monitor.routing.engine import Engine
from pacs_monitor.routing.silences import BadSilence, NoSilence, Silence
from pacs_monitor.routing.stages import Moment
from pacs_monitor.web.alertmanager import asked
from pacs_monitor.web.alertmanager.answers import BAD_TYPE, Refused, json_answer, list_answer, parsed, read_json
from pacs_monitor.web.alertmanager.postable_silence import read_silence
from pacs_monitor.web.alertmanager.serving import Desk
from pacs_monitor.web.alertmanager.shown import encoded, in_order, silence_json

T = TypeVar("T")
_UUID = re.compile(r"[0-9a-fA-F]{8}(-?)[0-9a-fA-F]{4}\1[0-9a-fA-F]{4}\1[0-9a-fA-F]{4}\1[0-9a-fA-F]{12}")


class Silences:
    """The endpoints."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def get(self, request: Request) -> Response:
        """All, by `filter`, `active`, `pending` and `expired`."""
        given = request.query_params
        filters = asked.filters(given)
        states = {name for name in ("active", "pending", "expired") if asked.flag(given, name)}
        every, at = await self._desk.ask(lambda engine, at: (list(engine.silences), at.wall))

        def told() -> list[bytes]:
            wanted = [one for one in every if one.state(at) in states and _has(one, filters)]
            return [encoded(silence_json(one, at)) for one in in_order(wanted, at)]

        return list_answer(await self._desk.aside(told))

    async def post(self, request: Request) -> Response:
        """Make one, or edit that of its `id`."""
        body = await read_json(request, "silence")
        wanted = read_silence(parsed(body, "silence"))
        return json_answer({"silenceID": await self._desk.change(_refusing(partial(_put, wanted)))})

    async def get_one(self, request: Request) -> Response:
        """One of them."""
        id = _id(request)
        try:
            silence, at = await self._desk.ask(lambda engine, at: (engine.silences.get(id), at.wall))
        except NoSilence:
            return Response(status_code=404)
        return json_answer(silence_json(silence, at))

    async def delete(self, request: Request) -> Response:
        """End one. It is no mistake to end one that has ended."""
        id = _id(request)
        await self._desk.change(_refusing(partial(_expire, id)))
        return Response()


def _has(silence: Silence, filters: Iterable[Matcher]) -> bool:
    """Whether each filter is one of its matchers, to the letter."""
    own = {(one.op, one.name, one.value) for one in silence.matchers}
    return all((one.op, one.name, one.value) in own for one in filters)


def _put(wanted: Silence, engine: Engine, at: Moment) -> str:
    if wanted.ends_at <= wanted.starts_at:
        raise Refused(400, "Failed to create silence: start time must be before end time")
    if wanted.ends_at < at.wall:
        raise Refused(400, "Failed to create silence: end time can't be in the past")
    return engine.silence(wanted, at)


def _expire(id: str, engine: Engine, at: Moment) -> None:
    if engine.silences.get(id).state(at.wall) != "expired":
        engine.expire(id, at)


def _refusing(work: Callable[[Engine, Moment], T]) -> Callable[[Engine, Moment], T]:
    def refuse(engine: Engine, at: Moment) -> T:
        try:
            return work(engine, at)
        except NoSilence:
            raise Refused(404, "silence not found") from None
        except BadSilence as error:
            raise Refused(400, f"silence invalid: {error}") from None

    return refuse


def _id(request: Request) -> str:
    id: Any = request.path_params["id"]
    if not _UUID.fullmatch(id):
        raise Refused(422, f'silenceID in path must be of type uuid: "{id}"', BAD_TYPE)
    return str(id)
