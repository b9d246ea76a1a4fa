"""Worklists of real servers, DCMTK's wlmscpfs and Orthanc's plug-in, of patients who must never show."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import UID, ExplicitVRLittleEndian

from tests.peers.dcmtk import AE_TITLE_OF_WLMSCPFS, run_wlmscpfs
from tests.peers.orthanc import run_orthanc

PLUGIN = Path("/usr/share/orthanc/plugins/libModalityWorklists.so")
"""As Debian's package orthanc has it."""


def entry(station: str, modality: str, start: datetime, number: int = 1) -> Dataset:
    """An entry of a worklist. Whatever is of the patient or of the study says canary."""
    step = Dataset()
    step.Modality = modality
    step.ScheduledStationAETitle = station
    step.ScheduledProcedureStepStartDate = f"{start:%Y%m%d}"
    step.ScheduledProcedureStepStartTime = f"{start:%H%M%S}"
    step.ScheduledPerformingPhysicianName = "Canary^Physician"
    step.ScheduledProcedureStepDescription = "Canary of the chest"
    step.ScheduledProcedureStepID = f"CANARY-STEP-{number}"
    found = Dataset()
    found.SpecificCharacterSet = "ISO_IR 192"
    found.AccessionNumber = f"CANARY-{number}"
    found.PatientName = "Canary^Secret"
    found.PatientID = f"CANARY-{number}"
    found.PatientBirthDate = "19700101"
    found.PatientSex = "O"
    found.StudyInstanceUID = f"2.25.{4711_000 + number}"
    found.RequestedProcedureID = f"CANARY-{number}"
    found.RequestedProcedureDescription = "Canary"
    found.ScheduledProcedureStepSequence = [step]
    return found


@dataclass(frozen=True)
class WorklistServer:
    """A running worklist whose entries are files of a folder."""

    port: int
    ae_title: str
    folder: Path

    def list(self, *entries: Dataset) -> None:
        """Have it list these, beside those that it has."""
        for one in entries:
            number = len(list(self.folder.glob("*.wl")))
            one.file_meta = FileMetaDataset()
            one.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
            one.file_meta.MediaStorageSOPClassUID = UID("1.2.276.0.7230010.3.1.0.1")  # what dump2dcm writes
            one.file_meta.MediaStorageSOPInstanceUID = UID(f"2.25.{number + 1}")
            path = self.folder / f"{number}.part"
            dcmwrite(path, one, enforce_file_format=True)
            path.rename(path.with_suffix(".wl"))  # whole at once: both read the folder at each query


@contextmanager
def dcmtk_worklist(folder: Path) -> Iterator[WorklistServer]:
    """DCMTK's wlmscpfs."""
    with run_wlmscpfs(folder) as (port, files):
        yield WorklistServer(port, AE_TITLE_OF_WLMSCPFS, files)


@contextmanager
def orthanc_worklist(folder: Path, **settings: Any) -> Iterator[WorklistServer]:
    """Orthanc with its plug-in for worklists."""
    if not PLUGIN.exists():
        pytest.skip(f"{PLUGIN} is not there: Debian's package orthanc has it")
    files = folder / "worklists"
    files.mkdir()
    plugin = {"Plugins": [str(PLUGIN)], "Worklists": {"Enable": True, "Database": str(files)}}
    with run_orthanc(folder, **plugin, **settings) as orthanc:
        yield WorklistServer(orthanc.dicom_port, orthanc.ae_title, files)
