"""Expression -> plan."""

from __future__ import annotations

from pacs_monitor.promql import ast
from pacs_monitor.promql.aggregate import aggregation
from pacs_monitor.promql.functions import call
from pacs_monitor.promql.matching import between_vectors
from pacs_monitor.promql.operators import between_numbers, folded, negated, with_number
from pacs_monitor.promql.plan import Plan, Settings, constant, kept
from pacs_monitor.promql.selecting import instant_selector, range_selector, subquery


def compiled(expr: ast.Expr, settings: Settings) -> Plan:
    """What evaluates an expression; what needs no series and no time is evaluated here."""
    return kept(folded(_compiled(expr, settings)))


def _compiled(expr: ast.Expr, settings: Settings) -> Plan:
    match expr:
        case ast.Number(value=number):
            return constant("scalar", number)
        case ast.String(value=text):
            return constant("string", text)
        case ast.Paren(inner=inner):
            return compiled(inner, settings)
        case ast.Selector():
            return instant_selector(expr, settings)
        case ast.Range():
            return range_selector(expr, settings)
        case ast.Subquery(inner=inner):
            return subquery(expr, compiled(inner, settings), settings)
        case ast.Negation(inner=inner):
            return negated(expr, compiled(inner, settings), settings)
        case ast.Binary():
            return _binary(expr, settings)
        case ast.Aggregation(inner=inner, parameter=parameter):
            plan = None if parameter is None else compiled(parameter, settings)
            return aggregation(expr, compiled(inner, settings), plan, settings)
        case ast.Call():
            return call(expr, tuple(compiled(one, settings) for one in expr.arguments), settings)
        case _:
            raise TypeError(type(expr).__name__)


def _binary(expr: ast.Binary, settings: Settings) -> Plan:
    left, right = compiled(expr.left, settings), compiled(expr.right, settings)
    if left.kind == right.kind == "vector":
        return between_vectors(expr, left, right, settings)
    if left.kind == right.kind == "scalar":
        return between_numbers(expr, left, right)
    return with_number(expr, left, right, settings)
