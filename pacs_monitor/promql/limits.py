"""limitk and limit_ratio: some elements of each group, whatever their values."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from pacs_monitor.history.labels import Labels
from pacs_monitor.promql.errors import EvaluationError
from pacs_monitor.promql.hashing import hash_of
from pacs_monitor.promql.notes import note_bad_ratio
from pacs_monitor.promql.plan import VectorAt
from pacs_monitor.promql.run import Run
from pacs_monitor.promql.values import Vector

_LARGEST_HASH = float(2**64 - 1)


def limitk(inner: VectorAt, count_at: Callable[[Run, int], int], key: Callable[[Labels], Labels]) -> VectorAt:
    """So many elements of each group: the first that there are."""

    def evaluate(run: Run, at: int) -> Vector:
        count = count_at(run, at)
        vector = inner(run, at)
        if count < 1:
            return []
        taken: dict[Labels, int] = {}
        found: Vector = []
        for element in vector:
            group = key(element[0])
            before = taken.get(group, 0)
            if before < count:
                taken[group] = before + 1
                found.append(element)
        return found

    return evaluate


def limit_ratio(inner: VectorAt, ratio_at: Callable[[Run, int], float], position: int) -> VectorAt:
    """About this share of the elements, by the hash of their labels; -0.3 is what 0.7 leaves out."""

    def evaluate(run: Run, at: int) -> Vector:
        ratio = _ratio(run, ratio_at(run, at), position)
        vector = inner(run, at)
        if ratio < 0:
            return [element for element in vector if _place(element[0]) >= 1 + ratio]
        return [element for element in vector if _place(element[0]) < ratio]

    return evaluate


def _ratio(run: Run, ratio: float, position: int) -> float:
    """Between -1 and 1. Raises EvaluationError."""
    if ratio != ratio:
        raise EvaluationError("Ratio value is NaN", position)
    if not -1 <= ratio <= 1:
        nearest = 1.0 if ratio > 0 else -1.0
        note_bad_ratio(run, ratio, nearest, position)
        return nearest
    return ratio


@lru_cache(maxsize=50_000)
def _place(labels: Labels) -> float:
    """From 0 to 1."""
    return hash_of(labels) / _LARGEST_HASH
