"""Puts the same question to both sides, and counts what came of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field

from tests.promql.grammar import CLOSE, Drawn
from tests.promql.sides import Answer, Key, Ours, Refused, Theirs, When, close

FILTERS = frozenset(("==", "!=", ">", "<", ">=", "<="))
STRICTER = "multiple matches for labels"
"""What version 3 refuses, and version 2 only if the comparison leaves two of these matches."""
SLACK = 1e-9
"""What answers may differ around 0 where sums cancel out, of samples of about 1 to 1000."""


@dataclass
class Judges:
    """Both sides over the same series, and what they were asked."""

    ours: Ours
    theirs: Theirs
    sorts: Collection[str]
    """What puts its elements in order, if it is outermost."""
    tops: Collection[str]
    """What takes some of its elements, if it is outermost."""
    comparisons: int = 0
    refused: int = 0
    stricter: int = 0
    filled: int = 0
    asked: Counter[str] = field(default_factory=Counter)
    """How often a word was in an expression with an answer that was not empty."""
    filled_by: Counter[str] = field(default_factory=Counter)
    """The same, of the outermost."""
    different: set[int] = field(default_factory=set)
    """Hashes of answers."""

    def __str__(self) -> str:
        return (
            f"{self.comparisons:,} comparisons: {self.filled:,} answers with values ({len(self.different):,} different "
            f"ones), {self.refused:,} refused by both, {self.stricter:,} by version 3 only"
        )

    def compare(self, drawn: Drawn, when: When, outermost: str) -> None:
        """AssertionError with the expression where they differ."""
        ours, theirs = self.ours.ask(drawn.text, when), self.theirs.ask(drawn.text, when)
        self.comparisons += 1
        if (
            isinstance(ours, Refused)
            and ours.why.startswith(STRICTER)
            and drawn.words & FILTERS
            and not isinstance(theirs, Refused)
        ):
            self.stricter += 1
            return
        if isinstance(ours, Refused) or isinstance(theirs, Refused):
            self.refused += 1
            both = isinstance(ours, Refused) and isinstance(theirs, Refused)
            assert both, f"{drawn.text}   {when}\n ours:   {ours}\n theirs: {theirs}"
            return
        self._count(drawn, theirs, outermost)
        found = self._differences(ours, theirs, drawn.near, outermost)
        assert not found, f"{drawn.text}   {when}\n" + "\n".join(found)

    def _count(self, drawn: Drawn, theirs: Answer, outermost: str) -> None:
        if theirs.values:
            self.filled += 1
            self.filled_by[outermost] += 1
            self.asked.update(drawn.words)
            self.different.add(hash(str(theirs)))

    def _differences(self, ours: Answer, theirs: Answer, near: int, outermost: str) -> list[str]:
        if outermost in self.tops:
            ours, theirs = _by_values(ours), _by_values(theirs)
        found = _differences(ours, theirs, SLACK if near == CLOSE else 0.0)
        if outermost in self.sorts and not found:
            mine, other = _in_order(ours), _in_order(theirs)
            if mine != other:
                found.append(f"in the order {mine} instead of {other}")
        return found


def _in_order(answer: Answer) -> list[str]:
    """Values only, and -0 as 0: the order of equal elements is open."""
    return [str(value + 0.0) for key in answer.order for value in answer.values[key].values()]


def _by_values(answer: Answer) -> Answer:
    """Values without labels: which of equal elements is taken is open."""
    rows: dict[int, list[float]] = {}
    for points in answer.values.values():
        for at, value in points.items():
            rows.setdefault(at, []).append(value)
    ranked: dict[Key, dict[int, float]] = {}
    for at, values in rows.items():
        for rank, value in enumerate(sorted(values, key=lambda value: (value != value, value))):
            ranked.setdefault(frozenset({("rank", str(rank))}), {})[at] = value
    return Answer(ranked, ())


def _differences(ours: Answer, theirs: Answer, slack: float) -> list[str]:
    """A line for each."""
    found = [f"{_shown(key)} is not in theirs" for key in ours.values.keys() - theirs.values.keys()]
    found += [f"{_shown(key)} is not in ours" for key in theirs.values.keys() - ours.values.keys()]
    for key in ours.values.keys() & theirs.values.keys():
        mine, other = ours.values[key], theirs.values[key]
        found += [
            f"{_shown(key)} at {at / 1000:.3f}: {mine.get(at)} instead of {other.get(at)}"
            for at in sorted(mine.keys() | other.keys())
            if not close(mine.get(at), other.get(at), slack)
        ]
    return found


def _shown(key: Key) -> str:
    return "{" + ", ".join(f'{name}="{value}"' for name, value in sorted(key)) + "}"
