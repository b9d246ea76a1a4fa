"""What functions are made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pacs_monitor.promql import ast
from pacs_monitor.promql.plan import Plan, Settings, VectorAt
from pacs_monitor.promql.run import Run, unique
from pacs_monitor.promql.values import Vector

Builder = Callable[[ast.Call, tuple[Plan, ...], Settings], Plan]
Change = Callable[[float], float]
Reduce = Callable[[Sequence[float]], float]


def planned(
    evaluate: Callable[[Run, int], Any], arguments: tuple[Plan, ...], distinct: bool = False, timeless: bool = True
) -> Plan:
    """The plan of a function that gives a vector; `timeless` unless it asks what time it is."""
    fixed = timeless and all(one.fixed for one in arguments)
    steady = timeless and all(one.steady for one in arguments)
    return Plan("vector", evaluate, fixed, steady, distinct)


def checked(evaluate: VectorAt, expr: ast.Call, distinct: bool, settings: Settings) -> VectorAt:
    """The same, with a look for labels that come twice, where they can."""
    if distinct or settings.delayed_names:
        return evaluate
    position = expr.position
    return lambda run, at: unique(evaluate(run, at), position)


def changed(change: Change) -> Builder:
    """Each value changed by itself; the metric's name goes."""

    def build(expr: ast.Call, arguments: tuple[Plan, ...], settings: Settings) -> Plan:
        inner, nameless = arguments[0].evaluate, settings.nameless

        def evaluate(run: Run, at: int) -> Vector:
            return [(nameless(labels), change(value)) for labels, value in inner(run, at)]

        distinct = arguments[0].distinct
        return planned(checked(evaluate, expr, distinct, settings), arguments, distinct)

    return build


def reduced(reduce: Reduce) -> Builder:
    """One value out of the samples of a range; the metric's name goes."""

    def build(expr: ast.Call, arguments: tuple[Plan, ...], settings: Settings) -> Plan:
        inner, nameless = arguments[0].evaluate, settings.nameless

        def evaluate(run: Run, at: int) -> Vector:
            return [(nameless(labels), reduce(values)) for labels, _, values in inner(run, at)[2]]

        distinct = arguments[0].distinct
        return planned(checked(evaluate, expr, distinct, settings), arguments, distinct)

    return build


def bare(expr: ast.Expr) -> ast.Expr:
    """Without parentheses around it."""
    while isinstance(expr, ast.Paren):
        expr = expr.inner
    return expr


def text_of(expr: ast.Expr) -> str:
    """The text of an argument that must be one."""
    found = bare(expr)
    assert isinstance(found, ast.String)
    return found.value
