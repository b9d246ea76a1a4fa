"""What Prometheus refuses of a tree that its grammar allows."""

from __future__ import annotations

from pacs_monitor.history.labels import NAME
from pacs_monitor.promql import ast
from pacs_monitor.promql.errors import BadExpression


def check(expr: ast.Expr) -> None:
    """Raises BadExpression."""
    for inner in ast.children(expr):
        check(inner)
    match expr:
        case ast.Selector():
            _selector(expr)
        case ast.Binary(matching=ast.Matching() as matching):
            _matching(expr, matching)


def _selector(expr: ast.Selector) -> None:
    if all(one.matches("") for one in expr.matchers):
        raise BadExpression(
            "this selects every series; give a metric's name, or one matcher that no empty value meets", expr.position
        )


def _matching(expr: ast.Binary, matching: ast.Matching) -> None:
    twice = set(matching.labels) & set(matching.include)
    if matching.on and twice:
        raise BadExpression(
            f"{sorted(twice)[0]} is in on (...) and in group_{matching.many} (...); take it out of one", expr.position
        )


def name_matchers(expr: ast.Selector) -> list[str]:
    """The names that matchers ask for."""
    return [one.value for one in expr.matchers if one.name == NAME]
