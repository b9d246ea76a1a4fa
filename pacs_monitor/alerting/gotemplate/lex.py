"""Splits a template into texts and the tokens of its actions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from pacs_monitor.alerting.gotemplate.errors import TemplateRefused

TEXT, OPEN, CLOSE, SPACE, FIELD, VARIABLE, WORD, NUMBER, STRING, CHAR, SIGN, END = (
    "text",
    "{{",
    "}}",
    "space",
    "field",
    "variable",
    "word",
    "number",
    "string",
    "char",
    "sign",
    "end",
)
_BLANK = " \t\r\n"
_REMEDIES = {
    "<>!": "compare with lt, gt or ne, as in {{ if gt $value 3.0 }}",
    "+*/%": "calculate in the rule's expression",
    "[": 'write index $labels "name"',
    "-": 'write index $labels "a-b" for a label a-b, and calculate in the rule\'s expression',
    "&": "write and, as in {{ if and $labels.a $labels.b }}",
}
_TOKEN = re.compile(
    r"(?P<space>[ \t\r\n]+)"
    r"|(?P<close>}})"
    r"|(?P<string>\"(?:[^\"\\\n]|\\.)*\"|`[^`]*`)"
    r"|(?P<char>'(?:[^'\\\n]|\\.)*')"
    r"|(?P<number>[+-]?(?:0[xX][\da-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+|(?:\d[\d_]*(?:\.[\d_]*)?|\.\d[\d_]*)(?:[eE][+-]?\d+)?))"
    r"|(?P<field>\.[^\W\d]\w*)"
    r"|(?P<variable>\$\w*)"
    r"|(?P<word>[^\W\d]\w*)"
    r"|(?P<sign>:=|=|\||\(|\)|,|\.)"
)


class Token(NamedTuple):
    """A piece of a template: what it is, its text, and its place."""

    kind: str
    text: str
    at: int
    """Characters from the beginning."""


def tokens(template: str) -> Iterator[Token]:
    """All pieces in order, comments left out; the last is END. Raises TemplateRefused."""
    at, trim = 0, False
    while True:
        opening = template.find("{{", at)
        text = template[at : opening if opening >= 0 else len(template)]
        start = at
        if trim:
            kept = text.lstrip(_BLANK)
            start, text = at + len(text) - len(kept), kept
        trims_before = opening >= 0 and _trims(template, opening)
        if trims_before:
            text = text.rstrip(_BLANK)
        if text:
            yield Token(TEXT, text, start)
        if opening < 0:
            yield Token(END, "", len(template))
            return
        inside = opening + (3 if trims_before else 2)
        comment = _comment_end(template, inside, opening)
        if comment is not None:
            at, trim = comment
            continue
        yield Token(OPEN, "{{", opening)
        for token in _action(template, inside, opening):
            yield token
            if token.kind == CLOSE:
                at = token.at + len(token.text)
                trim = len(token.text) > 2


def _trims(template: str, opening: int) -> bool:
    return template[opening + 2 : opening + 3] == "-" and template[opening + 3 : opening + 4] in tuple(_BLANK)


def _comment_end(template: str, inside: int, opening: int) -> tuple[int, bool] | None:
    """Where a comment's action ends and whether it trims what follows; None if it is no comment."""
    start = inside + 1 if template[inside : inside + 1] in tuple(_BLANK) and template[inside - 1] == "-" else inside
    if not template.startswith("/*", start):
        return None
    end = template.find("*/", start)
    if end < 0:
        raise TemplateRefused("has a comment without its end; close it with */}}", opening)
    if template.startswith("}}", end + 2):
        return end + 4, False
    if re.match(r"[ \t\r\n]-}}", template[end + 2 : end + 6]):
        return end + 6, True
    raise TemplateRefused("has a comment that shares its braces; write {{/* comment */}} alone", opening)


def _action(template: str, at: int, opening: int) -> Iterator[Token]:
    depth = 0
    while at < len(template):
        if template[at - 1] in _BLANK and template.startswith("-}}", at):
            _check_parentheses(depth, opening)
            yield Token(CLOSE, "-}}", at)
            return
        found = _TOKEN.match(template, at)
        if found is None:
            raise _not_a_token(template, at)
        kind, text = found.lastgroup or "", found[0]
        depth += (text == "(") - (text == ")") if kind == "sign" else 0
        if kind == "close":
            _check_parentheses(depth, opening)
            yield Token(CLOSE, text, at)
            return
        if depth < 0:
            raise TemplateRefused("has a ')' that nothing opened; remove it", at)
        yield Token(kind, text, at)
        at = found.end()
    raise TemplateRefused("has {{ without its end; close it with }}", opening)


def _check_parentheses(depth: int, opening: int) -> None:
    if depth > 0:
        raise TemplateRefused("has a '(' that is not closed; close it with )", opening)


def _not_a_token(template: str, at: int) -> TemplateRefused:
    char = template[at]
    if char in "\"`'":
        return TemplateRefused(f"has a quote {char} that is not closed; close it", at)
    if template.startswith("/*", at):
        return TemplateRefused("has a comment that shares its braces; write {{/* comment */}} alone", at)
    if template.startswith("{{", at):
        return TemplateRefused("has {{ inside of {{; close the first with }}", at)
    remedy = next((remedy for chars, remedy in _REMEDIES.items() if char in chars), "remove it")
    return TemplateRefused(f"holds {char!r}, which has no meaning between {{{{ and }}}}; {remedy}", at)
