"""Expressions over the agent's metrics: `/api/v1/query` and `/api/v1/query_range`, as Prometheus has them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pacs_monitor.alerting.service import Alerting, NotKept
from pacs_monitor.history.labels import Labels
from pacs_monitor.metrics import number
from pacs_monitor.promql.engine import Engine
from pacs_monitor.promql.errors import BadExpression, PromqlError, QueryTooLong
from pacs_monitor.promql.parse import parse
from pacs_monitor.promql.values import Matrix, Value, Vector
from pacs_monitor.units import parse_duration

MOST_STEPS = 11_000
"""As Prometheus: enough for a week by the minute."""
_LONGEST_FORM = 100_000
_STATUS = {"bad_data": 400, "execution": 422, "timeout": 503, "unavailable": 503}


class Query:
    """The endpoints that answer expressions."""

    def __init__(self, alerting: Alerting) -> None:
        self._alerting = alerting

    async def instant(self, request: Request) -> Response:
        """The value of `query` at `time` (now unless given)."""
        given = await _parameters(request)
        return await self._answer(given, _instant)

    async def range(self, request: Request) -> Response:
        """The values of `query` from `start` to `end`, a `step` apart."""
        given = await _parameters(request)
        return await self._answer(given, _range)

    async def _answer(self, given: Mapping[str, str], look: Any) -> Response:
        try:
            expr = parse(given.get("query", ""))
            asked = look(given)
            data = await asyncio.wrap_future(self._alerting.evaluate(expr, lambda engine: asked(engine, expr)))
        except BadExpression as error:
            where = "" if error.position is None else f" (character {error.position + 1})"
            return _failed("bad_data", f"{error}{where}")
        except QueryTooLong as error:
            return _failed("timeout", str(error))
        except PromqlError as error:
            return _failed("execution", str(error))
        except NotKept as error:
            return _failed("unavailable", str(error))
        except ValueError as error:
            return _failed("bad_data", str(error))
        return JSONResponse({"status": "success", "data": data})


async def _parameters(request: Request) -> Mapping[str, str]:
    found = dict(request.query_params)
    if request.method == "POST":
        body = b""
        async for piece in request.stream():
            body += piece
            if len(body) > _LONGEST_FORM:
                break
        found.update(parse_qsl(body[:_LONGEST_FORM].decode("utf-8", "replace")))
    return found


def _failed(kind: str, message: str) -> Response:
    return JSONResponse({"status": "error", "errorType": kind, "error": message}, _STATUS[kind])


def _instant(given: Mapping[str, str]) -> Any:
    fixed = moment(given["time"]) if given.get("time") else None

    def ask(engine: Engine, expr: Any) -> dict[str, Any]:
        # Only now: a metric that nobody has read has been sampled just before.
        at = round(time.time() * 1000) if fixed is None else fixed
        return _told(engine.instant(expr, at), expr.kind, at)

    return ask


def _range(given: Mapping[str, str]) -> Any:
    start, end = (moment(given.get(name, "")) for name in ("start", "end"))
    step = round(span(given.get("step", "")) * 1000)
    if end < start:
        raise ValueError("end lies before start; exchange them")
    if step <= 0 or (end - start) / step > MOST_STEPS:
        raise ValueError(f"these are more than {MOST_STEPS} steps; use a longer step or a shorter range")

    def ask(engine: Engine, expr: Any) -> dict[str, Any]:
        return {"resultType": "matrix", "result": _matrix(engine.range(expr, start, end, step))}

    return ask


def moment(text: str) -> int:
    """Milliseconds since 1970 of seconds since then, or of a time such as 2026-11-24T10:00:00Z. Raises ValueError."""
    try:
        return round(float(text) * 1000)
    except (ValueError, OverflowError):
        pass
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is no time; write seconds since 1970 or 2026-11-24T10:00:00Z") from None
    if found.tzinfo is None:
        raise ValueError(f"{text} has no time zone; add Z for UTC")
    return round(found.timestamp() * 1000)


def span(text: str) -> float:
    """Seconds of a number of them, or of a duration such as 5m. Raises ValueError."""
    try:
        return float(text)
    except ValueError:
        return parse_duration(text)


def _told(value: Value, kind: str, at: int) -> dict[str, Any]:
    seconds = at / 1000
    if isinstance(value, float):
        return {"resultType": "scalar", "result": [seconds, number(value)]}
    if isinstance(value, str):
        return {"resultType": "string", "result": [seconds, value]}
    if kind == "matrix":
        return {"resultType": "matrix", "result": _matrix(cast(Matrix, value))}
    found = [{"metric": _metric(labels), "value": [seconds, number(one)]} for labels, one in cast(Vector, value)]
    return {"resultType": "vector", "result": found}


def _matrix(matrix: Matrix) -> list[dict[str, Any]]:
    return [
        {"metric": _metric(labels), "values": [[at / 1000, number(value)] for at, value in points]}
        for labels, points in matrix
    ]


def _metric(labels: Labels) -> dict[str, str]:
    return dict(labels.as_dict())
