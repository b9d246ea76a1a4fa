"""The order in which Alertmanager tells sets of labels, and the alerts of a group."""

from __future__ import annotations

from collections.abc import Mapping
from functools import total_ordering
from typing import Any


@total_ordering
class InOrder:
    """A key to sort sets of labels by: fewer first, then by the first name that tells two apart.

    There a missing label comes before any value, and else the smaller value.
    """

    __slots__ = ("_labels", "_names", "_values")

    def __init__(self, labels: Mapping[str, str]) -> None:
        self._labels = labels
        self._names = tuple(sorted(labels))
        self._values = tuple(labels[name] for name in self._names)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, InOrder) and self._names == other._names and self._values == other._values

    def __hash__(self) -> int:
        return hash(self._values)

    def __lt__(self, other: InOrder) -> bool:
        if self._names == other._names:
            return self._values < other._values
        if len(self._names) != len(other._names):
            return len(self._names) < len(other._names)
        for name in sorted({*self._names, *other._names}):
            mine, theirs = self._labels.get(name), other._labels.get(name)
            if mine != theirs:
                return mine is None or (theirs is not None and mine < theirs)
        return False


def in_group(labels: Mapping[str, str]) -> tuple[Any, ...]:
    """A key to sort the alerts of a group by their labels: by `job`, by `instance`, then by all."""
    first = [(name not in labels, labels.get(name, "")) for name in ("job", "instance")]
    return (*first, InOrder(labels))
