"""Ingest: does the archive take a study, show it, give it back unchanged, and let it go again?"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any, ClassVar, Literal, Self, TypeVar

from pydantic import model_validator

from pacs_monitor.check import AeTitle, CheckFailed, Count, Counter, Duration, Gauge, Metric, Sample, perf_counter
from pacs_monitor.dicom import PEER, PHASE, REJECTIONS, DicomCheck, synthetic
from pacs_monitor.dicom.contexts import SECONDARY_CAPTURE, STUDY_ROOT_FIND, STUDY_ROOT_GET
from pacs_monitor.dicom.conversation import Outcome
from pacs_monitor.dicom.journal import DAY, Journal
from pacs_monitor.orthanc import OrthancSettings
from pacs_monitor.units import format_duration

STEP = Gauge("pacs_ingest_step_seconds", "Time of each step: store, visible, retrieve, delete.", ("step",))
STORED = Counter("pacs_ingest_studies_total", "Synthetic studies that the archive took.")
ORPHANS = Gauge("pacs_ingest_orphans", "Synthetic studies of ours that are still in the archive.", keep=True)
SWEPT = Counter("pacs_ingest_orphans_swept_total", "Synthetic studies left by an earlier run and deleted by a later.")

BOUND = {True: 2000, False: 4}
"""Studies a day unless set: with a way to delete them, and without."""
MOST_SWEPT = 50
"""So many studies of earlier runs are looked for in one run."""

_NEVER_LEFT = ("dns", "connect", "tls", "associate")

T = TypeVar("T")


class Ingest(DicomCheck):
    """Store a synthetic study, poll until it is visible, retrieve, compare and delete it. Off unless `write` is set."""

    interval: Duration = 300.0
    """How often it runs; without `delete` as often as studies_per_day allows, unless set."""
    timeout: Duration | None = None
    """How long one run may take; 60s or the interval, whichever is shorter, unless set."""
    down_after: Count = 2
    """So many failures in a row make it confirmed down: two, since it runs far less often than others."""
    write: bool = False
    """Must be true: this check writes a study of an obvious test patient to the archive."""
    delete: OrthancSettings | None = None
    """How to delete the study again, which DICOM cannot; without it the studies stay in the archive."""
    studies_per_day: Count | None = None
    """At most so many studies in 24 hours; 2000 unless set, 4 without `delete`."""
    visible_within: Duration = 30.0
    """It fails when a stored study is not found by C-FIND within this time."""
    retrieve: Literal["get", "none"] = "get"
    """Whether to retrieve the study by C-GET and compare it: get or none."""
    calling_ae_title: AeTitle | None = None
    """The AE title that this check calls with; the node's calling_ae_title unless set."""

    thresholds: ClassVar[tuple[str, ...]] = ("visible_within",)
    # The steps say more than the phases of any one of its associations.
    leaves_out: ClassVar[tuple[Metric, ...]] = (PHASE, PEER)

    @model_validator(mode="before")
    @classmethod
    def _slow_without_delete(cls, settings: Any) -> Any:
        if isinstance(settings, dict) and settings.get("delete") is None and "interval" not in settings:
            bound = str(settings.get("studies_per_day"))
            rate = int(bound) if bound.isdigit() and int(bound) else BOUND[False]
            return {**settings, "interval": DAY / rate}
        return settings

    @model_validator(mode="after")
    def _permitted(self) -> Self:
        if not self.write:
            raise ValueError("ingest writes a synthetic study to the archive; set write: true to allow it")
        if self.interval * self.most_a_day * 1.001 < DAY:
            raise ValueError(
                f"one every {format_duration(self.interval)} is more than the {self.most_a_day} studies in 24 hours "
                f"that studies_per_day allows; lengthen interval, raise studies_per_day"
                f"{'' if self.delete else ', or set delete so that they do not stay in the archive'}"
            )
        if self.visible_within >= self.effective_timeout:
            raise ValueError("visible_within is not shorter than timeout; shorten it, or lengthen timeout and interval")
        return self

    def warnings(self) -> tuple[str, ...]:
        """What the configuration must be told of, though it is accepted."""
        if self.delete is not None:
            return ()
        return (
            f"ingest has no delete: every study that it writes STAYS IN THE ARCHIVE, {self.most_a_day} a day; set "
            f"delete, or have the archive purge the patient {synthetic.PATIENT_ID}",
        )

    @property
    def effective_timeout(self) -> float:
        """Seconds that one run may take."""
        return min(60.0, self.interval) if self.timeout is None else self.timeout

    @property
    def most_a_day(self) -> int:
        """The bound on studies in 24 hours."""
        return self.studies_per_day or BOUND[self.delete is not None]

    @property
    def _journal(self) -> Journal:
        return Journal(self.memory)

    async def run(self) -> AsyncIterator[Sample]:
        """Sweep what earlier runs left, then one whole transaction. Raises CheckFailed at the first step that fails."""
        failure: CheckFailed | None = None
        try:
            if self.delete is not None:
                swept, failure = await self._sweep()
                yield SWEPT(swept)
            if failure is None:
                # With an orphan that cannot be deleted, another study would only be the next one.
                async for sample in self._transaction():
                    yield sample
        except CheckFailed as error:
            failure = error
        yield ORPHANS(self._journal.left)
        if failure is not None:
            raise failure

    async def _transaction(self) -> AsyncIterator[Sample]:
        journal = self._journal
        await journal.count(self.most_a_day, self.interval)
        study, outcome = synthetic.make_study(datetime.now(UTC)), Outcome()
        await journal.enter(study.uid)
        took = self._stopwatch()
        try:
            async with self.association((SECONDARY_CAPTURE,), calling=self.calling_ae_title, outcome=outcome) as assoc:
                await assoc.store(study.dataset)
        except CheckFailed as error:
            if outcome.phase in _NEVER_LEFT:
                await journal.forget(study.uid)
            elif error.reason == "dimse_status":
                await journal.absent(study.uid)
            for sample in self.samples(outcome):
                if sample.metric is REJECTIONS:
                    yield sample
            raise
        yield STORED(1)
        yield STEP(took(), step="store")
        yield STEP(await self._visible(study.uid), step="visible")
        if self.retrieve == "get":
            took = self._stopwatch()
            await self._retrieve(study)
            yield STEP(took(), step="retrieve")
        if self.delete is not None:
            took = self._stopwatch()
            if not await self._remove(study.uid):
                raise CheckFailed(
                    "not_found",
                    f"{self.node.name} shows the study, but {self.delete.orthanc} does not know it; is that the "
                    f"same archive? Correct delete",
                )
            yield STEP(took(), step="delete")

    def _stopwatch(self) -> Callable[[], float]:
        """Seconds since now, without what is waited for other checks of the node."""
        started, waited = perf_counter(), self.surroundings.waited
        return lambda: perf_counter() - started - (self.surroundings.waited - waited)

    async def _visible(self, uid: str) -> float:
        took, pause = self._stopwatch(), 0.1
        limit = min(self.visible_within, self.time_left - 0.2)
        while True:
            async with self.association((STUDY_ROOT_FIND,), calling=self.calling_ae_title) as assoc:
                matches = await assoc.find(synthetic.query_for(uid), most=5)
            seconds = took()
            if any(match.get("StudyInstanceUID") == uid for match in matches):
                return seconds
            if seconds >= limit:
                raise CheckFailed(
                    "not_found",
                    f"{self.node.name} took the study with success, and after {seconds:.3g} s C-FIND does not show it; "
                    f"look at its import queue and its database",
                )
            await asyncio.sleep(min(pause, limit - seconds))
            pause = min(2 * pause, 2.0)

    async def _retrieve(self, study: synthetic.Study) -> None:
        contexts, receives = (STUDY_ROOT_GET,), (SECONDARY_CAPTURE,)
        async with self.association(contexts, receives=receives, calling=self.calling_ae_title) as assoc:
            received = await assoc.get(synthetic.query_for(study.uid))
        ours = [dataset for dataset in received if dataset.get("SOPInstanceUID") == study.instance_uid]
        if not ours:
            raise CheckFailed(
                "not_found",
                f"{self.node.name} shows the study and answers the C-GET with success, but sends "
                f"{'another object' if received else 'nothing'}; look at its storage, or set retrieve: none",
            )
        differences = study.differences(ours[0])
        if differences:
            raise CheckFailed(
                "mismatch",
                f"{self.node.name} gives the study back with another {', '.join(differences)} than it got; look at its "
                f"rules that change headers, and at its storage",
            )

    async def _sweep(self) -> tuple[int, CheckFailed | None]:
        swept, journal = 0, self._journal
        for uid in journal.due()[:MOST_SWEPT]:
            try:
                removed = await self._remove(uid)
            except CheckFailed as failure:
                return swept, failure
            swept += removed
            if not removed:
                await journal.absent(uid)
        return swept, None

    async def _remove(self, uid: str) -> bool:
        """Delete the study, if it is there, is in the journal and is the test patient's; whether it was there."""
        assert self.delete is not None
        assert uid in self._journal, "only what is in the journal is deleted"
        from pacs_monitor.orthanc.client import Orthanc

        rest = Orthanc(self.delete, self.time_left)
        study = await self._rest(rest.find_study, uid)
        if study is None:
            return False
        if await self._rest(rest.patient_and_study, study) != (synthetic.PATIENT_ID, uid):
            raise CheckFailed(
                "mismatch",
                f"{self.delete.orthanc} holds a study of ours under another patient than {synthetic.PATIENT_ID}: "
                f"it was not deleted; look what changes patient IDs there, and delete it by hand",
            )
        await self._rest(rest.delete_study, study)
        if await self._rest(rest.find_study, uid) is not None:
            raise CheckFailed(
                "mismatch",
                f"{self.delete.orthanc} answers the deletion with success, and the study is still there; look into "
                f"its log at this time",
            )
        await self._journal.forget(uid)
        return True

    async def _rest(self, function: Callable[[str], T], argument: str) -> T:
        assert self.delete is not None
        try:
            async with asyncio.timeout_at(self.surroundings.deadline):
                return await self.in_thread(function, argument)
        except TimeoutError:
            raise CheckFailed(
                "timeout", f"Orthanc's REST API {self.delete.orthanc} did not answer in time; look at its load"
            ) from None
