"""Alertmanager's matchers: `alertname="x"`, `{a=b, c=~"d|e"}`, `"a name"="x"`; read and printed as it does.

Two grammars are in use. The classic one takes values without quotes and nearly anything in them; that of
Alertmanager 0.27 and later takes names of any characters, in quotes. Like those versions, this reads what either
takes, and as the classic one where both do and differ.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from pacs_monitor.history.matchers import (
    EQUAL,
    MATCH,
    NO_MATCH,
    NOT_EQUAL,
    BadRegexError,
    Matcher,
    whole_match,
)
from pacs_monitor.routing.matching_utf8 import RESERVED, BadMatcherError, go_quoted, read_triples

__all__ = [
    "BadMatcherError",
    "in_order",
    "make_matcher",
    "parse_arguments",
    "parse_matcher",
    "parse_matchers",
    "printed",
    "printed_all",
]

_TYPES = (EQUAL, NOT_EQUAL, MATCH, NO_MATCH)
_CLASSIC = re.compile(
    r"[\t\n\f\r ]*([a-zA-Z_:][a-zA-Z0-9_:]*)[\t\n\f\r ]*(=~|=|!=|!~)[\t\n\f\r ]*(.*?)[\t\n\f\r ]*", re.DOTALL
)
_ESCAPE = re.compile(r'\\([n"\\])')
_UNESCAPED_QUOTE = re.compile(r'(?:[^"\\]|\\.)*+"', re.DOTALL)


def parse_matchers(text: str) -> list[Matcher]:
    """All matchers of a text, in or without braces, separated by commas. Raises BadMatcherError with the remedy."""
    try:
        return [_classic(token) for token in _tokens(text)]
    except BadMatcherError as error:
        classic = error
    try:
        return [make_matcher(*triple) for triple in read_triples(text)]
    except BadMatcherError:
        raise classic from None


def parse_matcher(text: str) -> Matcher:
    """The one matcher of a text, without braces. Raises BadMatcherError with the remedy."""
    if text.startswith("{") or text.endswith("}"):
        raise BadMatcherError(f"{text} has a brace; write one matcher without, as in alertname=Down")
    try:
        return _classic(text)
    except BadMatcherError as error:
        classic = error
    try:
        (triple,) = read_triples(text)
    except (BadMatcherError, ValueError):
        raise classic from None
    return make_matcher(*triple)


def parse_arguments(arguments: Sequence[str]) -> list[Matcher]:
    """As amtool takes matchers on its command line: a first argument that is no matcher is an alert's name.

    Raises BadMatcherError with the remedy.
    """
    found = []
    for number, argument in enumerate(arguments):
        try:
            found.append(parse_matcher(argument))
        except BadMatcherError:
            if number or any(operator in argument for operator in ("=", "!~")):
                raise
            found.append(make_matcher(EQUAL, "alertname", argument))
    return found


def make_matcher(op: str, name: str, value: str) -> Matcher:
    """A matcher in whose regular expression `.` takes no line break, as in Alertmanager. Raises BadMatcherError."""
    try:
        matcher = Matcher(op, name, value)
        if op in (MATCH, NO_MATCH):
            object.__setattr__(matcher, "_search", whole_match(f"(?-s:{value})"))
    except BadRegexError as error:
        raise BadMatcherError(f"{name}{op}{value}: {error}; write a regular expression of RE2") from None
    return matcher


def in_order(matchers: Iterable[Matcher]) -> tuple[Matcher, ...]:
    """Sorted as Alertmanager has them: by name, value and operator."""
    return tuple(sorted(matchers, key=lambda one: (one.name, one.value, _TYPES.index(one.op))))


def printed(matcher: Matcher) -> str:
    """As Alertmanager prints one: quotes around the value, and around a name that needs them."""
    if any(one in RESERVED or one.isspace() for one in matcher.name):
        return f"{go_quoted(matcher.name)}{matcher.op}{go_quoted(matcher.value)}"
    value = matcher.value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
    return f'{matcher.name}{matcher.op}"{value}"'


def printed_all(matchers: Iterable[Matcher]) -> str:
    """In braces, as group keys have them: `{a="b",c=~"d"}`."""
    return "{" + ",".join(map(printed, matchers)) + "}"


def _tokens(text: str) -> list[str]:
    """The matchers of a text, cut at commas that stand in no quotes."""
    text = text.removeprefix("{").removesuffix("}")
    found, start = [], 0
    quoted = escaped = False
    for place, one in enumerate(text):
        if one == "," and not quoted:
            found.append(text[start:place])
            start = place + 1
        elif one == '"':
            quoted ^= not escaped
        escaped = one == "\\" and not escaped
    last = text[start:].strip()
    return [*found, last] if last else found


def _classic(text: str) -> Matcher:
    parts = _CLASSIC.fullmatch(text)
    if parts is None:
        raise BadMatcherError(
            f"{text.strip() or 'nothing'} is no matcher; write a label, an operator and a value: {_AS}"
        )
    name, op, raw = parts.groups()
    value = raw[1:] if raw.startswith('"') else raw
    closing = _UNESCAPED_QUOTE.match(value)
    # A quote may only be where the value ends, and must be if one is where it begins.
    if (closing.end() != len(value) if closing else raw != value) or (closing and raw == value):
        raise BadMatcherError(rf"{text.strip()} has a lone quote in its value; write \" for one that belongs to it")
    value = value[:-1] if closing else value
    return make_matcher(op, name, _ESCAPE.sub(lambda found: "\n" if found[1] == "n" else found[1], value))


_AS = 'alertname="Down" or node=~"ct.*"'
