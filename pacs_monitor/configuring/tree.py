"""What a settings file holds, as a tree that knows file, line and path of each value."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple


@dataclass(frozen=True, slots=True, eq=False)
class Scalar:
    """A text, or None for null, `~` and nothing."""

    file: str
    line: int
    path: str
    text: str | None
    variable: str = ""
    """The environment variable that the text, or a part of it, came from."""


class Entry(NamedTuple):
    """A value in a mapping, and the line of its key."""

    line: int
    value: Value


@dataclass(frozen=True, slots=True, eq=False)
class Map:
    """Keys as typed, in order, with merge keys already followed."""

    file: str
    line: int
    path: str
    entries: dict[str, Entry]
    size: int = 1
    """How many values it stands for, with every alias written out."""

    def get(self, key: str) -> Value | None:
        """The value under a key; None if there is none."""
        entry = self.entries.get(key)
        return entry.value if entry else None


@dataclass(frozen=True, slots=True, eq=False)
class Items:
    """A list."""

    file: str
    line: int
    path: str
    items: list[Value]
    size: int = 1
    """How many values it stands for, with every alias written out."""


Value = Scalar | Map | Items


def is_null(value: Value | None) -> bool:
    """Whether a value is null or not there at all."""
    return value is None or (isinstance(value, Scalar) and value.text is None)


def plain(value: Value) -> Any:
    """Text, None, lists and dicts. What an alias shares stays shared, so treat the result as read-only."""
    if isinstance(value, Scalar):
        return value.text
    if isinstance(value, Items):
        return [plain(item) for item in value.items]
    return {key: plain(entry.value) for key, entry in value.entries.items()}


def texts(value: Value) -> Iterator[str]:
    """Every key and text in a value."""
    if isinstance(value, Scalar):
        yield value.text or ""
    elif isinstance(value, Items):
        for item in value.items:
            yield from texts(item)
    else:
        for key, entry in value.entries.items():
            yield key
            yield from texts(entry.value)


def size_of(value: Value) -> int:
    """How many values a value stands for, with every alias written out."""
    return 1 if isinstance(value, Scalar) else value.size


class Place(NamedTuple):
    """Where something stands, when it is not a value of its own: a key, or a setting that is missing."""

    file: str
    line: int
    path: str


def below(value: Map, key: str) -> Place:
    """Where a setting of a mapping stands: its key's line if it is there, else the mapping's."""
    entry = value.entries.get(key)
    if entry is None:
        return Place(value.file, value.line, f"{value.path}.{key}" if value.path else key)
    return Place(entry.value.file, entry.line, entry.value.path)
