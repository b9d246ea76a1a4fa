"""What Prometheus refuses of a tree that its grammar allows."""

from __future__ import annotations

from collections.abc import Collection

from pacs_monitor.history.matchers import BadRegexError, whole_match
from pacs_monitor.promql import ast
from pacs_monitor.promql.complaints import (
    bool_without_comparison,
    group_with_set,
    no_label,
    not_a_vector,
    numbers_compared,
    set_with_number,
    wrong_count,
    wrong_kind,
)
from pacs_monitor.promql.errors import BadExpression
from pacs_monitor.promql.signatures import SIGNATURES


def check(expr: ast.Expr, after_plus: Collection[int] = ()) -> None:
    """Raises BadExpression. `after_plus`: where operands of a sign + begin, which the tree leaves out."""
    for inner in ast.children(expr):
        check(inner, after_plus)
    if expr.position in after_plus and expr.kind in ("matrix", "string"):
        raise not_a_vector("a sign", expr.kind, expr.position)
    match expr:
        case ast.Selector():
            _selector(expr)
        case ast.Negation(inner=inner) if inner.kind in ("matrix", "string"):
            raise not_a_vector("a sign", inner.kind, inner.position)
        case ast.Subquery(inner=inner) if inner.kind != "vector":
            raise wrong_kind("a subquery", "vector", inner.kind, inner.position)
        case ast.Binary():
            _binary(expr)
        case ast.Aggregation():
            _aggregation(expr)
        case ast.Call():
            _call(expr)


def _selector(expr: ast.Selector) -> None:
    if all(one.matches("") for one in expr.matchers):
        raise BadExpression(
            "this selects every series; give a metric's name, or one matcher that no empty value meets", expr.position
        )


def _binary(expr: ast.Binary) -> None:
    kinds = (expr.left.kind, expr.right.kind)
    for side in (expr.left, expr.right):
        if side.kind in ("matrix", "string"):
            raise not_a_vector(f"the operator {expr.op}", side.kind, side.position)
    if expr.returns_bool and expr.op not in ast.COMPARISONS:
        raise bool_without_comparison(expr.position)
    if expr.op in ast.COMPARISONS and not expr.returns_bool and kinds == ("scalar", "scalar"):
        raise numbers_compared(expr.position)
    if expr.op in ast.SETS and "scalar" in kinds:
        raise set_with_number(expr.op, expr.position)
    if expr.matching is not None:
        _matching(expr, expr.matching)


def _matching(expr: ast.Binary, matching: ast.Matching) -> None:
    if matching.many and expr.op in ast.SETS:
        raise group_with_set(expr.op, expr.position)
    twice = set(matching.labels) & set(matching.include)
    if matching.on and twice:
        raise BadExpression(
            f"{sorted(twice)[0]} is in on (...) and in group_{matching.many} (...); take it out of one", expr.position
        )


def _aggregation(expr: ast.Aggregation) -> None:
    parameter = expr.parameter
    if parameter is not None:
        wanted: ast.Kind = "string" if expr.op == "count_values" else "scalar"
        if parameter.kind != wanted:
            raise wrong_kind(expr.op, wanted, parameter.kind, parameter.position)
    if expr.inner.kind != "vector":
        raise wrong_kind(expr.op, "vector", expr.inner.kind, expr.inner.position)
    if expr.op == "count_values" and parameter is not None:
        _label(parameter, expr.op)


def _call(expr: ast.Call) -> None:
    signature = SIGNATURES[expr.name]
    most = signature.most()
    if len(expr.arguments) < signature.fewest() or (most is not None and len(expr.arguments) > most):
        raise wrong_count(expr.name, len(expr.arguments), expr.position)
    for place, argument in enumerate(expr.arguments):
        if argument.kind != signature.kind(place):
            raise wrong_kind(expr.name, signature.kind(place), argument.kind, argument.position)
    if expr.name in ("label_replace", "label_join"):
        _relabelling(expr)
    if expr.name == "histogram_quantiles":
        _label(expr.arguments[1], expr.name)


def _relabelling(expr: ast.Call) -> None:
    """What Prometheus refuses of these only when it evaluates them."""
    _label(expr.arguments[1], expr.name)
    if expr.name == "label_join":
        for source in expr.arguments[3:]:
            _label(source, expr.name)
        return
    pattern = _text(expr.arguments[4])
    try:
        whole_match(pattern)
    except BadRegexError as error:
        position = expr.arguments[4].position
        raise BadExpression(f"{pattern} is no regular expression of RE2: {error}", position) from None


def _label(expr: ast.Expr, where: str) -> None:
    if not _text(expr):
        raise no_label(where, expr.position)


def _text(expr: ast.Expr) -> str:
    while isinstance(expr, ast.Paren):
        expr = expr.inner
    assert isinstance(expr, ast.String)
    return expr.value
