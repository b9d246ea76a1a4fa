"""Times and spans as people give them with an expression, and how the answer is shown in a terminal."""

from __future__ import annotations

import time as clock
from datetime import UTC, datetime
from typing import Any

from pacs_monitor.history.labels import labels_of
from pacs_monitor.units import parse_duration


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


def parameters(expression: str, time: str | None, range: str | None, step: str) -> tuple[str, dict[str, str]]:
    """Path and form of a query. Raises ValueError."""
    if range is None:
        return "/api/v1/query", {"query": expression, **({"time": repr(moment(time) / 1000)} if time else {})}
    end = moment(time) / 1000 if time else clock.time()
    back, apart = span(range), span(step)
    form = {"query": expression, "start": repr(end - back), "end": repr(end), "step": repr(apart)}
    return "/api/v1/query_range", form


def told(data: dict[str, Any]) -> str:
    """A line for each series, or for each time of one."""
    kind, result = data["resultType"], data["result"]
    if kind in ("scalar", "string"):
        return str(result[1])
    if not result:
        return "nothing"
    if kind == "vector":
        rows = [(repr(labels_of(one["metric"])), one["value"][1]) for one in result]
        width = max(len(name) for name, _ in rows)
        return "\n".join(f"{name.ljust(width)}  {value}" for name, value in rows)
    return "\n".join(line for one in result for line in _course(one))


def _course(one: dict[str, Any]) -> list[str]:
    name = repr(labels_of(one["metric"]))
    return [
        name,
        *(f"  {datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S} UTC  {value}" for at, value in one["values"]),
    ]
