"""The matchers of Alertmanager 0.27 and later: names of any characters, which need quotes if any is reserved."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pacs_monitor.promql.errors import BadExpression
from pacs_monitor.promql.literals import text_in

RESERVED = "{}!=~,\\\"'`"
"""What needs quotes, beside all white space."""
_PLAIN = rf"[^\s{re.escape(RESERVED)}]+"
_TOKEN = re.compile(
    rf'(?P<sign>[{{}},])|(?P<op>=~|=|!=|!~)|(?P<quoted>"(?:[^"\\]|\\.)*+")|(?P<plain>{_PLAIN})', re.DOTALL
)
_SHORT = {"\a": r"\a", "\b": r"\b", "\f": r"\f", "\n": r"\n", "\r": r"\r", "\t": r"\t", "\v": r"\v"}
Triple = tuple[str, str, str]
"""Operator, name and value."""


class BadMatcherError(ValueError):
    """What cannot be read as matchers; the sentence says what to write."""


def read_triples(text: str) -> list[Triple]:
    """Raises BadMatcherError."""
    tokens = list(_scan(text))
    if tokens and tokens[0] == ("sign", "{"):
        if len(tokens) < 2 or tokens[-1] != ("sign", "}"):
            raise BadMatcherError(f"{text} opens a brace and does not close it; write a closing one, or none")
        tokens = tokens[1:-1]
    found = []
    while tokens:
        if [kind for kind, _ in tokens[1:2]] != ["op"] or len(tokens) < 3:
            raise BadMatcherError(f"{text} is no matcher; write a label, an operator and a value")
        (name, (_, op), value), tokens = tokens[:3], tokens[3:]
        found.append((op, _text(name), _text(value)))
        if tokens and tokens.pop(0) != ("sign", ","):
            raise BadMatcherError(f"{text} has more after a value; separate matchers by commas, or use quotes")
    return found


def go_quoted(text: str) -> str:
    """In double quotes as Go writes texts."""
    return '"' + "".join(map(_escaped, text)) + '"'


def _scan(text: str) -> Iterator[tuple[str, str]]:
    place = 0
    while place < len(text):
        if text[place].isspace():
            place += 1
            continue
        found = _TOKEN.match(text, place)
        if found is None:
            raise BadMatcherError(f"{text} has {text[place]} where it means nothing; put names and values in quotes")
        yield str(found.lastgroup), found[0]
        place = found.end()


def _text(token: tuple[str, str]) -> str:
    kind, text = token
    if kind == "plain":
        return text
    if kind != "quoted" or "\n" in text:
        raise BadMatcherError(f"{text} is neither a label nor a value; put it in quotes if it is")
    try:
        return text_in(text)
    except BadExpression as error:
        raise BadMatcherError(str(error)) from None


def _escaped(one: str) -> str:
    if one in '"\\':
        return f"\\{one}"
    if one.isprintable():
        return one
    code = ord(one)
    long = f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
    return _SHORT.get(one) or (f"\\x{code:02x}" if code < 0x80 else long)
