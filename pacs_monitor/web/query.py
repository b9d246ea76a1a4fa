"""Expressions over the agent's metrics: `/api/v1/query` and `/api/v1/query_range`, as Prometheus has them."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from typing import cast
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pacs_monitor.alerting.service import Alerting, NotKept
from pacs_monitor.history.labels import Labels
from pacs_monitor.metrics import number
from pacs_monitor.promql.ast import Expr
from pacs_monitor.promql.engine import Engine
from pacs_monitor.promql.errors import BadExpression, PromqlError, QueryTooLong
from pacs_monitor.promql.parse import parse
from pacs_monitor.promql.values import Matrix, Value, Vector
from pacs_monitor.querying import moment, span

Parameters = Mapping[str, str]
Question = Callable[[Engine, Expr], str]
"""What is asked of the engine; gives Prometheus' `data` as JSON."""
MOST_STEPS = 11_000
"""As Prometheus: enough for a week by the minute."""
MOST_POINTS = 1_000_000
"""Of an answer: some 25 MB."""
_LONGEST_FORM = 100_000
_STATUS = {"bad_data": 400, "execution": 422, "timeout": 503, "unavailable": 503}


class Query:
    """The endpoints that answer expressions."""

    def __init__(self, alerting: Alerting) -> None:
        self._alerting = alerting

    async def instant(self, request: Request) -> Response:
        """The value of `query` at `time` (now unless given)."""
        return await self._answer(await _parameters(request), _instant)

    async def range(self, request: Request) -> Response:
        """The values of `query` from `start` to `end`, a `step` apart."""
        return await self._answer(await _parameters(request), _range)

    async def _answer(self, given: Parameters, read: Callable[[Parameters], Question]) -> Response:
        try:
            expr, ask = parse(given.get("query", ""), self._alerting.features), read(given)
            data = await asyncio.wrap_future(self._alerting.evaluate(expr, lambda engine: ask(engine, expr)))
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
        return Response(f'{{"status":"success","data":{data}}}', media_type="application/json")


async def _parameters(request: Request) -> Parameters:
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


def _instant(given: Parameters) -> Question:
    fixed = moment(given["time"]) if given.get("time") else None

    def ask(engine: Engine, expr: Expr) -> str:
        # Only now: a metric that nobody has read has been sampled just before.
        at = round(time.time() * 1000) if fixed is None else fixed
        return _told(engine.instant(expr, at), expr.kind, at)

    return ask


def _range(given: Parameters) -> Question:
    start, end = (moment(given.get(name, "")) for name in ("start", "end"))
    step = round(span(given.get("step", "")) * 1000)
    if end < start:
        raise ValueError("end lies before start; exchange them")
    if step <= 0 or (end - start) / step > MOST_STEPS:
        raise ValueError(f"these are more than {MOST_STEPS} steps; use a longer step or a shorter range")
    return lambda engine, expr: _matrix(engine.range(expr, start, end, step))


# Rendered in the thread that evaluates, series by series: the encoder holds the interpreter, and with it the loop.


def _told(value: Value, kind: str, at: int) -> str:
    seconds = at / 1000
    if isinstance(value, float):
        return _data("scalar", [json.dumps(seconds), json.dumps(number(value))])
    if isinstance(value, str):
        return _data("string", [json.dumps(seconds), json.dumps(value)])
    if kind == "matrix":
        return _matrix(cast(Matrix, value))
    found = cast(Vector, value)
    return _data("vector", [_series(labels, "value", [seconds, number(one)]) for labels, one in found])


def _matrix(matrix: Matrix) -> str:
    if sum(len(points) for _, points in matrix) > MOST_POINTS:
        raise QueryTooLong(
            f"the answer has more than {MOST_POINTS:,} points; use a longer step, or select fewer series"
        )
    return _data(
        "matrix",
        [_series(labels, "values", [[at / 1000, number(value)] for at, value in points]) for labels, points in matrix],
    )


def _data(kind: str, result: list[str]) -> str:
    return f'{{"resultType":"{kind}","result":[{",".join(result)}]}}'


def _series(labels: Labels, key: str, points: list[object]) -> str:
    return json.dumps({"metric": labels.as_dict(), key: points})
