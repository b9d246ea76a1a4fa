"""The modality worklist: a few entries for each day about now, of patients that nobody could take for real ones."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from pydicom import Dataset
from pynetdicom import build_context, evt
from pynetdicom.events import Event
from pynetdicom.sop_class import (  # type: ignore[attr-defined]  # made at import time
    ModalityWorklistInformationFind,
)

from .matching import find
from .node import Services
from .storage import CANCELLED, PENDING, Response

# (modality, station's AE title, start)
SCHEDULE = [
    ("CT", "CT1", "080000"),
    ("CT", "CT1", "083000"),
    ("MR", "MR1", "090000"),
    ("MR", "MR1", "100000"),
    ("US", "US1", "110000"),
    ("US", "US1", "113000"),
]


def worklist_services() -> Services:
    """Give the services of a node that answers Modality Worklist C-FIND (PS3.4 annex K)."""
    return Services(contexts=[build_context(ModalityWorklistInformationFind)], handlers=[(evt.EVT_C_FIND, _scheduled)])


def entries(day: date) -> list[Dataset]:
    """Give the worklist of `day`."""
    return [_entry(number, day, *step) for number, step in enumerate(SCHEDULE, start=1)]


def _scheduled(event: Event) -> Iterator[Response]:
    # Whoever asks may be in another time zone, where today is another day.
    today = datetime.now().astimezone().date()
    listed = [entry for days in (-1, 0, 1) for entry in entries(today + timedelta(days=days))]
    for answer in find(event.identifier, listed):
        if event.is_cancelled:
            yield CANCELLED, None
            return
        yield PENDING, answer


def _entry(number: int, day: date, modality: str, station: str, start: str) -> Dataset:
    step = Dataset()
    step.Modality = modality
    step.ScheduledStationAETitle = station
    step.ScheduledProcedureStepStartDate = day.strftime("%Y%m%d")
    step.ScheduledProcedureStepStartTime = start
    step.ScheduledProcedureStepDescription = "SIMULATED"
    step.ScheduledProcedureStepID = f"SIM-STEP-{number}"
    entry = Dataset()
    entry.SpecificCharacterSet = "ISO_IR 192"
    entry.PatientName = f"SYNTHETIC^NUMBER {number}"
    entry.PatientID = f"SIM-{number}"
    entry.PatientBirthDate = ""
    entry.PatientSex = "O"
    entry.AccessionNumber = f"SIM-ACC-{number}"
    entry.RequestedProcedureID = f"SIM-PROC-{number}"
    entry.RequestedProcedureDescription = "SIMULATED"
    # Under 2.25, as if made from a UUID (PS3.5 B.2), and the same all day.
    entry.StudyInstanceUID = f"2.25.{day:%Y%m%d}{number:03d}"
    entry.ScheduledProcedureStepSequence = [step]
    return entry
