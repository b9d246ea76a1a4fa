"""What a Nagios plugin prints: a line for people, and after a bar its performance data.

Source: the Monitoring Plugins' development guidelines, "Plugin Output for Nagios" and "Performance data".
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import NamedTuple

MOST_VALUES = 1024
"""So many values of one output are looked at."""

_NUMBER = r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?"
_LABEL = re.compile(r"\s*(?:'((?:[^']|'')*)'|([^\s='][^=\s]*))=")
_VALUE = re.compile(rf"({_NUMBER})([a-zA-Zµ%]*)", re.ASCII)
_RANGE = re.compile(rf"(?:(~|{_NUMBER})?:)?({_NUMBER})?", re.ASCII)
_REST = re.compile(r"\S*")

UNITS: dict[str, tuple[str, float]] = {
    "s": ("seconds", 1.0),
    "ms": ("seconds", 1e-3),
    "us": ("seconds", 1e-6),
    "%": ("ratio", 1e-2),
    "b": ("bytes", 1.0),
    "kb": ("bytes", 1e3),
    "mb": ("bytes", 1e6),
    "gb": ("bytes", 1e9),
    "tb": ("bytes", 1e12),
    "kib": ("bytes", 2.0**10),
    "mib": ("bytes", 2.0**20),
    "gib": ("bytes", 2.0**30),
    "tib": ("bytes", 2.0**40),
    "c": ("total", 1.0),
    "": ("", 1.0),
}
"""A plugin's unit, in small letters: the base unit, and by what to multiply."""


class Value(NamedTuple):
    """One value in base units, with the limits that the plugin told along with it."""

    name: str
    unit: str
    value: float
    limits: dict[str, float]
    """By `warning`, `critical` (above which), `warning_low`, `critical_low` (below which), `min`, `max`."""


def first_line(output: str) -> str:
    """What the plugin has to say to people, without its performance data."""
    return output.partition("\n")[0].partition("|")[0].strip()


def values(output: str) -> Iterator[Value]:
    """The values of a plugin's output; what is not written as it should be is passed over."""
    text = _perfdata(output)
    place = 0
    for _ in range(MOST_VALUES):
        label = _LABEL.match(text, place)
        if label is None:
            place = _next(text, place)
            if place >= len(text):
                return
            continue
        rest = _REST.match(text, label.end())
        words = rest[0] if rest else ""
        place = label.end() + len(words)
        name = label[1].replace("''", "'") if label[1] is not None else label[2]
        found = _value(name, words.split(";"))
        if found is not None:
            yield found


def _next(text: str, place: int) -> int:
    """Where the next word begins."""
    while place < len(text) and text[place].isspace():
        place += 1
    while place < len(text) and not text[place].isspace():
        place += 1
    return place


def _perfdata(output: str) -> str:
    """What follows the bar in the first line, and what follows the second bar in all lines below."""
    first, _, below = output.partition("\n")
    return f"{first.partition('|')[2]} {below.partition('|')[2]}"


def _value(name: str, fields: list[str]) -> Value | None:
    match = _VALUE.fullmatch(fields[0])
    if match is None or (told := UNITS.get(match[2].replace("µ", "u").lower())) is None:
        return None  # U stands for a value that the plugin could not find out
    unit, factor = told
    number = float(match[1]) * factor
    return Value(name, unit, number, _limits(fields[1:5], factor)) if math.isfinite(number) else None


def _limits(fields: list[str], factor: float) -> dict[str, float]:
    """Alert is outside of `low:high`; no low is 0, which says nothing of most values; `@` alerts inside: not told."""
    found: dict[str, str | None] = {}
    for word, field in zip(("warning", "critical"), fields[:2], strict=False):
        match = _RANGE.fullmatch(field)
        if match:
            found[f"{word}_low"], found[word] = match[1] if match[1] != "~" else None, match[2]
    for word, field in zip(("min", "max"), fields[2:4], strict=False):
        found[word] = field if re.fullmatch(_NUMBER, field, re.ASCII) else None
    numbers = {word: float(text) * factor for word, text in found.items() if text}
    return {word: number for word, number in numbers.items() if math.isfinite(number)}
