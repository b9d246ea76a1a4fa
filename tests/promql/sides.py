"""The two that are asked the same: our engine and a real Prometheus, over the same series."""

from __future__ import annotations

import http.client
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from pacs_monitor.history.labels import labels_of
from pacs_monitor.history.store import History
from pacs_monitor.promql.engine import Engine
from pacs_monitor.promql.errors import PromqlError
from pacs_monitor.promql.parse import parse
from pacs_monitor.promql.values import Value
from tests.promql.recorded import Recorded

Key = frozenset[tuple[str, str]]
"""Labels."""


@dataclass(frozen=True)
class When:
    """A time, or times from one to another; ms since 1970."""

    start: int
    end: int
    step: int = 0
    """0 for an instant query at `start`."""

    def __str__(self) -> str:
        """In seconds."""
        at = f"{self.start / 1000:.3f}"
        return f"from {at} to {self.end / 1000:.3f} by {self.step / 1000:g}" if self.step else f"at {at}"


@dataclass(frozen=True)
class Refused:
    """It gave an error instead of an answer."""

    why: str


@dataclass(frozen=True)
class Answer:
    """Values by labels and time; `order` are the labels as they came."""

    values: dict[Key, dict[int, float]]
    order: Sequence[Key]


class Ours:
    """Our engine, with the windows of version 2: closed on both sides."""

    def __init__(self) -> None:
        self._history = History()
        self._engine = Engine(self._history, left_open=False)

    def add(self, name: str, series: Iterable[Recorded]) -> None:
        """Take in series whose samples come from one source, at common times."""
        rows = [(labels_of(one.labels), dict(one.samples)) for one in series]
        source = self._history.source(name)
        for at in sorted({at for _, samples in rows for at in samples}):
            source.begin(at)
            for labels, samples in rows:
                if at in samples:
                    self._history.put(self._history.series(labels, source), source, samples[at])

    def ask(self, text: str, when: When) -> Answer | Refused:
        """Evaluate an expression."""
        try:
            expr = parse(text)
            if not when.step:
                return _answer(self._engine.instant(expr, when.start), when)
            return _answer(self._engine.range(expr, when.start, when.end, when.step), when)
        except PromqlError as error:
            return Refused(str(error))


def _answer(value: Value, when: When) -> Answer | Refused:
    if isinstance(value, float | int):
        return Answer({frozenset(): {when.start: value}}, ())
    if isinstance(value, str):
        return Refused("a text")
    found: dict[Key, dict[int, float]] = {}
    for labels, one in value:
        key = frozenset(labels.pairs)
        assert key not in found, f"two series {labels} in one answer"
        found[key] = dict(one) if isinstance(one, list) else {when.start: one}
    return Answer(found, list(found))


class Theirs:
    """A real Prometheus, over one connection."""

    def __init__(self, url: str) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)

    def ask(self, text: str, when: When) -> Answer | Refused:
        """Query it."""
        path, parameters = "/api/v1/query", {"query": text, "time": f"{when.start / 1000:.3f}"}
        if when.step:
            times = {"start": when.start, "end": when.end, "step": when.step}
            path += "_range"
            parameters = {"query": text, **{name: f"{at / 1000:.3f}" for name, at in times.items()}}
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        self._connection.request("POST", path, urlencode(parameters), headers)
        told = json.loads(self._connection.getresponse().read())
        if told["status"] != "success":
            return Refused(told["error"])
        return self._answer(told["data"])

    def _answer(self, data: dict[str, Any]) -> Answer:
        if data["resultType"] == "scalar":
            return Answer({frozenset(): dict([_sample(data["result"])])}, ())
        found: dict[Key, dict[int, float]] = {}
        for one in data["result"]:
            samples = one.get("values") or [one["value"]]
            found[frozenset(one["metric"].items())] = dict(map(_sample, samples))
        return Answer(found, list(found))


def _sample(pair: Sequence[Any]) -> tuple[int, float]:
    at, value = pair
    return round(at * 1000), float(value)


def close(one: float | None, other: float | None, slack: float) -> bool:
    """Both no number, or within 1e-9 of each other; `slack` is what they may differ around 0. None is no value."""
    if one is None or other is None:
        return one is other
    return one == other or (one != one and other != other) or math.isclose(one, other, rel_tol=1e-9, abs_tol=slack)
