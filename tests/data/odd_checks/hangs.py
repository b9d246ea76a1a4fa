"""A check whose thread hangs while a file is there: for tests of the engine."""

from __future__ import annotations

import time
from collections.abc import Iterator

from pacs_monitor.check import Check, FilePath, Gauge, Sample

BEGUN = Gauge("pacs_hangs_begun", "Whether it began; always 1.")


class Hangs(Check):
    """Wait in a thread until a file is gone."""

    gate: FilePath
    begun: FilePath | None = None
    """Made once it waits."""

    def run(self) -> Iterator[Sample]:
        """Yield, then wait."""
        yield BEGUN(1)
        if self.begun is not None:
            self.begun.touch()
        while self.gate.exists():
            time.sleep(0.02)
