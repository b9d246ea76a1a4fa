"""Answers to expressions, as Prometheus' clients read them."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from pacs_monitor.history.labels import labels_of
from pacs_monitor.history.store import History
from pacs_monitor.promql.engine import Engine
from pacs_monitor.promql.errors import QueryTooLong
from pacs_monitor.promql.parse import parse
from pacs_monitor.querying import moment, parameters, span, told
from pacs_monitor.web import query

MIN = 60_000


def engine(series: int = 1, minutes: int = 5) -> Engine:
    history = History()
    source = history.source("scrape")
    for minute in range(minutes):
        source.begin(minute * MIN)
        for number in range(series):
            labels = labels_of({"__name__": "x", "node": f'ct"{number}'})
            history.put(history.series(labels, source), source, float(minute))
    return Engine(history)


def asked(text: str, **given: str) -> Any:
    read = query._range if "step" in given else query._instant
    return json.loads(read(given)(engine(), parse(text)))


@pytest.mark.parametrize(
    ("text", "kind", "result"),
    [
        ("x", "vector", [{"metric": {"__name__": "x", "node": 'ct"0'}, "value": [240.0, "4"]}]),
        ("x > 9", "vector", []),
        ("1 / 0", "scalar", [240.0, "+Inf"]),
        ("0 / 0", "scalar", [240.0, "NaN"]),
        ('"a"', "string", [240.0, "a"]),
        (
            "x[90s]",
            "matrix",
            [{"metric": {"__name__": "x", "node": 'ct"0'}, "values": [[180.0, "3"], [240.0, "4"]]}],
        ),
    ],
)
def test_each_kind_of_answer_has_the_shape_that_clients_expect(text: str, kind: str, result: Any) -> None:
    assert asked(text, time="240") == {"resultType": kind, "result": result}


def test_a_range_is_a_course_over_time() -> None:
    (series,) = asked("sum(x)", start="0", end="120", step="1m")["result"]
    assert series == {"metric": {}, "values": [[0.0, "0"], [60.0, "1"], [120.0, "2"]]}


@pytest.mark.parametrize(
    ("start", "end", "step", "message"),
    [
        ("60", "0", "1", "end lies before start; exchange them"),
        ("0", "60", "0", "these are more than 11000 steps; use a longer step or a shorter range"),
        ("0", "60", "1ms", "these are more than 11000 steps; use a longer step or a shorter range"),
        ("", "60", "1", "'' is no time; write seconds since 1970 or 2026-11-24T10:00:00Z"),
        ("0", "2026-11-24T10:00:00", "1", "2026-11-24T10:00:00 has no time zone; add Z for UTC"),
    ],
)
def test_a_range_that_is_none_is_refused(start: str, end: str, step: str, message: str) -> None:
    with pytest.raises(ValueError, match=message.split(";")[0].replace("(", "")):
        asked("x", start=start, end=end, step=step)


def test_an_answer_that_nobody_could_read_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(query, "MOST_POINTS", 50)
    read = query._range({"start": "0", "end": "240", "step": "60"})
    assert len(json.loads(read(engine(10), parse("x")))["result"]) == 10
    with pytest.raises(QueryTooLong, match="more than 50 points; use a longer step, or select fewer series"):
        read(engine(11), parse("x"))


def test_times_and_spans_as_people_write_them() -> None:
    assert (
        moment("2026-11-24T10:00:00Z") == moment("2026-11-24T12:00:00+02:00") == moment("1795514400") == 1795514400000
    )
    assert (span("5m"), span("0.5")) == (300.0, 0.5)
    assert parameters("x", None, None, "1m") == ("/api/v1/query", {"query": "x"})
    path, form = parameters("x", "2026-11-24T10:00:00Z", "1h", "1m")
    assert path == "/api/v1/query_range"
    assert form == {"query": "x", "start": "1795510800.0", "end": "1795514400.0", "step": "60.0"}


def test_what_the_terminal_shows() -> None:
    assert told(asked("1", time="0")) == "1"
    assert told(asked("x > 9", time="0")) == "nothing"
    assert told(asked("x", time="0")) == 'x{node="ct\\"0"}  0'
    shown = told(asked("x", start="0", end="60", step="60")).splitlines()
    assert shown == ['x{node="ct\\"0"}', "  1970-01-01 00:00:00 UTC  0", "  1970-01-01 00:01:00 UTC  1"]
    assert not math.isnan(span("1"))
