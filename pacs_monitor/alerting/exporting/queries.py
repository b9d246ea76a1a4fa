"""The queries that a template makes by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from pacs_monitor.alerting.gotemplate.nodes import Action, Branch, Chain, Constant, Node, Pipe, Statement, Word
from pacs_monitor.alerting.gotemplate.parse import parse
from pacs_monitor.alerting.gotemplate.template import VARIABLES
from pacs_monitor.promql.printing import quoted


class MadeUp(ValueError):
    """A query is known only once the alert is there."""


def with_queries(text: str, change: Callable[[str], str]) -> str:
    """The template with each query as `change` gives it. Raises MadeUp."""
    found = [one for pipe in _pipes(parse(text, VARIABLES)) for one in _queries(pipe)]
    for query in sorted(found, key=lambda one: one.at, reverse=True):
        old = str(query.value)
        new = change(old)
        if new != old:
            text = text[: query.at] + quoted(new) + text[query.at + len(query.text) :]
    return text


def _pipes(body: Iterable[Statement]) -> Iterator[Pipe]:
    for statement in body:
        if isinstance(statement, Action):
            yield from _inside(statement.pipe)
        elif isinstance(statement, Branch):
            yield from _inside(statement.pipe)
            yield from _pipes(statement.body)
            yield from _pipes(statement.otherwise)


def _inside(node: Node) -> Iterator[Pipe]:
    """A pipe and those in its parentheses."""
    if isinstance(node, Chain):
        yield from _inside(node.node)
    elif isinstance(node, Pipe):
        yield node
        for command in node.commands:
            for word in command.words:
                yield from _inside(word)


def _queries(pipe: Pipe) -> Iterator[Constant]:
    for place, command in enumerate(pipe.commands):
        first = command.words[0]
        if not isinstance(first, Word) or first.name != "query":
            continue
        words = command.words[1:] or pipe.commands[place - 1].words
        if len(words) == 1 and isinstance(words[0], Constant) and isinstance(words[0].value, str):
            yield words[0]
        else:
            raise MadeUp
