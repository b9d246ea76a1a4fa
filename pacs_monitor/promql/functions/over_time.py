"""One value out of the samples of a range."""

from __future__ import annotations

from collections.abc import Sequence

from pacs_monitor.promql import ast, sums
from pacs_monitor.promql.functions.parts import Builder, checked, planned, reduced
from pacs_monitor.promql.notes import note_bad_share
from pacs_monitor.promql.plan import Plan, Settings
from pacs_monitor.promql.run import Run
from pacs_monitor.promql.values import Vector


def _changes(values: Sequence[float]) -> float:
    """How often the value changed; NaN to NaN is no change."""
    count = 0
    before = values[0]
    for value in values:
        if value != before and (value == value or before == before):
            count += 1
        before = value
    return float(count)


def _resets(values: Sequence[float]) -> float:
    """How often the value fell."""
    count = 0
    before = values[0]
    for value in values:
        if value < before:
            count += 1
        before = value
    return float(count)


def _sample(place: int) -> Builder:
    """The oldest or newest sample; like an offset, so the metric's name stays."""

    def build(expr: ast.Call, arguments: tuple[Plan, ...], settings: Settings) -> Plan:
        inner = arguments[0].evaluate

        def evaluate(run: Run, at: int) -> Vector:
            return [(labels, values[place]) for labels, _, values in inner(run, at)[2]]

        return planned(evaluate, arguments, arguments[0].distinct)

    return build


def _quantile(expr: ast.Call, arguments: tuple[Plan, ...], settings: Settings) -> Plan:
    share_at, inner, nameless = arguments[0].evaluate, arguments[1].evaluate, settings.nameless
    position, distinct = expr.arguments[0].position, arguments[1].distinct

    def evaluate(run: Run, at: int) -> Vector:
        share = share_at(run, at)
        found = [(nameless(labels), sums.quantile(share, values)) for labels, _, values in inner(run, at)[2]]
        if found:
            note_bad_share(run, share, position)
        return found

    return planned(checked(evaluate, expr, distinct, settings), arguments, distinct)


BUILDERS: dict[str, Builder] = {
    "avg_over_time": reduced(sums.mean),
    "sum_over_time": reduced(sums.total),
    "min_over_time": reduced(sums.lowest),
    "max_over_time": reduced(sums.highest),
    "count_over_time": reduced(lambda values: float(len(values))),
    "present_over_time": reduced(lambda values: 1.0),
    "stdvar_over_time": reduced(sums.variance_over_time),
    "stddev_over_time": reduced(lambda values: sums.root(sums.variance_over_time(values))),
    "changes": reduced(_changes),
    "resets": reduced(_resets),
    "first_over_time": _sample(0),
    "last_over_time": _sample(-1),
    "mad_over_time": reduced(sums.median_deviation),
    "quantile_over_time": _quantile,
}
