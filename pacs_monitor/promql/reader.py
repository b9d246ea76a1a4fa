"""Text -> skeleton. What no expression contains is refused here, with its position."""

from __future__ import annotations

from pacs_monitor.promql.ast import COMPARISONS, SETS
from pacs_monitor.promql.cursor import Cursor, moment
from pacs_monitor.promql.errors import BadExpression
from pacs_monitor.promql.features import Features
from pacs_monitor.promql.signatures import AGGREGATIONS
from pacs_monitor.promql.skeleton import Skeleton
from pacs_monitor.promql.tokens import Token, tokens_of
from pacs_monitor.promql.unsupported import (
    MOST_NESTED,
    MOST_OPERATORS,
    check_aggregation,
    check_function,
    experimental,
    too_deep,
    too_long,
)

_OPERATORS = frozenset(("+", "-", "*", "/", "%", "^", "atan2", *COMPARISONS, *SETS))
_GROUPING = ("by", "without")
_NO_METRIC = frozenset(("on", "ignoring", "group_left", "group_right", "bool", "atan2"))
_FILLS = ("fill", "fill_left", "fill_right")


def skeleton_of(text: str, features: Features) -> Skeleton:
    """Raises BadExpression for what no expression contains, and for what would have to be enabled."""
    return _Reader(tokens_of(text), features).read()


class _Reader(Cursor):
    """Goes over the words once; it knows at each whether an operand or an operator must come."""

    def __init__(self, tokens: list[Token], features: Features) -> None:
        super().__init__(tokens)
        self._features = features
        self._open: list[tuple[str, Token]] = []
        self._operators = 0

    def read(self) -> Skeleton:
        if len(self._tokens) == 1:
            raise BadExpression("the expression is empty", 0)
        self._operand()
        while self._at < len(self._tokens) - 1:
            self._after_operand()
        if self._open:
            raise BadExpression("this parenthesis is not closed", self._open[-1][1].position)
        self._found.text = " ".join(self._out)
        return self._found

    def _operand(self) -> None:
        """Signs, then one operand, or the opening of one."""
        start = self._now.position
        token = self._signs()
        if token.kind == "word":
            self._word()
        elif token.text == "{":
            self._found.selectors.append(token.position)
            self._matchers()
        elif token.text == "(":
            self._found.parens.append(token.position)
            self._enter("(")
            self._operand()
        elif token.kind in ("number", "duration"):
            self._out.append(str(self._number(start)))
        elif token.kind == "string":
            self._out.append(self._text())
        else:
            raise self._unexpected("a metric, a number, a function or ( is needed")

    def _signs(self) -> Token:
        """Passes signs; gives what comes behind them."""
        plus, first = False, self._at
        while self._now.kind == "sign" and self._now.text in ("+", "-"):
            plus = plus or self._now.text == "+"
            self._copy()
        if plus:
            self._found.after_plus.add(self._now.position)
        if self._at - first > MOST_NESTED:
            raise too_deep(self._now.position)
        return self._now

    def _word(self) -> None:
        token, coming = self._now, self._coming
        word = token.text.lower()
        if word in AGGREGATIONS and (coming.text == "(" or coming.text.lower() in _GROUPING):
            self._aggregation(token)
        elif coming.text == "(" and word not in _GROUPING and coming.kind == "sign":
            self._function(token)
        elif word in _NO_METRIC:
            raise self._unexpected("a metric, a number, a function or ( is needed")
        else:
            self._take()
            self._found.selectors.append(token.position)
            self._out.append(f"m{self._keep(token.text, token.position)}")
            if self._now.text == "{":
                self._matchers()

    def _aggregation(self, token: Token) -> None:
        check_aggregation(token, self._features)
        self._found.calls.append((token.text, token.position))
        self._copy()
        if self._now.text.lower() in _GROUPING:
            self._copy()
            self._labels()
        if self._now.text != "(":
            raise self._unexpected("an aggregation needs (")
        self._arguments()

    def _function(self, token: Token) -> None:
        check_function(token, self._features)
        self._found.calls.append((token.text, token.position))
        self._out.append(self._take().text)
        self._arguments()

    def _arguments(self) -> None:
        self._enter("call")
        if self._now.text == ")":
            self._leave()
        else:
            self._operand()

    def _enter(self, what: str) -> None:
        self._open.append((what, self._now))
        if len(self._open) > MOST_NESTED:
            raise too_deep(self._now.position)
        self._copy()

    def _leave(self) -> None:
        if not self._open:
            raise BadExpression("this parenthesis closes none", self._now.position)
        self._open.pop()
        self._copy()

    def _after_operand(self) -> None:
        """One operator with its operand, or one modifier, or the end of a list."""
        self._operators += 1
        if self._operators > MOST_OPERATORS:
            raise too_long(self._now.position)
        token = self._now
        word = token.text.lower()
        if token.kind == "string":
            raise self._unexpected("an operator or the end is needed")
        if word in _OPERATORS:
            self._operator()
        elif word == "[":
            self._range()
        elif word == "offset":
            self._offset()
        elif word == "@":
            self._moment()
        elif word in ("anchored", "smoothed"):
            raise experimental(f"the modifier {word}", token.position)
        elif word in _GROUPING and self._out[-1] == ")":
            self._copy()
            self._labels()
        elif word == ")":
            self._leave()
        elif word == "," and self._open and self._open[-1][0] == "call":
            self._copy()
            self._operand()
        else:
            raise self._unexpected("an operator or the end is needed")

    def _operator(self) -> None:
        operator = self._now
        self._copy()
        if operator.text in ("<", ">") and self._now.text == "/":
            raise BadExpression(
                f"{operator.text}/ trims native histograms, which are not evaluated here", operator.position
            )
        if self._now.text.lower() == "bool":
            self._copy()
        if self._now.text.lower() in ("on", "ignoring"):
            self._copy()
            self._labels()
            if self._now.text.lower() in ("group_left", "group_right"):
                self._copy()
                if self._now.text == "(":
                    self._labels()
        elif self._now.text.lower() in ("group_left", "group_right"):
            raise self._unexpected("on (...) or ignoring (...) is needed first")
        if self._now.text.lower() in _FILLS and self._coming.text == "(":
            raise experimental(f"the modifier {self._now.text.lower()}", self._now.position)
        self._operand()

    def _labels(self) -> None:
        """A list of labels in parentheses."""
        self._expect("(", "a list of labels in parentheses is needed")
        while self._now.text != ")":
            self._out.append(self._label(in_list=True))
            if self._now.text != ")":
                self._expect(",", "a list of labels needs , or )")
        if self._out[-1] == ",":
            self._out.pop()
        self._copy()

    def _matchers(self) -> None:
        """What stands in braces."""
        self._copy()
        while self._now.text != "}":
            self._matcher()
            if self._now.text.lower() == "or":
                raise BadExpression(
                    "matchers cannot be joined by or; use a regular expression, or join two selectors by or",
                    self._now.position,
                )
            if self._now.text != "}":
                self._expect(",", "a matcher is followed by , or }")
        if self._out[-1] == ",":
            self._out.pop()
        self._copy()

    def _matcher(self) -> None:
        quoted = self._now.kind == "string"
        self._out.append(self._label())
        if self._now.text in ("=", "!=", "=~", "!~"):
            self._copy()
            if self._now.kind != "string":
                raise self._unexpected("the value of a label is needed, in quotes")
            self._out.append(self._text())
        elif not quoted:
            raise self._unexpected('a matcher needs =, !=, =~ or !~ and a value, such as node="ct1"')

    def _range(self) -> None:
        self._copy()
        self._out.append(str(self._duration(positive=True)))
        if self._now.text == ":":
            self._copy()
            if self._now.text != "]":
                self._out.append(str(self._duration(positive=True)))
        self._expect("]", "a range needs ]")

    def _offset(self) -> None:
        self._copy()
        sign = self._sign()
        self._out.append(str(self._duration(sign)))

    def _moment(self) -> None:
        self._copy()
        token = self._now
        if token.text.lower() in ("start", "end") and self._coming.text == "(":
            self._copy()
            self._expect("(", "( is needed")
            self._expect(")", f"{token.text} needs () with nothing in it")
            return
        sign = self._sign()
        if self._now.kind not in ("number", "duration"):
            raise self._unexpected("@ needs a time in seconds since 1970, start() or end()")
        self._out.append(str(self._keep(moment(self._take(), sign), token.position)))
