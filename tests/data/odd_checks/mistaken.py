"""A check with bugs: for tests of the engine."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Literal

from pacs_monitor.check import Check, Gauge, Sample

GOOD = Gauge("pacs_mistaken_good", "What it yields before its mistake.")


class Mistaken(Check):
    """Make a mistake."""

    how: Literal["raise", "yield a float", "exit", "yield for ever"] = "raise"

    async def run(self) -> AsyncIterator[Sample]:
        """Yield something good, then make it."""
        yield GOOD(1)
        wrong: Any = 1.0
        match self.how:
            case "raise":
                raise ValueError("DOE^JOHN 19700101")
            case "yield a float":
                yield wrong
            case "exit":
                raise SystemExit("DOE^JOHN 19700101")
            case "yield for ever":
                while True:
                    yield GOOD(1)
