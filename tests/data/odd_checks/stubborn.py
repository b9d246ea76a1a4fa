"""A check that ignores its cancellation: for tests of the engine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from pacs_monitor.check import Check, Gauge, Sample

BEGUN = Gauge("pacs_stubborn_begun", "Whether it began; always 1.")


class Stubborn(Check):
    """Wait for ever."""

    async def run(self) -> AsyncIterator[Sample]:
        """Yield, then wait, whatever is said."""
        yield BEGUN(1)
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                continue
