"""Rows of the echo bench: clients, what each repetition gave, and ratios between them."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from bench.common import middle, percentile, progress

FAILED: dict[str, Any] = {"succeeded": 0, "cpu_us": math.nan, "per_second": 0.0, "errors": []}


@dataclass
class Row:
    """One client: how it is measured, and what each repetition gave."""

    name: str
    measure: Callable[[], dict[str, Any]]
    count: int
    given: list[dict[str, Any]] = field(default_factory=list)

    def repeat(self) -> None:
        """Measure once more."""
        progress(self.name)
        try:
            given = self.measure()
        except RuntimeError as failure:  # one client's failure must not cost the others' figures
            print(failure, file=sys.stderr)
            given = FAILED
        self.given.append(given)

    def values(self, key: str) -> list[float | None]:
        """A figure of each repetition."""
        return [one.get(key) for one in self.given]

    @property
    def succeeded(self) -> int:
        """The smallest number of echoes that succeeded in a repetition."""
        return min(int(one["succeeded"]) for one in self.given)


def find(rows: list[Row], name: str) -> Row | None:
    """The row whose name begins so."""
    return next((row for row in rows if row.name.startswith(name)), None)


def ratio(row: Row | None, other: Row | None) -> float | None:
    """CPU of one beside the other's in the same repetition: the median of the repetitions."""
    if row is None or other is None:
        return None
    return middle(one["cpu_us"] / two["cpu_us"] for one, two in zip(row.given, other.given, strict=True))


def error(row: Row | None, share: float) -> float | None:
    """How far the reported latency is off, in ms, at a percentile: the median of the repetitions."""
    if row is None:
        return None
    return middle(percentile(map(abs, one["errors"]), share) * 1e3 for one in row.given)


def data(rows: list[Row]) -> list[dict[str, Any]]:
    """Rows as plain data, without each single error."""
    return [
        {
            "client": row.name,
            "count": row.count,
            "repetitions": [{key: value for key, value in one.items() if key != "errors"} for one in row.given],
            **({"error_ms": {"p50": error(row, 0.5), "p99": error(row, 0.99)}} if row.given[0].get("errors") else {}),
        }
        for row in rows
    ]
