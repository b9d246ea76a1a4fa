"""One evaluation: its bounds, what it may cost, what it noticed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from pacs_monitor.history.labels import Labels
from pacs_monitor.promql.errors import EvaluationError, QueryTooLong
from pacs_monitor.promql.values import Vector

_BETWEEN_LOOKS = 20_000
"""Samples between two looks at the clock: some milliseconds."""
Deadline = float | Callable[[], bool] | None
"""Seconds that a query may take, or what says that it must stop."""


@dataclass(frozen=True, slots=True)
class Note:
    """Something that a person should know about a result."""

    level: str
    """"warning" or "info"."""
    text: str
    position: int
    """Where in the expression, in characters."""


class Run:
    """What all nodes of an expression share while it is evaluated."""

    __slots__ = ("_look_at", "_must_stop", "_notes", "_spent", "end", "kept", "most", "start", "step")

    def __init__(self, start: int, end: int, most: int, deadline: Deadline, step: int = 0) -> None:
        self.start = start
        self.end = end
        """The times, in milliseconds, that `@ start()` and `@ end()` stand for."""
        self.step = step
        """Between two evaluations, in milliseconds; 0 if there is one only."""
        self.most = most
        self.kept: dict[object, object] = {}
        """What is the same at all steps, by node."""
        self._spent = 0
        self._look_at = min(_BETWEEN_LOOKS, most)
        self._must_stop = _stopper(deadline)
        self._notes: dict[Note, None] = {}

    @property
    def notes(self) -> list[Note]:
        """What was noticed, each thing once."""
        return list(self._notes)

    def note(self, level: str, text: str, position: int) -> None:
        """Remember something that a person should know."""
        self._notes[Note(level, text, position)] = None

    def spend(self, samples: int) -> None:
        """Count samples. Raises QueryTooLong if they are too many, or take too long."""
        self._spent += samples + 1
        if self._spent > self._look_at:
            self._look()

    def _look(self) -> None:
        if self._spent > self.most:
            raise QueryTooLong(f"the query reads more than {self.most:,} samples; narrow its selectors or its range")
        if self._must_stop():
            raise QueryTooLong("the query takes too long; narrow its selectors or its range")
        self._look_at = min(self._spent + _BETWEEN_LOOKS, self.most)


def _stopper(deadline: Deadline) -> Callable[[], bool]:
    if deadline is None:
        return lambda: False
    if callable(deadline):
        return deadline
    until = time.monotonic() + deadline
    return lambda: time.monotonic() > until


def unique(vector: Vector, position: int) -> Vector:
    """The same vector. Raises EvaluationError if two elements have the same labels."""
    if len(vector) > 1 and len({labels for labels, _ in vector}) < len(vector):
        twice = first_twice(labels for labels, _ in vector)
        raise EvaluationError(
            f"vector cannot contain metrics with the same labelset: {twice} comes twice once names are gone; "
            "select one metric, or aggregate first",
            position,
        )
    return vector


def label_name(text: str, position: int) -> str:
    """A text that is to name a label. Raises EvaluationError if it cannot: empty, or bytes that are no UTF-8."""
    if not text or any("\ud800" <= one <= "\udfff" for one in text):
        raise EvaluationError(
            f"{text.encode('utf-8', 'replace').decode()!r} cannot name a label; write a name", position
        )
    return text


def first_twice(labels: Iterable[Labels]) -> Labels:
    """The first that comes for the second time."""
    seen: set[Labels] = set()
    for one in labels:
        if one in seen:
            return one
        seen.add(one)
    raise ValueError("none comes twice")
