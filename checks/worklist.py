"""Worklist: does it list what is scheduled for today, for each scanner that asks it?"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import Field, model_validator

from pacs_monitor.check import AeTitle, CheckFailed, Gauge, Sample
from pacs_monitor.dicom.contexts import MODALITY_WORKLIST_FIND
from pacs_monitor.dicom.conversation import Outcome
from pacs_monitor.dicom.moments import parse_date_and_time, unix
from pacs_monitor.dicom.query import ModalityCode, QueryCheck

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from pacs_monitor.dicom.services import Association

_LABELS = ("for_station", "for_modality")
ENTRIES = Gauge("pacs_worklist_entries", "Entries for today, at most as many as `limit` allows.", _LABELS)
OVERDUE = Gauge("pacs_worklist_overdue_entries", "Of them those that should have begun, and are still listed.", _LABELS)
NEXT = Gauge("pacs_worklist_next_timestamp_seconds", "When the next one of them is to begin.", _LABELS)
CANCELLED = Gauge(
    "pacs_worklist_cancelled", "Whether more are listed than `limit` allows: the rest was cancelled.", _LABELS
)
SECONDS = Gauge("pacs_worklist_seconds", "Time from the C-FIND request to the last answer.", _LABELS)

Start = float | None
"""When an entry is to begin, in Unix time; None if it does not say."""


@dataclass
class Listed:
    """What is asked for, and what the worklist lists for it."""

    station: str = ""
    modality: str = ""
    starts: list[Start] = field(default_factory=list)
    cancelled: bool = False
    seconds: float = 0.0

    @property
    def what(self) -> str:
        """For sentences: `CT1`, `MR`, or `today`."""
        return self.station or self.modality or "today"

    async def ask(self, assoc: Association, now: datetime, limit: int) -> None:
        """Ask for it. Raises CheckFailed."""
        query, model = _query(now, self.station, self.modality), MODALITY_WORKLIST_FIND
        found = await assoc.search(query, lambda entry: _start(entry, now), model, limit)
        self.starts, self.cancelled, self.seconds = found.matches, found.cancelled, found.seconds

    def samples(self, now: float) -> Iterator[Sample]:
        """Its figures. Of the times the next and how many have passed, not which."""
        labels = dict(zip(_LABELS, (self.station, self.modality), strict=True))
        yield ENTRIES(len(self.starts), **labels)
        yield CANCELLED(float(self.cancelled), **labels)
        yield SECONDS(self.seconds, **labels)
        known = [start for start in self.starts if start is not None]
        yield OVERDUE(sum(start < now for start in known), **labels)
        if coming := [start for start in known if start >= now]:
            yield NEXT(min(coming), **labels)


class Worklist(QueryCheck):
    """Ask for today's worklist, by station or modality as scanners do; count its entries and name no patient."""

    stations: Annotated[tuple[AeTitle, ...], Field(max_length=32)] = ()
    """Scheduled station AE titles, one query for each; `expect_at_least` holds for each of them."""
    modalities: Annotated[tuple[ModalityCode, ...], Field(max_length=32)] = ()
    """Modalities instead, one query for each; all entries in one query unless this or `stations` is set."""

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if self.stations and self.modalities:
            raise ValueError("stations and modalities are two ways to ask; keep one, or make two checks of it")
        if self.expect_at_least and not self.hours:
            raise ValueError(
                "expect_at_least holds at night, too, when worklists are empty; set hours to one of the section hours"
            )
        return self

    async def run(self) -> AsyncIterator[Sample]:
        """Raise CheckFailed if a query does not succeed, lists too little or takes too long."""
        now, outcome, failure = self.site_time.now(), Outcome(), None
        contexts, calling, listed = (MODALITY_WORKLIST_FIND,), self.calling_ae_title, list[Listed]()
        try:
            async with self.association(contexts, calling=calling, outcome=outcome) as assoc:
                for one in self._asked():
                    await one.ask(assoc, now, self.limit)
                    listed.append(one)
        except CheckFailed as error:
            failure = error
        for sample in (*self.samples(outcome), *(sample for one in listed for sample in one.samples(now.timestamp()))):
            yield sample
        if failure is not None:
            raise failure
        self._require(listed, await self.expected())
        slowest = max(listed, key=lambda one: one.seconds)
        self.require_fast(slowest.seconds, f"the worklist of {slowest.what}")

    def _asked(self) -> list[Listed]:
        stations = [Listed(station=station) for station in dict.fromkeys(self.stations)]
        return stations or [Listed(modality=modality) for modality in dict.fromkeys(self.modalities)] or [Listed()]

    def _require(self, listed: list[Listed], expected: int) -> None:
        few = [one for one in listed if len(one.starts) < expected]
        if not few:
            return
        nothing = _joined([one.what for one in few if not one.starts])
        only = _joined([f"only {len(one.starts)} for {one.what}" for one in few if one.starts])
        lists = ", and ".join(part for part in (nothing and f"nothing for {nothing}", only) if part)
        raise CheckFailed(
            "not_found",
            f"{self.node.name} answers, and lists {lists} although {self.expectation(each=len(listed) > 1)}; look at "
            f"the RIS interface (HL7 ORM) first, then at the AE titles there",
        )


def _joined(parts: list[str]) -> str:
    return " and ".join(part for part in (", ".join(parts[:-1]), *parts[-1:]) if part)


def _query(now: datetime, station: str, modality: str) -> Dataset:
    """Of the keys of PS3.4 K.6.1.2.2 those of the scheduled step, and none of the patient."""
    from pydicom.dataset import Dataset

    step = Dataset()
    step.Modality = modality
    step.ScheduledStationAETitle = station
    step.ScheduledProcedureStepStartDate = f"{now:%Y%m%d}"
    step.ScheduledProcedureStepStartTime = ""
    query = Dataset()
    query.ScheduledProcedureStepSequence = [step]
    return query


def _start(entry: Dataset, now: datetime) -> Start:
    """All that is kept of an entry."""
    try:
        step = entry.ScheduledProcedureStepSequence[0]
        date, time = (str(step.get(f"ScheduledProcedureStepStart{part}") or "") for part in ("Date", "Time"))
    except Exception:  # noqa: BLE001 - an entry that pydicom cannot read is one all the same
        return None
    start = parse_date_and_time(date or f"{now:%Y%m%d}", time)
    assert now.tzinfo is not None
    return None if start is None else unix(start, now.tzinfo, now.timestamp())
