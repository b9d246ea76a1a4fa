"""A check that keeps something: for tests of the engine."""

from __future__ import annotations

from collections.abc import AsyncIterator

from pacs_monitor.check import Check, FilePath, Gauge, Sample

COUNT = Gauge("pacs_remembers_runs", "How often it has run, since ever.")


class Remembers(Check):
    """Count its runs in its memory."""

    told: FilePath | None = None
    """Where each count is written once it is kept."""
    stay: bool = False
    """Whether it stays when the check is taken out."""
    forget: bool = False
    """Whether to delete it instead."""

    async def run(self) -> AsyncIterator[Sample]:
        """Yield the count."""
        if self.forget:
            await self.memory.delete("count")
            return
        count = self.memory.get("count", 0) + 1
        await self.memory.put("count", count, keep=self.stay)
        if self.told is not None:
            with self.told.open("a") as file:
                file.write(f"{count}\n")
        yield COUNT(count)
