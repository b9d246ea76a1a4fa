"""What becomes of a label on its way through an expression."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pacs_monitor.history.matchers import EQUAL
from pacs_monitor.promql import ast

Asks = Callable[[ast.Selector], bool]
_ABSENT = ("absent", "absent_over_time")
_LABEL_SECOND = ("label_replace", "label_join", "histogram_quantiles")
"""Functions that set the label that their second argument names."""
_CHOOSE = ("topk", "bottomk", "limitk", "limit_ratio")
"""Aggregations that give elements as they are."""


@dataclass(frozen=True)
class Followed:
    """A label on its way."""

    label: str
    has: Asks
    """Whether the series of a selector have it."""
    fixed: bool
    """Whether their selectors ask for one value of it, by `=`."""


def keeps(expr: ast.Expr, followed: Followed) -> bool:
    """Whether each element that an expression gives has the label of the series that it comes from."""
    label = followed.label
    match expr:
        case ast.Selector():
            return followed.has(expr)
        case ast.Aggregation(op=op) if op in _CHOOSE:
            return keeps(expr.inner, followed)
        case ast.Aggregation():
            stays = (label in expr.labels) is not expr.without
            return stays and not _counts_into(expr, label) and keeps(expr.inner, followed)
        case ast.Binary():
            return _binary_keeps(expr, followed)
        case ast.Call(name=name) if name in _ABSENT:
            return _tells_absence_of(expr.arguments[0], followed)
        case ast.Call(name=name) if name in _LABEL_SECOND and _text(expr.arguments[1]) == label:
            return False
        case _:
            vectors = [inner for inner in ast.children(expr) if inner.kind in ("vector", "matrix")]
            return bool(vectors) and all(keeps(inner, followed) for inner in vectors)


def _binary_keeps(expr: ast.Binary, followed: Followed) -> bool:
    label = followed.label
    if expr.matching is None:
        return keeps(expr.left if expr.left.kind == "vector" else expr.right, followed)
    left, right = keeps(expr.left, followed), keeps(expr.right, followed)
    if expr.op == "or":
        return left and right
    if expr.op in ast.SETS:
        return left
    matching = expr.matching
    if not matching.many:
        return left and (label in matching.labels) is matching.on
    many, one = (left, right) if matching.many == "left" else (right, left)
    return one if label in matching.include else many


def _tells_absence_of(argument: ast.Expr, followed: Followed) -> bool:
    """`absent(x{a="b"})` has the labels that its matchers fix."""
    selector = argument.selector if isinstance(argument, ast.Range) else argument
    if not isinstance(selector, ast.Selector) or not followed.has(selector):
        return False
    ops = [one.op for one in selector.matchers if one.name == followed.label]
    return followed.fixed and ops in ([], [EQUAL])


def makes(expr: ast.Expr, label: str, of: Asks) -> bool:
    """Whether elements may have a label that a function makes, or series that `of` is true of."""
    match expr:
        case ast.Selector():
            return of(expr)
        case ast.Aggregation(op=op) if op not in _CHOOSE:
            stays = (label in expr.labels) is not expr.without
            return _counts_into(expr, label) or (stays and makes(expr.inner, label, of))
        case ast.Binary(op="and" | "unless"):
            return makes(expr.left, label, of)
        case ast.Call(name=name) if name in _LABEL_SECOND and _text(expr.arguments[1]) == label:
            return True
        case _:
            return any(makes(inner, label, of) for inner in ast.children(expr))


def _counts_into(expr: ast.Aggregation, label: str) -> bool:
    return expr.op == "count_values" and _text(expr.parameter) == label


def _text(expr: ast.Expr | None) -> str:
    while isinstance(expr, ast.Paren):
        expr = expr.inner
    return expr.value if isinstance(expr, ast.String) else ""
