"""DICOMweb: does the server that web viewers use find studies, and take and give back one of ours?"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import ClassVar, Self, TypeVar

from pydantic import model_validator

from pacs_monitor.check import CheckFailed, Count, Duration, Gauge, Sample
from pacs_monitor.dicom import synthetic
from pacs_monitor.dicom.stowing import asked, stow
from pacs_monitor.dicom.web import DicomWeb, DicomWebSettings
from pacs_monitor.dicom.writing import STORED, WritingCheck

STEP = Gauge(
    "pacs_dicomweb_step_seconds",
    "Time of each step: find, store, visible, metadata, rendered, retrieve, delete.",
    ("step",),
)
FIRST = Gauge("pacs_dicomweb_first_byte_seconds", "Time from the request for our object to the first byte of it.")
SPEED = Gauge("pacs_dicomweb_bytes_per_second", "Bytes of our object that came by the time that they took.")

T = TypeVar("T")


class Dicomweb(WritingCheck):
    """Ask for today's studies by QIDO-RS; if `write` is set, store one by STOW-RS and have it back by WADO-RS."""

    server: DicomWebSettings
    """Where the DICOMweb server is, and who we are there."""
    interval: Duration = 60.0
    """How often it runs; with `write` and without `delete` as often as studies_per_day allows, unless set."""
    down_after: Count = 3
    """So many failures in a row make it confirmed down."""
    write: bool = False
    """Whether to store a study of an obvious test patient by STOW-RS, too, and retrieve it by WADO-RS."""
    rendered: bool = False
    """Whether our own study is to be retrieved as a picture (JPEG), too, as simple viewers do."""
    slow: Duration = 5.0
    """It fails when a query takes longer."""
    visible_within: Duration = 30.0
    """It fails when a stored study is not found by QIDO-RS within this time."""

    thresholds: ClassVar[tuple[str, ...]] = ("slow", "visible_within")
    optional: ClassVar[bool] = True

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if not self.write and (self.delete or self.rendered or self.studies_per_day):
            raise ValueError("delete, rendered and studies_per_day are for a study that is stored; set write: true")
        if self.write and self.visible_within >= self.effective_timeout:
            raise ValueError("visible_within is not shorter than timeout; shorten it, or lengthen timeout and interval")
        return self

    async def run(self) -> AsyncIterator[Sample]:
        """Query; then, with `write`, a whole transaction. Raises CheckFailed at the first step that fails."""
        today = f"{self.site_time.now():%Y%m%d}"
        seconds, _ = await self._ask(lambda left: self._web.find(left, StudyDate=today))
        yield STEP(seconds, step="find")
        if self.write:
            async for sample in super().run():
                yield sample
        if seconds > self.slow:
            raise CheckFailed(
                "threshold",
                f"{self._web.where} took {seconds:.3g} s for a query, {self.slow:g} s are allowed; look at its load "
                f"and its database",
            )

    async def transaction(self) -> AsyncIterator[Sample]:
        """Store, visible, metadata, rendered, retrieve, delete."""
        study, web = await self.in_thread(synthetic.make_study, datetime.now(UTC)), self._web
        yield STEP(await stow(self, web, study), step="store")
        yield STORED(1)
        yield STEP(await self._visible(study.uid), step="visible")
        path = f"/studies/{study.uid}/series/{study.dataset.SeriesInstanceUID}/instances/{study.instance_uid}"
        seconds, uids = await self._ask(lambda left: web.metadata(left, path))
        if uids != [study.instance_uid]:
            raise CheckFailed(
                "mismatch", f"{web.where} gives the metadata of another object than ours; look at its index"
            )
        yield STEP(seconds, step="metadata")
        if self.rendered:
            yield STEP(await self._ask(lambda left: web.rendered(left, path)), step="rendered")
        answer, received = await self._ask(lambda left: web.retrieve(left, path))
        yield STEP(answer.last, step="retrieve")
        yield FIRST(answer.first)
        yield SPEED(len(answer.content) / answer.last)
        study.require_same(received, web.where, "WADO-RS")
        if self.delete is not None:
            took = self.stopwatch()
            await self.clean_up(study.uid)
            yield STEP(took(), step="delete")

    @property
    def _web(self) -> DicomWeb:
        return DicomWeb(self.server)

    async def _visible(self, uid: str) -> float:
        async def seen() -> bool:
            _, uids = await self._ask(lambda left: self._web.find(left, StudyInstanceUID=uid))
            return uid in uids

        return await self.until_visible(seen, self.visible_within, self._web.where, "QIDO-RS")

    async def _ask(self, function: Callable[[float], T]) -> T:
        return await asked(self, self._web, function)
