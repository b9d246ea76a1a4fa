"""An expression's words, with where they stand."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from pacs_monitor.promql.errors import BadExpression

TokenKind = Literal["word", "number", "duration", "string", "sign", "end"]

_SPACE = re.compile(r"(?:[ \t\r\n]+|#[^\r\n]*)*")
_WORD = re.compile(r"[A-Za-z_:][A-Za-z0-9_:]*")
_STRING = re.compile(r"\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'|`[^`]*`", re.DOTALL)
_DIGITS = r"[0-9](?:_?[0-9])*"
_DURATION = re.compile(r"(?:[0-9]+(?:ms|[smhdwy]))+(?![A-Za-z0-9_])")
_NUMBER = re.compile(
    rf"(?:0[xX]_?[0-9A-Fa-f](?:_?[0-9A-Fa-f])*|(?:{_DIGITS}(?:\.(?:{_DIGITS})?)?|\.{_DIGITS})(?:[eE][+-]?{_DIGITS})?)"
    r"(?![A-Za-z0-9_.])"
)
_SIGN = re.compile(r"=~|!~|==|!=|>=|<=|[-+*/%^(){}\[\],:@=<>]")
_RUN = re.compile(r"[0-9A-Za-z_.]+")
_SURROGATE = re.compile("[\ud800-\udfff]")
_NOT_NUMBERS = ("inf", "nan")


@dataclass(frozen=True, slots=True)
class Token:
    """A word of an expression and its offset."""

    kind: TokenKind
    text: str
    position: int


def tokens_of(text: str) -> list[Token]:
    """All words, without spaces and comments, and an "end". Raises BadExpression."""
    found: list[Token] = []
    depth = 0
    if (odd := _SURROGATE.search(text)) is not None:
        raise BadExpression("this is half a character, which no UTF-8 holds; leave it out", odd.start())
    place = _skip(text, 0)
    while place < len(text):
        token = _next(text, place, in_brackets=depth > 0)
        depth += {"[": 1, "]": -1}.get(token.text, 0)
        found.append(token)
        place = _skip(text, place + len(token.text))
    found.append(Token("end", "", len(text)))
    return found


def _skip(text: str, place: int) -> int:
    found = _SPACE.match(text, place)
    return found.end() if found else place


def _next(text: str, place: int, in_brackets: bool) -> Token:
    first = text[place]
    if first in "\"'`":
        return _string(text, place)
    if first.isdigit() or (first == "." and text[place + 1 : place + 2].isdigit()):
        return _number(text, place)
    if word := _WORD.match(text, place):
        if in_brackets and first == ":":
            return Token("sign", ":", place)
        kind: TokenKind = "number" if word.group().lower() in _NOT_NUMBERS else "word"
        return Token(kind, word.group(), place)
    if sign := _SIGN.match(text, place):
        return Token("sign", sign.group(), place)
    raise BadExpression(f"{first!r} means nothing here; leave it out, or put it in quotes", place)


def _string(text: str, place: int) -> Token:
    found = _STRING.match(text, place)
    if found is None:
        raise BadExpression(f"the text that begins with {text[place : place + 12]} has no closing {text[place]}", place)
    return Token("string", found.group(), place)


def _number(text: str, place: int) -> Token:
    if found := _DURATION.match(text, place):
        return Token("duration", found.group(), place)
    if found := _NUMBER.match(text, place):
        return Token("number", found.group(), place)
    run = _RUN.match(text, place)
    what = run.group() if run else text[place]
    raise BadExpression(f"{what} is neither a number nor a duration such as 90s, 5m or 1h30m", place)
