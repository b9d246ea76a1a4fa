"""Exams as modalities send them, with a canary in every attribute of the patient and in all free text."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from pydicom.dataset import Dataset
from pynetdicom import AE

from pacs_monitor.dicom import synthetic
from pacs_monitor.dicom.contexts import SECONDARY_CAPTURE
from tests.peers.dcmtk import storescu
from tests.peers.orthanc import Orthanc

CANARIES = {
    "PatientName": "Canary^Secret",
    "PatientID": "CANARY-4711",
    "PatientBirthDate": "19110911",
    "OtherPatientIDs": "CANARY-4712",
    "PatientAddress": "Canary Street 1",
    "PatientComments": "Canary of the chest",
    "AccessionNumber": "CANARY-1",
    "StudyID": "CANARY-2",
    "StudyDescription": "Canary of the chest",
    "SeriesDescription": "Canary of the series",
    "ImageComments": "Canary of the image",
    "ReferringPhysicianName": "Canary^Doctor",
    "OperatorsName": "Canary^Operator",
    "InstitutionName": "Canary Hospital",
    "RequestedProcedureDescription": "Canary of a procedure",
}


def image(begun: datetime, of: Dataset | None = None, /, **tags: str | None) -> Dataset:
    """An image without any time but that of its study; `of`: of the same series as that one. None takes a tag out."""
    made = synthetic.make_study(begun).dataset
    for keyword in (
        "ContentDate",
        "ContentTime",
        "InstanceCreationDate",
        "InstanceCreationTime",
        "TimezoneOffsetFromUTC",
    ):
        if keyword in made:
            del made[keyword]
    for keyword in ("AcquisitionDate", "AcquisitionTime", "AcquisitionDateTime", "SeriesDate", "SeriesTime"):
        if keyword in made:
            del made[keyword]
    values = {**CANARIES, "Modality": "CT", "StationName": "CT ROOM 2", **tags}
    if of is not None:
        values |= {keyword: str(of[keyword].value) for keyword in ("StudyInstanceUID", "SeriesInstanceUID")}
    for keyword, value in values.items():
        if value is not None:
            setattr(made, keyword, value)
        elif keyword in made:
            del made[keyword]
    return made


def acquired(at: datetime) -> dict[str, str]:
    """The attributes of an image that was acquired then, by the clock that `at` shows."""
    return {"AcquisitionDate": f"{at:%Y%m%d}", "AcquisitionTime": f"{at:%H%M%S.%f}"}


def send(folder: Path, orthanc: Orthanc, *images: Dataset, calling: str = "CT2") -> None:
    """Send them in this order by storescu."""
    folder.mkdir(exist_ok=True)
    files = []
    for number, each in enumerate(images):
        file = folder / f"{calling.replace(' ', '_')}-{number}-{each.SOPInstanceUID}.dcm"
        each.save_as(file, enforce_file_format=True)
        files.append(file)
    storescu(orthanc.dicom_port, *files, calling=calling, called=orthanc.ae_title)


def send_to(port: int, called: str, *images: Dataset, calling: str = "CT2") -> None:
    """The same by pynetdicom, for peers that know only some callers."""
    ae = AE(calling)
    ae.add_requested_context(SECONDARY_CAPTURE.abstract, list(SECONDARY_CAPTURE.transfers))
    assoc = ae.associate("127.0.0.1", port, ae_title=called)
    assert assoc.is_established
    assert [assoc.send_c_store(each).Status for each in images] == [0] * len(images)
    assoc.release()
