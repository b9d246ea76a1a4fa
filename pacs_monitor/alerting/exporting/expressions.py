"""Other selectors in the text of an expression, which stays as it is laid out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from pacs_monitor.promql.ast import Expr, Selector, children
from pacs_monitor.promql.features import EVERY
from pacs_monitor.promql.parse import parse
from pacs_monitor.promql.tokens import tokens_of

Change = Callable[[Selector], Selector]


def selectors_in(expr: Expr) -> Iterator[Selector]:
    """All selectors, those of ranges as well."""
    if isinstance(expr, Selector):
        yield expr
    for inner in children(expr):
        yield from selectors_in(inner)


def with_selectors(text: str, change: Change) -> str:
    """The text with each selector as `change` gives it; comments go only where a selector is another."""
    for selector in sorted(selectors_in(parse(text, EVERY)), key=lambda one: one.position, reverse=True):
        changed = change(selector)
        if changed != selector:
            end = _end(text, selector.position)
            text = text[: selector.position] + str(replace(changed, offset=0, at=None)) + text[end:]
    return text


def _end(text: str, start: int) -> int:
    """Where a selector ends, without its modifiers."""
    tokens = [token for token in tokens_of(text) if token.position >= start]
    place = 0 if tokens[0].text == "{" else 1
    if (tokens[place].kind, tokens[place].text) != ("sign", "{"):
        return start + len(tokens[0].text)
    return next(token.position + 1 for token in tokens if (token.kind, token.text) == ("sign", "}"))
