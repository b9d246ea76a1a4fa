"""Aggregations: one element out of each group, or the first few of it."""

from __future__ import annotations

from collections.abc import Callable

from pacs_monitor.history.labels import EMPTY, NAME, Labels
from pacs_monitor.promql import ast, sums
from pacs_monitor.promql.errors import EvaluationError
from pacs_monitor.promql.limits import limit_ratio, limitk
from pacs_monitor.promql.notes import note_bad_share
from pacs_monitor.promql.numbers import number_text
from pacs_monitor.promql.plan import Plan, Settings, VectorAt
from pacs_monitor.promql.run import Run, label_name
from pacs_monitor.promql.values import Vector

Key = Callable[[Labels], Labels]
_REDUCE: dict[str, Callable[[list[float]], float]] = {
    "sum": sums.total,
    "avg": sums.mean,
    "min": sums.lowest,
    "max": sums.highest,
    "count": lambda values: float(len(values)),
    "group": lambda values: 1.0,
    "stdvar": sums.variance_of_group,
    "stddev": lambda values: sums.root(sums.variance_of_group(values)),
}
_MOST_ELEMENTS = 2.0**63


def aggregation(expr: ast.Aggregation, inner: Plan, parameter: Plan | None, settings: Settings) -> Plan:
    """Any aggregation."""
    distinct = expr.without or NAME not in expr.labels
    fixed, steady = inner.fixed, inner.steady
    if parameter is None:
        evaluate = _reduced(_REDUCE[expr.op], inner.evaluate, key_of(expr), settings)
        return Plan("vector", evaluate, fixed, steady, distinct)
    fixed, steady = fixed and parameter.fixed, steady and parameter.steady
    if expr.op == "quantile":
        evaluate = _quantile(expr, inner.evaluate, parameter, settings)
    elif expr.op == "count_values":
        evaluate = _count_values(expr, inner.evaluate)
    elif expr.op == "limitk":
        evaluate, distinct = limitk(inner.evaluate, _counted(expr, parameter), key_of(expr)), inner.distinct
    elif expr.op == "limit_ratio":
        assert expr.parameter is not None
        evaluate = limit_ratio(inner.evaluate, parameter.evaluate, expr.parameter.position)
        distinct = inner.distinct
    else:
        evaluate, distinct = _first(expr, inner.evaluate, parameter), inner.distinct
    return Plan("vector", evaluate, fixed, steady, distinct)


def key_of(expr: ast.Aggregation, more: tuple[str, ...] = ()) -> Key:
    """What gives the labels of the group that an element belongs to."""
    if expr.without:
        others = (*expr.labels, NAME)
        return lambda labels: labels.but(others)
    names = (*expr.labels, *more)
    return (lambda labels: labels.only(names)) if names else (lambda labels: EMPTY)


def _groups(vector: Vector, key: Key) -> dict[Labels, list[float]]:
    groups: dict[Labels, list[float]] = {}
    for labels, value in vector:
        of = key(labels)
        group = groups.get(of)
        if group is None:
            groups[of] = [value]
        else:
            group.append(value)
    return groups


def _reduced(reduce: Callable[[list[float]], float], inner: VectorAt, key: Key, settings: Settings) -> VectorAt:
    def evaluate(run: Run, at: int) -> Vector:
        return [(labels, reduce(values)) for labels, values in _groups(inner(run, at), key).items()]

    def evaluate_delayed(run: Run, at: int) -> Vector:
        vector = inner(run, at)
        going = {key(labels) for labels, _ in vector if labels.name_goes}
        return [
            (labels.with_name_to_go() if labels in going else labels, reduce(values))
            for labels, values in _groups(vector, key).items()
        ]

    return evaluate_delayed if settings.delayed_names else evaluate


def _quantile(expr: ast.Aggregation, inner: VectorAt, parameter: Plan, settings: Settings) -> VectorAt:
    share_at, key = parameter.evaluate, key_of(expr)
    assert expr.parameter is not None
    position = expr.parameter.position

    def evaluate(run: Run, at: int) -> Vector:
        share: float = share_at(run, at)
        note_bad_share(run, share, position)
        return _reduced(lambda values: sums.quantile(share, values), inner, key, settings)(run, at)

    return evaluate


def _count_values(expr: ast.Aggregation, inner: VectorAt) -> VectorAt:
    label = label_name(_text(expr.parameter), expr.position)
    key = key_of(expr, (label,))

    def evaluate(run: Run, at: int) -> Vector:
        counts: dict[Labels, int] = {}
        for labels, value in inner(run, at):
            of = key(labels.changed({label: number_text(value)}))
            counts[of] = counts.get(of, 0) + 1
        return [(labels, float(count)) for labels, count in counts.items()]

    return evaluate


def _text(expr: ast.Expr | None) -> str:
    while isinstance(expr, ast.Paren):
        expr = expr.inner
    assert isinstance(expr, ast.String)
    return expr.value


def _first(expr: ast.Aggregation, inner: VectorAt, parameter: Plan) -> VectorAt:
    """The elements with the highest or lowest values of each group, best first; NaN comes last."""
    count_at, key = _counted(expr, parameter), key_of(expr)
    order = _descending if expr.op == "topk" else _ascending

    def evaluate(run: Run, at: int) -> Vector:
        count = count_at(run, at)
        vector = inner(run, at)
        if count < 1:
            return []
        groups: dict[Labels, Vector] = {}
        for element in vector:
            groups.setdefault(key(element[0]), []).append(element)
        return [element for group in groups.values() for element in sorted(group, key=order)[:count]]

    return evaluate


def _descending(element: tuple[Labels, float]) -> tuple[bool, float]:
    value = element[1]
    return (value != value, -value)


def _ascending(element: tuple[Labels, float]) -> tuple[bool, float]:
    value = element[1]
    return (value != value, value)


def _counted(expr: ast.Aggregation, parameter: Plan) -> Callable[[Run, int], int]:
    count_at = parameter.evaluate
    return lambda run, at: _whole(count_at(run, at), expr)


def _whole(count: float, expr: ast.Aggregation) -> int:
    """How many elements to keep. Raises EvaluationError."""
    if count < 1:
        return 0
    if count != count:
        raise EvaluationError("Parameter value is NaN", expr.position)
    if count >= _MOST_ELEMENTS:
        raise EvaluationError(f"Scalar value {number_text(count)} overflows int64", expr.position)
    return int(count)
