"""Operators between numbers, and between a vector and a number."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable

from pacs_monitor.promql import ast
from pacs_monitor.promql.numbers import divided, power, remainder
from pacs_monitor.promql.plan import Plan, Settings, VectorAt, constant
from pacs_monitor.promql.run import Run, unique
from pacs_monitor.promql.values import Vector

Arithmetic = Callable[[float, float], float]
Comparison = Callable[[float, float], bool]

ARITHMETIC: dict[str, Arithmetic] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": divided,
    "%": remainder,
    "^": power,
    "atan2": math.atan2,
}
COMPARISON: dict[str, Comparison] = {
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
}


def number_function(op: str) -> Arithmetic:
    """What an operator gives of two numbers; 1 or 0 for a comparison."""
    if op in ARITHMETIC:
        return ARITHMETIC[op]
    compare = COMPARISON[op]
    return lambda left, right: 1.0 if compare(left, right) else 0.0


def between_numbers(expr: ast.Binary, left: Plan, right: Plan) -> Plan:
    """Two scalars."""
    compute = number_function(expr.op)
    first, second = left.evaluate, right.evaluate

    def evaluate(run: Run, at: int) -> float:
        return compute(first(run, at), second(run, at))

    return Plan("scalar", evaluate, left.fixed and right.fixed, left.steady and right.steady)


def with_number(expr: ast.Binary, left: Plan, right: Plan, settings: Settings) -> Plan:
    """A vector and a scalar, in either order."""
    swapped = left.kind == "scalar"
    vector, number = (right, left) if swapped else (left, right)
    if expr.op in COMPARISON and not expr.returns_bool:
        evaluate = _filtered(expr, vector, number, swapped)
    else:
        evaluate = _computed(expr, vector, number, swapped, settings)
    steady = left.steady and right.steady
    return Plan("vector", evaluate, left.fixed and right.fixed, steady, vector.distinct)


def _filtered(expr: ast.Binary, vector: Plan, number: Plan, swapped: bool) -> VectorAt:
    compare = COMPARISON[expr.op]
    elements, limit = vector.evaluate, number.evaluate

    def evaluate(run: Run, at: int) -> Vector:
        bound = limit(run, at)
        return [element for element in elements(run, at) if compare(element[1], bound)]

    def evaluate_swapped(run: Run, at: int) -> Vector:
        bound = limit(run, at)
        return [element for element in elements(run, at) if compare(bound, element[1])]

    return evaluate_swapped if swapped else evaluate


def _computed(expr: ast.Binary, vector: Plan, number: Plan, swapped: bool, settings: Settings) -> VectorAt:
    compute = number_function(expr.op)
    elements, other = vector.evaluate, number.evaluate
    nameless, check = settings.nameless, not (vector.distinct or settings.delayed_names)

    def evaluate(run: Run, at: int) -> Vector:
        second = other(run, at)
        if swapped:
            found = [(nameless(labels), compute(second, value)) for labels, value in elements(run, at)]
        else:
            found = [(nameless(labels), compute(value, second)) for labels, value in elements(run, at)]
        return unique(found, expr.position) if check else found

    return evaluate


def negated(expr: ast.Negation, inner: Plan, settings: Settings) -> Plan:
    """`-x`."""
    elements = inner.evaluate
    nameless, check = settings.nameless, not (inner.distinct or settings.delayed_names)

    def number(run: Run, at: int) -> float:
        value: float = elements(run, at)
        return -value

    def vector(run: Run, at: int) -> Vector:
        found = [(nameless(labels), -value) for labels, value in elements(run, at)]
        return unique(found, expr.position) if check else found

    return Plan(inner.kind, number if inner.kind == "scalar" else vector, inner.fixed, inner.steady, inner.distinct)


def folded(plan: Plan) -> Plan:
    """The same, evaluated here and now if it needs no series and no time."""
    if not plan.fixed or plan.kind in ("string", "matrix"):
        return plan
    run = Run(0, 0, 1000, None)
    value = plan.evaluate(run, 0)
    return plan if run.notes else constant(plan.kind, value, plan.distinct)  # notes are told at each evaluation
