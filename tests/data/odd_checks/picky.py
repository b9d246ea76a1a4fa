"""Another process than the one that read it first does not get it loaded."""

import os

from pydantic import field_validator

from pacs_monitor.check import AsyncIterator, Check, Gauge, Sample

VALUE = Gauge("pacs_picky_value", "A value.")


class Picky(Check):
    """A validator that raises what validators do not raise, anywhere but in one process."""

    at_home: int

    @field_validator("at_home")
    @classmethod
    def _is_at_home(cls, value: int) -> int:
        if value != os.getpid():
            raise KeyError(value)
        return value

    async def run(self) -> AsyncIterator[Sample]:
        """Yield one value."""
        yield VALUE(1.0)
