"""A check of a node, for tests of the configuration."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Literal

from pacs_monitor.check import Count, Counter, Duration, Gauge, NodeCheck, Sample

GREETED = Gauge("pacs_greet_seconds", "Time to be greeted.", ("phase",))
REFUSALS = Counter("pacs_greet_refusals_total", "How often the greeting was refused.")


class Greet(NodeCheck):
    """Say hello to a DICOM node."""

    needs = ("host", "port", "ae_title")
    thresholds = ("slow",)
    affects_health: bool = True
    slow: Duration = 2.0
    """A greeting that takes longer is slow."""
    level: Literal["PATIENT", "STUDY"] = "STUDY"
    """What to ask for."""
    attempts: Count = 1
    """How often to try."""

    async def run(self) -> AsyncIterator[Sample]:
        """Yield the time it took."""
        yield GREETED(0.1, phase="all")
