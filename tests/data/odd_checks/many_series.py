"""A check with ever other labels: for tests of the engine."""

from __future__ import annotations

from collections.abc import AsyncIterator

from pydantic import PrivateAttr

from pacs_monitor.check import Check, Count, Gauge, Sample

SIZE = Gauge("pacs_many_series_bytes", "A size.", ("part",))


class ManySeries(Check):
    """Yield so many series, each time under other names."""

    count: Count = 100

    _turn: int = PrivateAttr(default=0)

    async def run(self) -> AsyncIterator[Sample]:
        """Yield them."""
        self._turn += 1
        for part in range(self.count):
            yield SIZE(part, part=f"{self._turn}-{part}")
