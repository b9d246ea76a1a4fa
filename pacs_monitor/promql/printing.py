"""Expressions as Prometheus prints them."""

from __future__ import annotations

import math

from pacs_monitor.history.labels import NAME
from pacs_monitor.history.matchers import EQUAL
from pacs_monitor.promql import ast
from pacs_monitor.promql.numbers import number_text

_UNITS = (("y", 31_536_000_000), ("w", 604_800_000), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000))
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")


def text_of(expr: ast.Expr) -> str:
    """The canonical text of an expression."""
    match expr:
        case ast.Number():
            return "NaN" if math.isnan(expr.value) else number_text(expr.value)
        case ast.String():
            return quoted(expr.value)
        case ast.Selector():
            return _selected(expr) + _modifiers(expr.at, expr.offset)
        case ast.Range(selector=inner):
            return f"{_selected(inner)}[{duration_text(expr.duration)}]{_modifiers(inner.at, inner.offset)}"
        case ast.Subquery():
            step = "" if expr.step is None else duration_text(expr.step)
            return f"{text_of(expr.inner)}[{duration_text(expr.duration)}:{step}]{_modifiers(expr.at, expr.offset)}"
        case ast.Paren():
            return f"({text_of(expr.inner)})"
        case ast.Negation():
            return f"-{text_of(expr.inner)}"
        case ast.Binary():
            return f"{text_of(expr.left)} {expr.op}{_bool(expr)}{_matching(expr)} {text_of(expr.right)}"
        case ast.Aggregation():
            return f"{expr.op}{_grouping(expr)}({_arguments(ast.children(expr))})"
        case ast.Call():
            return f"{expr.name}({_arguments(expr.arguments)})"
        case _:
            raise TypeError(type(expr).__name__)


def quoted(text: str) -> str:
    """A text in double quotes."""
    return '"' + text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n") + '"'


def duration_text(milliseconds: int) -> str:
    """A duration in the largest units, such as 1h30m."""
    if milliseconds == 0:
        return "0s"
    pieces = []
    left = abs(milliseconds)
    for unit, length in _UNITS:
        # Prometheus prints years, weeks and days only where nothing is left of them.
        if left >= length and (unit not in "ywd" or unit == "d" or left % length == 0):
            pieces.append(f"{left // length}{unit}")
            left %= length
    if left:
        pieces.append(f"{left}ms")
    return ("-" if milliseconds < 0 else "") + "".join(pieces)


def _name(text: str) -> str:
    plain = text and not text[0].isdigit() and _PLAIN.issuperset(text)
    return text if plain else quoted(text)


def _names(names: tuple[str, ...]) -> str:
    return ", ".join(map(_name, names))


def _selected(expr: ast.Selector) -> str:
    name = expr.name
    plain = bool(name) and not name[0].isdigit() and _PLAIN.issuperset(name.replace(":", ""))
    inner = [] if plain or not name else [quoted(name)]
    skipped = False
    for one in expr.matchers:
        if one.name == NAME and one.op == EQUAL and one.value == name and name and not skipped:
            skipped = True
            continue
        inner.append(f"{_name(one.name)}{one.op}{quoted(one.value)}")
    braces = "{" + ",".join(inner) + "}" if inner else ""
    return (name if plain else "") + braces


def _modifiers(at: int | str | None, offset: int) -> str:
    moment = "" if at is None else f" @ {at / 1000:.3f}" if isinstance(at, int) else f" @ {at}()"
    return moment + (f" offset {duration_text(offset)}" if offset else "")


def _bool(expr: ast.Binary) -> str:
    return " bool" if expr.returns_bool else ""


def _matching(expr: ast.Binary) -> str:
    matching = expr.matching
    if matching is None or (not matching.labels and not matching.on and not matching.many):
        return ""
    text = f" {'on' if matching.on else 'ignoring'} ({_names(matching.labels)})"
    return text + (f" group_{matching.many} ({_names(matching.include)})" if matching.many else "")


def _grouping(expr: ast.Aggregation) -> str:
    if expr.without:
        return f" without ({_names(expr.labels)}) "
    return f" by ({_names(expr.labels)}) " if expr.labels else ""


def _arguments(arguments: tuple[ast.Expr, ...]) -> str:
    return ", ".join(map(text_of, arguments))


def label_text(name: str, value: str) -> str:
    """`name="value"`; a name of unusual characters in quotes."""
    return f"{_name(name)}={quoted(value)}"
