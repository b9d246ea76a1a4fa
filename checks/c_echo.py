"""C-ECHO: does the DICOM service let us in and answer?"""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import cached_property

from pydantic import Field

from pacs_monitor.check import Sample
from pacs_monitor.dicom import DicomCheck
from pacs_monitor.dicom.codec import Context
from pacs_monitor.dicom.contexts import ContextName, with_verification


class CEcho(DicomCheck):
    """Associate, send one C-ECHO, release; each phase is timed and each refusal told apart."""

    affects_health: bool = True
    contexts: tuple[ContextName, ...] = Field(default=(), max_length=127)
    """SOP classes that the node must also accept, by keyword (CTImageStorage) or UID; nothing is sent for them."""

    @cached_property
    def _proposed(self) -> tuple[Context, ...]:
        return with_verification(self.contexts)

    async def run(self) -> AsyncIterator[Sample]:
        """Raise CheckFailed if the C-ECHO does not succeed or a listed SOP class is refused."""
        outcome = await self.echo(self._proposed)
        for sample in self.samples(outcome):
            yield sample
        if outcome.failure is not None:
            raise outcome.failure
