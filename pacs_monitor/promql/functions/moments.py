"""When, within a range, a sample is from: the first or last one, or that of the highest or lowest value."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pacs_monitor.promql import ast
from pacs_monitor.promql.functions.parts import Builder, checked, planned
from pacs_monitor.promql.plan import Plan, Settings
from pacs_monitor.promql.run import Run
from pacs_monitor.promql.values import Vector

Moment = Callable[[Sequence[int], Sequence[float]], int]


def _first(times: Sequence[int], values: Sequence[float]) -> int:
    return times[0]


def _last(times: Sequence[int], values: Sequence[float]) -> int:
    return times[-1]


def _highest(times: Sequence[int], values: Sequence[float]) -> int:
    """The latest, if it comes more than once; NaN only if there is nothing else."""
    found, best = times[0], values[0]
    for time, value in zip(times, values, strict=True):
        if value >= best or best != best:
            found, best = time, value
    return found


def _lowest(times: Sequence[int], values: Sequence[float]) -> int:
    return _highest(times, [-value for value in values])


def _moment(moment: Moment) -> Builder:
    """In seconds; the metric's name goes."""

    def build(expr: ast.Call, arguments: tuple[Plan, ...], settings: Settings) -> Plan:
        inner, nameless, distinct = arguments[0].evaluate, settings.nameless, arguments[0].distinct

        def evaluate(run: Run, at: int) -> Vector:
            return [(nameless(labels), moment(times, values) / 1000) for labels, times, values in inner(run, at)[2]]

        return planned(checked(evaluate, expr, distinct, settings), arguments, distinct)

    return build


BUILDERS: dict[str, Builder] = {
    "ts_of_first_over_time": _moment(_first),
    "ts_of_last_over_time": _moment(_last),
    "ts_of_max_over_time": _moment(_highest),
    "ts_of_min_over_time": _moment(_lowest),
}
