"""A check that does what it should: for tests of the engine."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

from pydantic import PrivateAttr

from pacs_monitor.check import Check, Counter, Gauge, Histogram, Sample

VALUE = Gauge("pacs_steady_value", "What it was told to yield.")
MADE = Gauge("pacs_steady_made_timestamp_seconds", "When this instance was made.")
RUNS = Counter("pacs_steady_runs_total", "Its runs.")
TOOK = Histogram("pacs_steady_took_seconds", "How long it took.", buckets=(0.1, 1.0))


class Steady(Check):
    """Yield a value, an increment and an observation."""

    value: float = 1.0

    _made: float = PrivateAttr(default_factory=time.monotonic)

    async def run(self) -> AsyncIterator[Sample]:
        """Yield one of each kind."""
        yield VALUE(self.value)
        yield MADE(self._made)
        yield RUNS(1)
        yield TOOK(0.05)
