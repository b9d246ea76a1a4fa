"""How long an archive keeps what it receives: a few studies of each day are watched until they are gone.

Recycling goes by patients, and by when a patient's last image came. A phantom that is scanned each morning keeps its
first study for ever, so the oldest study says little of how long others are kept. What is watched says it: from some
day on nearly all are there, and before it nearly all are gone. Kept are numbers of the list of changes and times.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

SPACING = 3 * 3600.0
"""Seconds between two that are watched: eight a day."""
MOST_WATCHED = 2000
"""Beyond that every second one is let go."""
FEWEST_GONE = 3
"""One or two that are gone may have been deleted by hand."""


@dataclass
class Watched:
    """A study: the number of its first change, when it came (Unix time), and whether it is still there."""

    seq: int
    at: float
    there: bool = True


class Retention:
    """The studies that are watched, in the order in which they came."""

    def __init__(self, watched: Iterable[Watched] = ()) -> None:
        self.watched = list(watched)
        self._turn = 0

    @classmethod
    def remembered(cls, told: list[list[Any]]) -> Retention:
        """From what `to_remember` gave."""
        return cls(Watched(seq, at, bool(there)) for seq, at, there in told)

    def to_remember(self) -> list[list[Any]]:
        """Numbers and times, as JSON knows them."""
        return [[each.seq, each.at, int(each.there)] for each in self.watched]

    def wants(self, at: float) -> bool:
        """Whether a study of that time is to be watched."""
        return not self.watched or at >= self.watched[-1].at + SPACING

    def watch(self, seq: int, at: float) -> None:
        """Watch a study; it must be later than those before."""
        if not self.watched or seq > self.watched[-1].seq:
            self.watched.append(Watched(seq, at))
        if len(self.watched) > MOST_WATCHED:
            self.watched = self.watched[::2]

    def due(self, number: int) -> list[Watched]:
        """The next to look at, of those that are there: all take turns."""
        there = [each for each in self.watched if each.there]
        if not there:
            return []
        start = self._turn % len(there)
        self._turn = start + number
        return [*there[start:], *there[:start]][:number]

    def forget(self) -> None:
        """Begin anew: the list of changes is another one, or was emptied."""
        self.watched = []

    def kept_since(self) -> float | None:
        """Since when nearly all is kept; None while it is not known that anything was deleted."""
        split = self._split()
        if sum(not each.there for each in self.watched[:split]) < FEWEST_GONE:
            return None
        return self.watched[min(split, len(self.watched) - 1)].at

    def _split(self) -> int:
        """The place that leaves the fewest there before it and gone after it: a study deleted by hand moves nothing."""
        fewest = errors = sum(not each.there for each in self.watched)
        split = 0
        for place, each in enumerate(self.watched, 1):
            errors += 1 if each.there else -1
            if errors < fewest:
                fewest, split = errors, place
        return split
