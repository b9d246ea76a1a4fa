"""label_replace and label_join."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from pacs_monitor.history.labels import NAME, Labels
from pacs_monitor.history.matchers import BadRegexError, whole_match
from pacs_monitor.promql import ast
from pacs_monitor.promql.errors import EvaluationError
from pacs_monitor.promql.functions.parts import Builder, planned, text_of
from pacs_monitor.promql.plan import Plan, Settings
from pacs_monitor.promql.run import Run, label_name, unique
from pacs_monitor.promql.values import Vector

_VARIABLE = re.compile(r"\$(?:(?P<dollar>\$)|\{(?P<braced>\w+)\}|(?P<plain>\w+))")
_MOST_KNOWN = 50_000


class _Relabelling:
    """New labels for old ones, remembered: a rule asks for the same series again and again."""

    def __init__(self, label: str, value: Callable[[Labels], str | None]) -> None:
        self._label = label
        self._value = value
        self._known: dict[tuple[Labels, bool], Labels] = {}

    def __call__(self, labels: Labels) -> Labels:
        key = (labels, labels.name_goes)
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            found = self._known[key] = self._changed(labels)
        return found

    def _changed(self, labels: Labels) -> Labels:
        value = self._value(labels)
        if value is None:
            return labels
        made = labels.changed({self._label: value})
        return made.with_name_to_go() if labels.name_goes and self._label != NAME else made


def _relabelled(expr: ast.Call, arguments: tuple[Plan, ...], relabel: _Relabelling) -> Plan:
    inner, position = arguments[0].evaluate, expr.position

    def evaluate(run: Run, at: int) -> Vector:
        return unique([(relabel(labels), value) for labels, value in inner(run, at)], position)

    return planned(evaluate, arguments)


def _replace(expr: ast.Call, arguments: tuple[Plan, ...], settings: Settings) -> Plan:
    label, template, source, pattern = (text_of(one) for one in expr.arguments[1:])
    label_name(label, expr.position)
    try:
        match: Callable[[str], Any] = whole_match(pattern)
    except BadRegexError as error:
        raise EvaluationError(f"{pattern} is no regular expression of RE2: {error}", expr.position) from None

    def value(labels: Labels) -> str | None:
        found = match(labels.get(source))
        return None if found is None else expanded(template, found)

    return _relabelled(expr, arguments, _Relabelling(label, value))


def expanded(template: str, match: Any) -> str:
    """A template in which $1, ${1} and ${name} stand for groups, $$ for a dollar; unknown groups are empty."""

    def group(variable: re.Match[str]) -> str:
        if variable["dollar"]:
            return "$"
        name = variable["braced"] or variable["plain"]
        number = int(name) if name.isdecimal() else match.re.groupindex.get(name, -1)
        return (match.group(number) or "") if 0 <= number <= match.re.groups else ""

    return _VARIABLE.sub(group, template)


def _join(expr: ast.Call, arguments: tuple[Plan, ...], settings: Settings) -> Plan:
    label, separator, *sources = (text_of(one) for one in expr.arguments[1:])
    for name in (label, *sources):
        label_name(name, expr.position)

    def value(labels: Labels) -> str:
        return separator.join(map(labels.get, sources))

    return _relabelled(expr, arguments, _Relabelling(label, value))


BUILDERS: dict[str, Builder] = {"label_replace": _replace, "label_join": _join}
