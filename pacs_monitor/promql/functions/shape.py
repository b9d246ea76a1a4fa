"""Functions that turn vectors into numbers, and numbers into vectors, or ask what is there and when."""

from __future__ import annotations

import math
from collections import Counter

from pacs_monitor.history.labels import EMPTY, NAME, Labels, labels_of
from pacs_monitor.history.matchers import EQUAL
from pacs_monitor.promql import ast
from pacs_monitor.promql.functions.parts import Builder, bare, checked, planned
from pacs_monitor.promql.numbers import NAN
from pacs_monitor.promql.plan import Plan, Settings, constant
from pacs_monitor.promql.run import Run
from pacs_monitor.promql.selecting import timestamps
from pacs_monitor.promql.values import Vector


def _scalar(expr: ast.Call, arguments: tuple[Plan, ...], settings: Settings) -> Plan:
    """The value of a vector's only element; NaN if there is none, or there are more."""
    inner = arguments[0]

    def evaluate(run: Run, at: int) -> float:
        vector: Vector = inner.evaluate(run, at)
        return vector[0][1] if len(vector) == 1 else NAN

    return Plan("scalar", evaluate, inner.fixed, inner.steady)


def _vector(expr: ast.Call, arguments: tuple[Plan, ...], settings: Settings) -> Plan:
    inner = arguments[0].evaluate

    def evaluate(run: Run, at: int) -> Vector:
        return [(EMPTY, inner(run, at))]

    return planned(evaluate, arguments, distinct=True)


def _time(expr: ast.Call, arguments: tuple[Plan, ...], settings: Settings) -> Plan:
    return Plan("scalar", lambda run, at: at / 1000)


def _pi(expr: ast.Call, arguments: tuple[Plan, ...], settings: Settings) -> Plan:
    return constant("scalar", math.pi)


def _timestamp(expr: ast.Call, arguments: tuple[Plan, ...], settings: Settings) -> Plan:
    """When each sample is from, in seconds; of what is computed, when it was evaluated."""
    nameless, distinct = settings.nameless, arguments[0].distinct
    selector = bare(expr.arguments[0])
    times = timestamps(selector, settings) if isinstance(selector, ast.Selector) else None
    inner = arguments[0].evaluate

    def evaluate(run: Run, at: int) -> Vector:
        if times is not None:
            return [(nameless(labels), time / 1000) for labels, time in times(run, at)]
        return [(nameless(labels), at / 1000) for labels, _ in inner(run, at)]

    return planned(checked(evaluate, expr, distinct, settings), arguments, distinct, timeless=False)


def _absent(expr: ast.Call, arguments: tuple[Plan, ...], settings: Settings) -> Plan:
    inner, labels = arguments[0].evaluate, _asked_labels(expr.arguments[0])

    def evaluate(run: Run, at: int) -> Vector:
        return [] if inner(run, at) else [(labels, 1.0)]

    return planned(evaluate, arguments, distinct=True)


def _absent_over_time(expr: ast.Call, arguments: tuple[Plan, ...], settings: Settings) -> Plan:
    inner, labels = arguments[0].evaluate, _asked_labels(expr.arguments[0])

    def evaluate(run: Run, at: int) -> Vector:
        return [] if inner(run, at)[2] else [(labels, 1.0)]

    return planned(evaluate, arguments, distinct=True)


def _asked_labels(expr: ast.Expr) -> Labels:
    """The labels whose values a selector fixes: by one `=`, which is the last matcher of the label."""
    found = bare(expr)
    if isinstance(found, ast.Range):
        found = found.selector
    if not isinstance(found, ast.Selector):
        return EMPTY
    last = {one.name: one for one in found.matchers}
    fixed = Counter(one.name for one in found.matchers if one.op == EQUAL)
    return labels_of(
        (name, one.value) for name, one in last.items() if one.op == EQUAL and fixed[name] == 1 and name != NAME
    )


BUILDERS: dict[str, Builder] = {
    "scalar": _scalar,
    "vector": _vector,
    "time": _time,
    "pi": _pi,
    "timestamp": _timestamp,
    "absent": _absent,
    "absent_over_time": _absent_over_time,
}
