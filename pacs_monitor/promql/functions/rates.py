"""How fast a value changes: rate, increase, delta, irate, idelta, deriv, predict_linear."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pacs_monitor.promql import ast, sums
from pacs_monitor.promql.functions.parts import Builder, bare, checked, planned
from pacs_monitor.promql.notes import COUNTERS, note_no_counter
from pacs_monitor.promql.numbers import divided
from pacs_monitor.promql.plan import Plan, Settings
from pacs_monitor.promql.run import Run
from pacs_monitor.promql.values import Vector, Window

_CLOSE = 1.1
"""A sample within so many mean distances of the range's edge counts as being there."""


def _extrapolated(counter: bool, per_second: bool) -> Builder:
    """What the range would show if it had a sample at either edge."""

    def build(expr: ast.Call, arguments: tuple[Plan, ...], settings: Settings) -> Plan:
        inner, nameless, distinct = arguments[0].evaluate, settings.nameless, arguments[0].distinct
        seconds = _length(expr.arguments[0]) / 1000 if per_second else 1.0
        notice = _noticer(expr.arguments[0]) if counter else None

        def evaluate(run: Run, at: int) -> Vector:
            start, end, windows = inner(run, at)
            found: Vector = []
            for labels, times, values in windows:
                if len(times) > 1:
                    change = _increase(values) if counter else values[-1] - values[0]
                    share = _stretch(times, start, end, values[0] if counter else -1.0, change)
                    found.append((nameless(labels), change * (share / seconds)))
            if notice is not None and found:
                notice(run, windows)
            return found

        return planned(checked(evaluate, expr, distinct, settings), arguments, distinct)

    return build


def _increase(values: Sequence[float]) -> float:
    """From the first to the last value of a counter; after a reset it began at 0."""
    change = values[-1] - values[0]
    before = values[0]
    for value in values:
        if value < before:
            change += before
        before = value
    return change


def _stretch(times: Sequence[int], start: int, end: int, first: float, change: float) -> float:
    """How much more the whole range holds than the time from its first to its last sample (1 or more).

    Near an edge the change goes on to it; farther away, half a mean distance on. A counter (`first` is its first
    value) is not followed below 0.
    """
    to_start, to_end = (times[0] - start) / 1000, (end - times[-1]) / 1000
    sampled = (times[-1] - times[0]) / 1000
    distance = sampled / (len(times) - 1)
    if to_start >= distance * _CLOSE:
        to_start = distance / 2
    if change > 0 and first >= 0:
        to_start = min(to_start, sampled * (first / change))
    if to_end >= distance * _CLOSE:
        to_end = distance / 2
    return (sampled + to_start + to_end) / sampled


def _length(expr: ast.Expr) -> int:
    """Of a range, in milliseconds."""
    found = bare(expr)
    assert isinstance(found, ast.Range | ast.Subquery)
    return found.duration


def _noticer(expr: ast.Expr) -> Callable[[Run, list[Window]], None] | None:
    """What notes the names of metrics that do not look like counters; None if the name is known, and does."""
    found, position = bare(expr), expr.position
    name = found.selector.name if isinstance(found, ast.Range) else ""
    if name.endswith(COUNTERS):
        return None

    def notice(run: Run, windows: list[Window]) -> None:
        names = {name} if name else {labels.name for labels, times, _ in windows if len(times) > 1}
        for one in names:
            if one and not one.endswith(COUNTERS):
                note_no_counter(run, one, position)

    return notice


def _last_two(rate: bool) -> Builder:
    def build(expr: ast.Call, arguments: tuple[Plan, ...], settings: Settings) -> Plan:
        inner, nameless, distinct = arguments[0].evaluate, settings.nameless, arguments[0].distinct

        def evaluate(run: Run, at: int) -> Vector:
            return [
                (nameless(labels), _between(times, values, rate))
                for labels, times, values in inner(run, at)[2]
                if len(times) > 1
            ]

        return planned(checked(evaluate, expr, distinct, settings), arguments, distinct)

    return build


def _between(times: Sequence[int], values: Sequence[float], rate: bool) -> float:
    """From the last sample but one to the last; a counter that fell began at 0."""
    if not rate:
        return values[-1] - values[-2]
    change = values[-1] if values[-1] < values[-2] else values[-1] - values[-2]
    return divided(change, (times[-1] - times[-2]) / 1000)


def _deriv(expr: ast.Call, arguments: tuple[Plan, ...], settings: Settings) -> Plan:
    """The slope of the line of least squares, per second."""
    inner, nameless, distinct = arguments[0].evaluate, settings.nameless, arguments[0].distinct

    def evaluate(run: Run, at: int) -> Vector:
        return [
            (nameless(labels), sums.regression(times, values, times[0])[0])
            for labels, times, values in inner(run, at)[2]
            if len(times) > 1
        ]

    return planned(checked(evaluate, expr, distinct, settings), arguments, distinct)


def _predict(expr: ast.Call, arguments: tuple[Plan, ...], settings: Settings) -> Plan:
    """The value that the line of least squares has so many seconds after the evaluation."""
    inner, later, nameless = arguments[0].evaluate, arguments[1].evaluate, settings.nameless
    distinct = arguments[0].distinct

    def evaluate(run: Run, at: int) -> Vector:
        seconds = later(run, at)
        found: Vector = []
        for labels, times, values in inner(run, at)[2]:
            if len(times) > 1:
                slope, value = sums.regression(times, values, at)
                found.append((nameless(labels), slope * seconds + value))
        return found

    return planned(checked(evaluate, expr, distinct, settings), arguments, distinct, timeless=False)


BUILDERS: dict[str, Builder] = {
    "rate": _extrapolated(counter=True, per_second=True),
    "increase": _extrapolated(counter=True, per_second=False),
    "delta": _extrapolated(counter=False, per_second=False),
    "irate": _last_two(rate=True),
    "idelta": _last_two(rate=False),
    "deriv": _deriv,
    "predict_linear": _predict,
}
