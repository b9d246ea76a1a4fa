"""A history out of the notation of rule tests, and what expressions give over it."""

from __future__ import annotations

from typing import Any

from pacs_monitor.history.labels import Labels
from pacs_monitor.history.store import History
from pacs_monitor.promql.engine import Engine
from pacs_monitor.promql.notation import parse_series
from pacs_monitor.promql.parse import parse

MINUTE = 60_000


def history_of(*series: str, gap: int = MINUTE) -> History:
    """Series whose first values are at 0 and the next each `gap` ms later."""
    history = History()
    source = history.source("test")
    rows = [parse_series(one) for one in series]
    for place in range(max((len(values) for _, values in rows), default=0)):
        source.begin(place * gap)
        for labels, values in rows:
            value = values[place] if place < len(values) else None
            if value is not None:
                history.put(history.series(labels, source), source, value)
    return history


def engine_of(*series: str, gap: int = MINUTE, **settings: Any) -> Engine:
    return Engine(history_of(*series, gap=gap), **settings)


def answer(engine: Engine, text: str, minute: float = 0) -> dict[str, float]:
    """Values by labels as they are printed, at a minute."""
    vector = engine.vector(parse(text), round(minute * MINUTE))
    return {shown(labels): value for labels, value in vector}


def number(text: str, *series: str, minute: float = 0) -> float:
    """The only value."""
    (value,) = answer(engine_of(*series), text, minute).values()
    return value


def shown(labels: Labels) -> str:
    return repr(labels).removesuffix("{}") or "{}"
