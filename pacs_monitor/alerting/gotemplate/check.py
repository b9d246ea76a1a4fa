"""What can be told of a template before its first use: functions, fields and patterns that there are not.

What Go's parser refuses, Prometheus does not load, and neither do we. What fails only when a template is expanded,
Prometheus loads, and shows an error in its place; such flaws are gathered.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from pacs_monitor.alerting.gotemplate import strings
from pacs_monitor.alerting.gotemplate.errors import Flaw, TemplateRefused
from pacs_monitor.alerting.gotemplate.functions import FUNCTIONS, REFUSED
from pacs_monitor.alerting.gotemplate.nodes import (
    Action,
    Branch,
    Chain,
    Command,
    Constant,
    Field,
    Nil,
    Node,
    Pipe,
    Statement,
    Variable,
    Word,
)
from pacs_monitor.alerting.gotemplate.values import DATA_FIELDS
from pacs_monitor.configuring.fields import suggestion

_TEXTS = ("$labels", "$externalLabels")
_COMPARISONS = ("eq", "ne", "lt", "le", "gt", "ge")
_NO_FIELDS = ("$value", "$externalURL")


@dataclass
class Called:
    """What a template calls."""

    functions: set[str] = field(default_factory=set)
    queries: list[str] = field(default_factory=list)
    """What it gives to `query`, as far as that is fixed."""
    flaws: list[Flaw] = field(default_factory=list)
    """What will fail at each expansion."""

    def flaw(self, message: str, at: int) -> None:
        """One more."""
        self.flaws.append(Flaw(message, at))


def check(body: Iterable[Statement]) -> Called:
    """What a template calls. Raises TemplateRefused."""
    called = Called()
    for pipe, is_data in _pipes(body, True):
        _check_pipe(pipe, is_data, called)
    return called


def _pipes(body: Iterable[Statement], is_data: bool) -> Iterator[tuple[Pipe, bool]]:
    """Every pipe, and whether `.` is still the alert's data there."""
    for statement in body:
        if isinstance(statement, Action):
            yield statement.pipe, is_data
        elif isinstance(statement, Branch):
            yield statement.pipe, is_data
            yield from _pipes(statement.body, is_data and statement.kind == "if")
            yield from _pipes(statement.otherwise, is_data)


def _check_pipe(pipe: Pipe, is_data: bool, called: Called) -> None:
    for place, command in enumerate(pipe.commands):
        first = command.words[0]
        if isinstance(first, Word):
            called.functions.add(first.name)
            _check_call(first, command, len(command.words) - 1 + (place > 0), called)
            called.queries.extend(_query(first, pipe, place))
        else:
            _check_value(first, len(command.words) > 1 or place > 0, called)
        for word in command.words[isinstance(first, Word) :]:
            _check_word(word, is_data, called)


def _query(word: Word, pipe: Pipe, place: int) -> Iterator[str]:
    if word.name == "query":
        words = pipe.commands[place].words[1:] or pipe.commands[place - 1].words
        if len(words) == 1 and isinstance(words[0], Constant) and isinstance(words[0].value, str):
            yield words[0].value


def _check_value(first: Node, has_arguments: bool, called: Called) -> None:
    """What stands where a function may, and is none."""
    if has_arguments and isinstance(first, Chain):
        raise TemplateRefused(f"calls a method of {first.node}, which is not supported here; leave it out", first.at)
    if has_arguments:
        called.flaw(f"gives values to {first}, which is no function; write one before it, as print", first.at)
    elif isinstance(first, Nil):
        called.flaw("prints nil, which cannot be printed; remove it", first.at)


def _check_word(word: Node, is_data: bool, called: Called) -> None:
    if isinstance(word, Pipe):
        _check_pipe(word, is_data, called)
    elif isinstance(word, Chain):
        _check_word(word.node, is_data, called)
    elif isinstance(word, Word):
        called.functions.add(word.name)
        _check_count(word, 0, called)
    elif isinstance(word, Field) and is_data and word.names[0] not in DATA_FIELDS:
        known = "$labels, $value, $externalLabels and $externalURL"
        called.flaw(f"uses .{word.names[0]}, which alerts do not have; there is {known}", word.at)
    elif isinstance(word, Variable):
        _check_variable(word, called)


def _check_variable(word: Variable, called: Called) -> None:
    if word.name in _NO_FIELDS and word.names:
        called.flaw(f"asks for a field of {word.name}, which has none; write {word.name}", word.at)
    if word.name in _TEXTS and len(word.names) > 1:
        shorter = f"{word.name}.{word.names[0]}"
        called.flaw(f"asks for a field of {shorter}, which is text; write {shorter}", word.at)


def _check_known(word: Word) -> None:
    if word.name in REFUSED:
        raise TemplateRefused(f"calls {word.name}: {REFUSED[word.name]}", word.at)
    if word.name not in FUNCTIONS:
        hint = suggestion(word.name, FUNCTIONS)
        raise TemplateRefused(f"calls {word.name}, and there is no such function; {hint}", word.at)


def _check_count(word: Word, count: int, called: Called) -> None:
    _check_known(word)
    fault = FUNCTIONS[word.name].count_fault(count)
    if fault:
        called.flaw(f"gives {word.name} the wrong number of values ({fault}); correct them", word.at)


def _check_call(word: Word, command: Command, count: int, called: Called) -> None:
    _check_count(word, count, called)
    if word.name in ("match", "reReplaceAll") and len(command.words) > 1:
        _check_pattern(command.words[1], called)
    if word.name in _COMPARISONS:
        _check_comparison(command, called)
    if word.name == "printf" and len(command.words) > 1:
        _check_format(command.words[1])


def _check_comparison(command: Command, called: Called) -> None:
    """Go compares no whole number with one that is not."""
    words = command.words[1:]
    if not any((isinstance(one, Variable) and one.name == "$value") or str(one) == ".Value" for one in words):
        return
    for one in words:
        if isinstance(one, Constant) and type(one.value) is int:
            message = f"compares the value with {one}, and Go takes that for another kind of number; write {one}.0"
            called.flaw(message, one.at)


def _check_format(word: Node) -> None:
    text = str(word.value).replace("%%", "") if isinstance(word, Constant) else ""
    if re.search(r"%[+\-# 0]*\[", text):
        message = "numbers the values of printf, as in %[1]d, which is not supported here; give them in order"
        raise TemplateRefused(message, word.at)
    if re.search(r"%[+\- 0]*#[+\-# 0]*[\d.*]*[veEfFgG]", text):
        raise TemplateRefused("has # before a verb of printf that is not supported with it here; leave it out", word.at)


def _check_pattern(word: Node, called: Called) -> None:
    if not isinstance(word, Constant) or not isinstance(word.value, str):
        return
    try:
        strings.compiled(word.value)
    except ValueError as error:
        called.flaw(f"{error}; correct the pattern", word.at)
