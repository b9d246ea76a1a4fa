"""Ingest: does the archive take a study, show it, give it back unchanged, and let it go again?"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import ClassVar, Literal, Self

from pydantic import model_validator

from pacs_monitor.check import CheckFailed, Gauge, Metric, Sample
from pacs_monitor.dicom import PEER, PHASE, synthetic
from pacs_monitor.dicom.contexts import SECONDARY_CAPTURE, STUDY_ROOT_GET
from pacs_monitor.dicom.stowing import stow
from pacs_monitor.dicom.studies import StudyCheck
from pacs_monitor.dicom.web import DicomWeb, DicomWebSettings
from pacs_monitor.dicom.writing import STORED

STEP = Gauge("pacs_ingest_step_seconds", "Time of each step: store, visible, retrieve, delete.", ("step",))


class Ingest(StudyCheck):
    """Store a synthetic study, poll until it is visible, retrieve, compare and delete it. Off unless `write` is set."""

    store: Literal["dicom", "stow"] = "dicom"
    """How the study is stored: dicom (C-STORE) or stow (STOW-RS, with `stow`)."""
    stow: DicomWebSettings | None = None
    """Where the DICOMweb server of the same archive is, for `store: stow`."""
    retrieve: Literal["get", "none"] = "get"
    """Whether to retrieve the study by C-GET and compare it: get or none."""

    thresholds: ClassVar[tuple[str, ...]] = ("visible_within",)
    # The steps say more than the phases of any one of its associations.
    leaves_out: ClassVar[tuple[Metric, ...]] = (PHASE, PEER)

    @model_validator(mode="after")
    def _has_a_server(self) -> Self:
        if (self.store == "stow") != (self.stow is not None):
            raise ValueError("store: stow and stow with the url of the server go together; set both or neither")
        return self

    async def transaction(self) -> AsyncIterator[Sample]:
        """Store, visible, retrieve, delete. Raises CheckFailed at the first that fails."""
        study, rejections = synthetic.make_study(datetime.now(UTC)), list[Sample]()
        took = self.stopwatch()
        try:
            await self._store(study, rejections)
        except CheckFailed:
            for sample in rejections:
                yield sample
            raise
        yield STORED(1)
        yield STEP(took(), step="store")
        yield STEP(await self.visible(study.uid), step="visible")
        if self.retrieve == "get":
            took = self.stopwatch()
            await self._retrieve(study)
            yield STEP(took(), step="retrieve")
        if self.delete is not None:
            took = self.stopwatch()
            await self.clean_up(study.uid)
            yield STEP(took(), step="delete")

    async def _store(self, study: synthetic.Study, rejections: list[Sample]) -> None:
        if self.stow is None:
            await self.send(study, rejections)
        else:
            await stow(self, DicomWeb(self.stow), study)

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
