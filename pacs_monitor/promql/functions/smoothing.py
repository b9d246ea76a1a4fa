"""double_exponential_smoothing, which version 2 calls holt_winters: a mean that follows the trend."""

from __future__ import annotations

from collections.abc import Sequence

from pacs_monitor.promql import ast
from pacs_monitor.promql.errors import EvaluationError
from pacs_monitor.promql.functions.parts import Builder, checked, planned
from pacs_monitor.promql.plan import Plan, Settings
from pacs_monitor.promql.run import Run
from pacs_monitor.promql.values import Vector


def _smoothing(expr: ast.Call, arguments: tuple[Plan, ...], settings: Settings) -> Plan:
    inner, nameless, distinct = arguments[0].evaluate, settings.nameless, arguments[0].distinct
    smoothing, trend = arguments[1].evaluate, arguments[2].evaluate

    def evaluate(run: Run, at: int) -> Vector:
        windows = inner(run, at)[2]
        if not windows:  # only then Prometheus looks at the factors
            return []
        new = _factor("smoothing", "sf", smoothing(run, at), expr.arguments[1])
        turn = _factor("trend", "tf", trend(run, at), expr.arguments[2])
        return [(nameless(labels), smoothed(values, new, turn)) for labels, _, values in windows if len(values) > 1]

    return planned(checked(evaluate, expr, distinct, settings), arguments, distinct)


def _factor(name: str, short: str, value: float, expr: ast.Expr) -> float:
    """The same value; NaN may be one. Raises EvaluationError, in Prometheus' words."""
    if value <= 0 or value >= 1:
        raise EvaluationError(f"invalid {name} factor. Expected: 0 < {short} < 1, got: {value:f}", expr.position)
    return value


def smoothed(values: Sequence[float], new: float, turn: float) -> float:
    """The last value as it is smoothed (Holt). `new` is what a new value counts, `turn` what a new trend counts."""
    level, trend = values[0], values[1] - values[0]
    before = None
    for value in values[1:]:
        if before is not None:
            trend = turn * (level - before) + (1 - turn) * trend
        before, level = level, new * value + (1 - new) * (level + trend)
    return level


BUILDERS: dict[str, Builder] = {"double_exponential_smoothing": _smoothing}
