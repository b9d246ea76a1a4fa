"""Text -> expression: promql_parser for the structure, and by hand what it gets wrong."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import promql_parser as grammar

from pacs_monitor.history.labels import NAME
from pacs_monitor.history.matchers import EQUAL, MATCH, NO_MATCH, NOT_EQUAL, BadRegexError, Matcher
from pacs_monitor.history.store import LOOKBACK
from pacs_monitor.promql import ast
from pacs_monitor.promql.check import check
from pacs_monitor.promql.errors import BadExpression
from pacs_monitor.promql.features import NONE, Features
from pacs_monitor.promql.reader import skeleton_of
from pacs_monitor.promql.refusals import refusal
from pacs_monitor.promql.skeleton import Skeleton
from pacs_monitor.promql.unsupported import MOST_NESTED, too_deep

_MATCHER_OPS = {"Equal": EQUAL, "NotEqual": NOT_EQUAL, "Re": MATCH, "NotRe": NO_MATCH}


def parse(text: str, features: Features = NONE) -> ast.Expr:
    """The expression that a text says. Raises BadExpression with the position, where it is known.

    What is experimental in Prometheus is refused unless its feature is among the `features`.
    """
    skeleton = skeleton_of(text, features)
    try:
        tree = grammar.parse(skeleton.text)
    except ValueError as error:
        raise refusal(str(error), skeleton) from None
    found = _Builder(skeleton).build(tree)
    check(found, skeleton.after_plus)
    return found


class _Builder:
    """Makes our tree of the parser's, with the table's literals in their places."""

    def __init__(self, skeleton: Skeleton) -> None:
        self._table = skeleton.table
        self._selectors: Iterator[int] = iter(skeleton.selectors)
        self._calls: Iterator[int] = (position for _, position in skeleton.calls)
        self._parens: Iterator[int] = iter(skeleton.parens)
        self._depth = 0

    def build(self, node: Any) -> ast.Expr:
        """Source order: positions are handed out as they come."""
        self._depth += 1
        if self._depth > MOST_NESTED:
            raise too_deep(0)
        made: ast.Expr = getattr(self, f"_{type(node).__name__}")(node)
        self._depth -= 1
        return made

    def _text(self, key: str) -> str:
        return str(self._table[int(key[1:])][0])

    def _milliseconds(self, value: timedelta | None) -> int:
        if value is None:
            return 0
        found = self._table[round(value.total_seconds())][0]
        assert isinstance(found, int)
        return found

    def _NumberLiteral(self, node: Any) -> ast.Number:
        value, position = self._table[int(abs(node.val))]
        assert isinstance(value, float)
        return ast.Number(-value if node.val < 0 else value, position=position)

    def _StringLiteral(self, node: Any) -> ast.String:
        return ast.String(self._text(node.val), position=self._table[int(node.val[1:])][1])

    def _VectorSelector(self, node: Any) -> ast.Selector:
        matchers = [self._matcher(one) for one in node.matchers.matchers]
        position = next(self._selectors)
        if node.name is not None:
            twice = next((one for one in matchers if one.name == NAME), None)
            if twice is not None:
                raise BadExpression(f"the metric's name is given twice; take out {twice}", position)
            matchers.append(Matcher(EQUAL, NAME, str(self._table[int(node.name[1:])][0])))
        offset, moment = self._milliseconds(node.offset), self._moment(node.at)
        return ast.Selector(tuple(matchers), offset, moment, position=position)

    def _matcher(self, one: Any) -> Matcher:
        op = _MATCHER_OPS[str(one.op).rpartition(".")[2]]
        name = NAME if one.name == NAME else self._text(one.name)
        try:
            return Matcher(op, name, self._text(one.value))
        except BadRegexError as error:
            position = self._table[int(one.value[1:])][1]
            raise BadExpression(f"{self._text(one.value)} is no regular expression of RE2: {error}", position) from None

    def _moment(self, at: Any) -> int | str | None:
        if at is None:
            return None
        which = str(at.type).rpartition(".")[2]
        if which == "At":
            found = self._table[round(at.at.timestamp())][0]
            assert isinstance(found, int)
            return found
        return ast.START if which == "Start" else ast.END

    def _MatrixSelector(self, node: Any) -> ast.Range:
        selector = self._VectorSelector(node.vector_selector)
        return ast.Range(selector, self._milliseconds(node.range), position=selector.position)

    def _SubqueryExpr(self, node: Any) -> ast.Subquery:
        inner = self.build(node.expr)
        step = self._milliseconds(node.step) or None
        return ast.Subquery(
            inner,
            self._milliseconds(node.range),
            step,
            self._milliseconds(node.offset),
            self._moment(node.at),
            position=inner.position,
        )

    def _ParenExpr(self, node: Any) -> ast.Paren:
        position = next(self._parens)
        return ast.Paren(self.build(node.expr), position=position)

    def _UnaryExpr(self, node: Any) -> ast.Negation:
        inner = self.build(node.expr)
        return ast.Negation(inner, position=inner.position)

    def _BinaryExpr(self, node: Any) -> ast.Binary:
        left, right = self.build(node.lhs), self.build(node.rhs)
        vectors = left.kind == right.kind == "vector"
        matching = self._matching(node.modifier) if vectors else None
        bool_ = node.modifier is not None and node.modifier.return_bool
        return ast.Binary(str(node.op), left, right, bool_, matching, position=left.position)

    def _matching(self, modifier: Any) -> ast.Matching:
        if modifier is None or (modifier.matching is None and not modifier.group_labels):
            return ast.PLAIN_MATCHING
        card = str(modifier.card).rpartition(".")[2]
        labels = modifier.matching.labels if modifier.matching else ()
        on = modifier.matching is not None and str(modifier.matching.type).endswith("Include")
        return ast.Matching(
            on,
            tuple(self._text(one) for one in labels),
            "left" if card == "ManyToOne" else "right" if card == "OneToMany" else "",
            tuple(self._text(one) for one in modifier.group_labels or ()),
        )

    def _AggregateExpr(self, node: Any) -> ast.Aggregation:
        position = next(self._calls)
        parameter = None if node.param is None else self.build(node.param)
        inner = self.build(node.expr)
        modifier = node.modifier
        labels = () if modifier is None else tuple(self._text(one) for one in modifier.labels)
        without = modifier is not None and str(modifier.type).endswith("Without")
        return ast.Aggregation(str(node.op), inner, parameter, labels, without, position=position)

    def _Call(self, node: Any) -> ast.Call:
        position = next(self._calls)
        return ast.Call(node.func.name, tuple(self.build(one) for one in node.args), position=position)


def reads(expr: ast.Expr, lookback: int = LOOKBACK) -> list[tuple[str, int]]:
    """Which metrics an expression reads, and how far back in milliseconds; "" stands for any metric."""
    return _reads(expr, lookback, 0)


def _reads(expr: ast.Expr, lookback: int, back: int) -> list[tuple[str, int]]:
    match expr:
        case ast.Range(selector=inner):
            return [(inner.name, back + expr.duration + max(inner.offset, 0))]
        case ast.Selector():
            return [(expr.name, back + lookback + max(expr.offset, 0))]
        case ast.Subquery():
            return _reads(expr.inner, lookback, back + expr.duration + max(expr.offset, 0))
        case _:
            return [found for inner in ast.children(expr) for found in _reads(inner, lookback, back)]
