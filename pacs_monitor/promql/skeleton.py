"""An expression rewritten so that promql_parser reads nothing but its structure.

The parser misreads some literals and tells no positions. So each number, duration, text, label and metric name is
replaced by its place in a table, which holds what it says and where it stands.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from difflib import get_close_matches

from pacs_monitor.promql.ast import COMPARISONS, SETS
from pacs_monitor.promql.errors import BadExpression
from pacs_monitor.promql.literals import duration_of, number_of, text_in
from pacs_monitor.promql.signatures import (
    AGGREGATIONS,
    EXPERIMENTAL,
    EXPERIMENTAL_AGGREGATIONS,
    FUNCTIONS,
    GONE,
    NATIVE,
)
from pacs_monitor.promql.tokens import Token, tokens_of

MARK = "\ue000"
"""Before the place of a text in the table; of the private use area of Unicode."""
_OPERATORS = frozenset(("+", "-", "*", "/", "%", "^", "atan2", *COMPARISONS, *SETS))
_GROUPING = ("by", "without")
_NO_METRIC = frozenset(("on", "ignoring", "group_left", "group_right", "bool", "atan2"))
_FILLS = ("fill", "fill_left", "fill_right")


@dataclass(slots=True)
class Skeleton:
    """The rewritten text, and what the places in it stand for."""

    text: str = ""
    table: list[tuple[object, int]] = field(default_factory=lambda: [(None, 0)])
    """Values (str, float, or int milliseconds) and positions; the first place stays empty."""
    selectors: list[int] = field(default_factory=list)
    calls: list[int] = field(default_factory=list)
    """Positions of functions and aggregations."""
    parens: list[int] = field(default_factory=list)


def skeleton_of(text: str) -> Skeleton:
    """Raises BadExpression for what no expression contains."""
    return _Reader(tokens_of(text)).read()


class _Reader:
    """Goes over the words once; it knows at each whether an operand or an operator must come."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._at = 0
        self._out: list[str] = []
        self._found = Skeleton()
        self._open: list[tuple[str, Token]] = []

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

    @property
    def _now(self) -> Token:
        return self._tokens[self._at]

    @property
    def _coming(self) -> Token:
        return self._tokens[min(self._at + 1, len(self._tokens) - 1)]

    def _take(self) -> Token:
        token = self._now
        self._at += token.kind != "end"
        return token

    def _copy(self) -> None:
        self._out.append(self._take().text.lower())

    def _keep(self, value: object, position: int) -> int:
        self._found.table.append((value, position))
        return len(self._found.table) - 1

    def _expect(self, sign: str, where: str) -> None:
        if self._now.text != sign or self._now.kind != "sign":
            raise self._unexpected(f"{where} needs {sign}")
        self._copy()

    def _unexpected(self, wanted: str) -> BadExpression:
        token = self._now
        what = "the expression ends" if token.kind == "end" else f"{token.text} comes"
        return BadExpression(f"{what} where {wanted}", token.position)

    def _operand(self) -> None:
        """Signs, then one operand, or the opening of one."""
        while self._now.text in ("+", "-"):
            self._copy()
        token = self._now
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
            self._out.append(str(self._number()))
        elif token.kind == "string":
            self._out.append(self._text())
        else:
            raise self._unexpected("a metric, a number, a function or ( is needed")

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
        if token.text.lower() in EXPERIMENTAL_AGGREGATIONS:
            raise experimental(f"the aggregation {token.text}", token.position)
        self._found.calls.append(token.position)
        self._copy()
        if self._now.text.lower() in _GROUPING:
            self._copy()
            self._labels()
        if self._now.text != "(":
            raise self._unexpected("an aggregation needs (")
        self._arguments()

    def _function(self, token: Token) -> None:
        check_function(token)
        self._found.calls.append(token.position)
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
        self._copy()

    def _leave(self) -> None:
        if not self._open:
            raise BadExpression("this parenthesis closes none", self._now.position)
        self._open.pop()
        self._copy()

    def _after_operand(self) -> None:
        """One operator with its operand, or one modifier, or the end of a list."""
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
        self._copy()
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
        self._expect("(", "a list of labels")
        while self._now.text != ")":
            self._out.append(self._label())
            if self._now.text != ")":
                self._expect(",", "a list of labels")
        if self._out[-1] == ",":
            self._out.pop()
        self._copy()

    def _label(self) -> str:
        token = self._now
        if token.kind == "string":
            return self._text()
        word = token.kind == "word" or (token.kind == "number" and token.text.isalpha())  # a label may be named inf
        if not word or ":" in token.text:
            raise self._unexpected("the name of a label is needed; put it in quotes if it has unusual characters")
        self._take()
        return f'"{MARK}{self._keep(token.text, token.position)}"'

    def _text(self) -> str:
        token = self._take()
        return f'"{MARK}{self._keep(text_in(token.text, token.position), token.position)}"'

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
                self._expect(",", "after a matcher the selector")
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

    def _number(self) -> int:
        """Takes a number, or a duration in seconds."""
        token = self._take()
        duration = token.kind == "duration"
        value = duration_of(token.text, token.position) / 1000 if duration else number_of(token.text)
        return self._keep(value, token.position)

    def _duration(self, sign: int = 1, positive: bool = False) -> int:
        """Takes a duration, or a number of seconds, as milliseconds."""
        token = self._now
        if token.kind not in ("number", "duration"):
            if token.text in ("(", "-", "+") or token.text.lower() in ("step", "range", "min", "max"):
                raise experimental("arithmetic with durations", token.position)
            raise self._unexpected("a duration such as 5m is needed")
        self._take()
        length = milliseconds(token) * sign
        if positive and length <= 0:
            raise BadExpression("a duration here must be longer than 0", token.position)
        if self._now.text in ("*", "/", "%", "^", "+", "-") and positive:
            raise experimental("arithmetic with durations", self._now.position)
        return self._keep(length, token.position)

    def _range(self) -> None:
        self._copy()
        self._out.append(str(self._duration(positive=True)))
        if self._now.text == ":":
            self._copy()
            if self._now.text != "]":
                self._out.append(str(self._duration(positive=True)))
        self._expect("]", "a range")

    def _offset(self) -> None:
        self._copy()
        sign = self._sign()
        self._out.append(str(self._duration(sign)))

    def _sign(self) -> int:
        if self._now.text in ("+", "-"):
            return -1 if self._take().text == "-" else 1
        return 1

    def _moment(self) -> None:
        self._copy()
        token = self._now
        if token.text.lower() in ("start", "end") and self._coming.text == "(":
            self._copy()
            self._expect("(", token.text)
            self._expect(")", token.text)
            return
        sign = self._sign()
        if self._now.kind not in ("number", "duration"):
            raise self._unexpected("@ needs a time in seconds since 1970, start() or end()")
        self._out.append(str(self._keep(moment(self._take(), sign), token.position)))


def milliseconds(token: Token) -> int:
    """Of a duration or a number of seconds. Raises BadExpression."""
    if token.kind == "duration":
        return duration_of(token.text, token.position)
    seconds = number_of(token.text)
    if not abs(seconds) <= 9_223_372_036:
        raise BadExpression(f"{token.text} seconds are longer than Prometheus can hold (292 years)", token.position)
    return int(seconds * 1000)


def moment(token: Token, sign: int) -> int:
    """Milliseconds since 1970. Raises BadExpression."""
    seconds = duration_of(token.text, token.position) / 1000 if token.kind == "duration" else number_of(token.text)
    if not abs(seconds) < 9.2e15:
        raise BadExpression(f"{token.text} is no time; @ takes seconds since 1970", token.position)
    return round(sign * seconds * 1000)


def experimental(what: str, position: int) -> BadExpression:
    """That Prometheus takes it only with a feature flag, and this evaluator never."""
    return BadExpression(f"{what} is experimental in Prometheus and not evaluated here", position)


def check_function(token: Token) -> None:
    """Raises BadExpression unless there is such a function."""
    name = token.text
    if name in FUNCTIONS:
        return
    if name in NATIVE:
        raise BadExpression(
            f"{name} reads native histograms, which are not evaluated here; use a classic histogram", token.position
        )
    if name in EXPERIMENTAL:
        raise experimental(f"the function {name}", token.position)
    if name in GONE:
        raise BadExpression(
            f"there is no function {name} in Prometheus 3; it is named {GONE[name]} there, which is experimental and "
            "not evaluated here",
            token.position,
        )
    near = get_close_matches(name.lower(), [*FUNCTIONS, *AGGREGATIONS], n=1)
    raise BadExpression(f"there is no function {name}" + (f"; is {near[0]} meant?" if near else ""), token.position)
