"""What all checks share that write: permission, a bound, the journal, and the deletion of what they wrote."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, ClassVar, Self, TypeVar

from pydantic import model_validator

from pacs_monitor.check import CheckFailed, Count, Counter, Duration, Gauge, NodeCheck, Sample, perf_counter
from pacs_monitor.dicom import synthetic
from pacs_monitor.dicom.journal import DAY, Journal
from pacs_monitor.orthanc import OrthancSettings
from pacs_monitor.units import format_duration

STORED = Counter("pacs_ingest_studies_total", "Synthetic studies that the archive took.")
ORPHANS = Gauge("pacs_ingest_orphans", "Synthetic studies of ours that are still in the archive.", keep=True)
SWEPT = Counter("pacs_ingest_orphans_swept_total", "Synthetic studies left by an earlier run and deleted by a later.")

BOUND = {True: 2000, False: 4}
"""Studies a day unless set: with a way to delete them, and without."""
MOST_SWEPT = 50
"""So many studies of earlier runs are looked for in one run."""

T = TypeVar("T")


class WritingCheck(NodeCheck):
    """A check that stores a synthetic study in each run, and deletes it again. Off unless `write` is set."""

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

    optional: ClassVar[bool] = False
    """Whether the check does something without `write`, too."""

    @model_validator(mode="before")
    @classmethod
    def _slow_without_delete(cls, settings: Any) -> Any:
        if not isinstance(settings, dict) or settings.get("delete") is not None or "interval" in settings:
            return settings
        if cls.optional and not settings.get("write"):
            return settings
        bound = str(settings.get("studies_per_day"))
        rate = int(bound) if bound.isdigit() and int(bound) else BOUND[False]
        return {**settings, "interval": DAY / rate}

    @model_validator(mode="after")
    def _permitted(self) -> Self:
        if not self.write and self.optional:
            return self
        if not self.write:
            kind = type(self).__name__.lower()
            raise ValueError(f"{kind} writes a synthetic study to the archive; set write: true to allow it")
        if self.interval * self.most_a_day * 1.001 < DAY:
            raise ValueError(
                f"one every {format_duration(self.interval)} is more than the {self.most_a_day} studies in 24 hours "
                f"that studies_per_day allows; lengthen interval, raise studies_per_day"
                f"{'' if self.delete else ', or set delete so that they do not stay in the archive'}"
            )
        return self

    def warnings(self) -> tuple[str, ...]:
        """What the configuration must be told of, though it is accepted."""
        if self.delete is not None or not self.write:
            return ()
        return (
            f"{type(self).__name__.lower()} has no delete: every study that it writes STAYS IN THE ARCHIVE, "
            f"{self.most_a_day} a day; set delete, or have the archive purge the patient {synthetic.PATIENT_ID}",
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
    def journal(self) -> Journal:
        """The studies that may be in the archive."""
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
                async for sample in self.transaction():
                    yield sample
        except CheckFailed as error:
            failure = error
        yield ORPHANS(self.journal.left)
        if failure is not None:
            raise failure

    def transaction(self) -> AsyncIterator[Sample]:
        """Store, look whether it is well, and `clean_up`. Raises CheckFailed."""
        raise NotImplementedError

    def stopwatch(self) -> Callable[[], float]:
        """Seconds since now, without what is waited for other checks of the node."""
        started, waited = perf_counter(), self.surroundings.waited
        return lambda: perf_counter() - started - (self.surroundings.waited - waited)

    async def until_visible(self, seen: Callable[[], Awaitable[bool]], within: float, who: str, service: str) -> float:
        """Seconds until a stored study is shown, asked ever more rarely. Raises CheckFailed if it is not in time."""
        took, pause = self.stopwatch(), 0.1
        limit = min(within, self.time_left - 0.2)
        while True:
            shown, seconds = await seen(), took()
            if shown:
                return seconds
            if seconds >= limit:
                raise CheckFailed(
                    "not_found",
                    f"{who} took the study with success, and after {seconds:.3g} s {service} does not show it; "
                    f"look at its import queue and its database",
                )
            await asyncio.sleep(min(pause, limit - seconds))
            pause = min(2 * pause, 2.0)

    async def clean_up(self, uid: str) -> None:
        """Delete the study of this run, which was seen in the archive. Raises CheckFailed."""
        assert self.delete is not None
        if not await self._remove(uid):
            raise CheckFailed(
                "not_found",
                f"{self.node.name} shows the study, but {self.delete.orthanc} does not know it; is that the "
                f"same archive? Correct delete",
            )

    async def _sweep(self) -> tuple[int, CheckFailed | None]:
        swept, journal = 0, self.journal
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
        assert uid in self.journal, "only what is in the journal is deleted"
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
        await self.journal.forget(uid)
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
