"""Goes over an expression's words and writes its skeleton: what literals and names need."""

from __future__ import annotations

from pacs_monitor.promql.errors import BadExpression
from pacs_monitor.promql.literals import LONGEST, duration_of, number_of, text_in
from pacs_monitor.promql.skeleton import MARK, Skeleton
from pacs_monitor.promql.tokens import Token
from pacs_monitor.promql.unsupported import experimental

_LATEST = 9.2e15
"""Seconds: milliseconds in 63 bits end there."""
_OF_DURATIONS = frozenset(("step", "range", "min_of", "max_of", "min", "max"))
"""Functions in the arithmetic of durations; the last two were the names before Prometheus 3.13."""


class Cursor:
    """A place among the words, and what is written so far."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._at = 0
        self._out: list[str] = []
        self._found = Skeleton()

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

    def _expect(self, sign: str, wanted: str) -> None:
        if self._now.text != sign or self._now.kind != "sign":
            raise self._unexpected(wanted)
        self._copy()

    def _unexpected(self, wanted: str) -> BadExpression:
        token = self._now
        what = "the expression ends" if token.kind == "end" else f"{token.text} comes"
        return BadExpression(f"{what} where {wanted}", token.position)

    def _label(self, in_list: bool = False) -> str:
        token = self._now
        if token.kind == "string":
            return self._text()
        word = token.kind == "word" or (token.kind == "number" and token.text.isalpha())  # a label may be named inf
        if in_list:  # where Prometheus takes no inf, nan or without
            word = token.kind == "word" and token.text.lower() != "without"
        if not word or ":" in token.text:
            raise self._unexpected("the name of a label is needed; put it in quotes if it has unusual characters")
        self._take()
        return f'"{MARK}{self._keep(token.text, token.position)}"'

    def _text(self) -> str:
        token = self._take()
        return f'"{MARK}{self._keep(text_in(token.text, token.position), token.position)}"'

    def _number(self, position: int) -> int:
        """Takes a number, or a duration in seconds; its signs belong to it, and `position` is where they begin."""
        token = self._take()
        duration = token.kind == "duration"
        value = duration_of(token.text, token.position) / 1000 if duration else number_of(token.text)
        return self._keep(value, position)

    def _duration(self, sign: int = 1, positive: bool = False) -> int:
        """Takes a duration, or a number of seconds, as milliseconds."""
        token = self._now
        if token.kind not in ("number", "duration"):
            if token.text in ("(", "-", "+") or token.text.lower() in _OF_DURATIONS:
                raise experimental("arithmetic with durations", token.position)
            raise self._unexpected("a duration such as 5m is needed")
        self._take()
        length = milliseconds(token) * sign
        if positive and length <= 0:
            raise BadExpression("a duration here must be longer than 0", token.position)
        if self._now.text in ("*", "/", "%", "^", "+", "-") and positive:
            raise experimental("arithmetic with durations", self._now.position)
        return self._keep(length, token.position)

    def _sign(self) -> int:
        if self._now.text in ("+", "-"):
            return -1 if self._take().text == "-" else 1
        return 1


def seconds_of(token: Token) -> float:
    """Of a duration, or of a number of seconds. Raises BadExpression."""
    if token.kind == "duration":
        return duration_of(token.text, token.position) / 1000
    return number_of(token.text, token.position)


def milliseconds(token: Token) -> int:
    """Of a duration, or of a number of seconds. Raises BadExpression."""
    if token.kind == "duration":
        return duration_of(token.text, token.position)
    seconds = number_of(token.text, token.position)
    if not abs(seconds) <= LONGEST // 1000:
        raise BadExpression(f"{token.text} seconds are longer than Prometheus can hold (292 years)", token.position)
    return int(seconds * 1000)


def moment(token: Token, sign: int) -> int:
    """Milliseconds since 1970. Raises BadExpression."""
    seconds = seconds_of(token)
    if not abs(seconds) < _LATEST:
        raise BadExpression(f"{token.text} is no time; @ takes seconds since 1970", token.position)
    return round(sign * seconds * 1000)
