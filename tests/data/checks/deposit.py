"""A check that writes, for tests of the configuration."""

from __future__ import annotations

from collections.abc import AsyncIterator

from pacs_monitor.check import Duration, FilePath, NodeCheck, Sample


class Deposit(NodeCheck):
    """Leave something at a node."""

    interval: Duration = 300.0
    write: bool = False
    """Whether to leave it."""
    delete: dict[str, str] | None = None
    """How to take it away again."""
    folder: FilePath | None = None
    """Where to take it from."""

    def warnings(self) -> list[str]:
        """What is accepted but probably not meant."""
        return ["writes and never deletes; set delete"] if self.write and self.delete is None else []

    async def run(self) -> AsyncIterator[Sample]:
        """Yield nothing."""
        nothing: tuple[Sample, ...] = ()
        for sample in nothing:
            yield sample
