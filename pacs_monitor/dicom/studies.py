"""The steps that checks share which send a synthetic study by DICOM: store it, and see it in the archive."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Self

from pydantic import model_validator

from pacs_monitor.check import AeTitle, CheckFailed, Duration, Sample
from pacs_monitor.dicom import synthetic
from pacs_monitor.dicom.check import REJECTIONS, DicomCheck
from pacs_monitor.dicom.contexts import SECONDARY_CAPTURE, STUDY_ROOT_FIND
from pacs_monitor.dicom.conversation import Outcome
from pacs_monitor.dicom.writing import WritingCheck

_NEVER_LEFT = ("dns", "connect", "tls", "associate")


class StudyCheck(WritingCheck, DicomCheck):
    """A check that stores a synthetic study by C-STORE."""

    visible_within: Duration = 30.0
    """It fails when a stored study is not found by C-FIND within this time."""
    calling_ae_title: AeTitle | None = None
    """The AE title that this check calls with; the node's calling_ae_title unless set."""

    @model_validator(mode="after")
    def _time_to_become_visible(self) -> Self:
        if self.visible_within >= self.effective_timeout:
            raise ValueError("visible_within is not shorter than timeout; shorten it, or lengthen timeout and interval")
        return self

    async def send(self, study: synthetic.Study, rejections: list[Sample]) -> None:
        """Count it, note it in the journal, and send it. Raises CheckFailed; `rejections` then holds samples of it."""
        outcome = Outcome()
        await self.journal.count(self.most_a_day, self.interval)
        await self.journal.enter(study.uid)
        try:
            async with self.association((SECONDARY_CAPTURE,), calling=self.calling_ae_title, outcome=outcome) as assoc:
                await assoc.store(study.dataset)
        except CheckFailed as error:
            if outcome.phase in _NEVER_LEFT:
                await self.journal.forget(study.uid)
            elif error.reason == "dimse_status":
                await self.journal.absent(study.uid)
            rejections += [sample for sample in self.samples(outcome) if sample.metric is REJECTIONS]
            raise

    async def visible(self, uid: str) -> float:
        """Seconds until C-FIND shows the study. Raises CheckFailed if it does not in time."""

        async def seen() -> bool:
            async with self.association((STUDY_ROOT_FIND,), calling=self.calling_ae_title) as assoc:
                matches = await assoc.find(synthetic.query_for(uid), most=5)
            return any(match.get("StudyInstanceUID") == uid for match in matches)

        return await self.until_visible(seen, self.visible_within, self.node.name, "C-FIND")

    def transaction(self) -> AsyncIterator[Sample]:
        """As in any check that writes."""
        raise NotImplementedError
