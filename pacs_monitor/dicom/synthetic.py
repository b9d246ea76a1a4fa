"""Synthetic studies: one obvious test patient, tiny pictures, and nothing that anybody could take for a patient's."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING
from uuid import uuid4

from pacs_monitor.check import CheckFailed
from pacs_monitor.dicom.values import text_of

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

PATIENT_ID = "PACSMON-TEST"
PATIENT_NAME = "Monitor^Test"
UID_ROOT = "2.25."
WARNING = "NOT FOR DIAGNOSTIC USE"
SIDE = 64
"""Rows and columns of the picture, unless a check wants another."""
_DARK = bytes(value >> 2 for value in range(256))

KEY_TAGS = (
    "SOPClassUID",
    "SOPInstanceUID",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "PatientID",
    "Modality",
    "Rows",
    "Columns",
    "BitsAllocated",
)
"""What must come back as it was sent. Archives may coerce the rest: they do, and nobody is harmed."""


def new_uid() -> str:
    """A UID that nobody has ever used (PS3.5 B.2)."""
    return f"{UID_ROOT}{uuid4().int}"


@dataclass(frozen=True)
class Study:
    """A study of one series of one picture."""

    dataset: Dataset

    @property
    def uid(self) -> str:
        """Its Study Instance UID."""
        return str(self.dataset.StudyInstanceUID)

    @property
    def instance_uid(self) -> str:
        """The SOP Instance UID of its picture."""
        return str(self.dataset.SOPInstanceUID)

    @cached_property
    def pixel_hash(self) -> str:
        """SHA-256 of its pixels."""
        return pixel_hash(self.dataset)

    def differences(self, received: Dataset) -> list[str]:
        """The keywords of key tags in which what came back differs, and `PixelData`. Never a value."""
        changed = [keyword for keyword in KEY_TAGS if text_of(self.dataset, keyword) != text_of(received, keyword)]
        return changed + (["PixelData"] if pixel_hash(received) != self.pixel_hash else [])

    def require_same(self, received: Sequence[Dataset], who: str, by: str) -> None:
        """Raise CheckFailed unless this study is among what `who` gave back `by` a service, as it was."""
        ours = [dataset for dataset in received if dataset.get("SOPInstanceUID") == self.instance_uid]
        if not ours:
            raise CheckFailed("not_found", f"{who} sends another object by {by} than the study's; look at its storage")
        differences = self.differences(ours[0])
        if differences:
            raise CheckFailed(
                "mismatch",
                f"{who} gives the study back by {by} with another {', '.join(differences)} than it got; look at its "
                f"rules that change headers, and at its storage",
            )


def pixel_hash(dataset: Dataset) -> str:
    """SHA-256 of uncompressed pixels; of none if there are none."""
    pixels = dataset.get("PixelData", b"")
    return hashlib.sha256(pixels if isinstance(pixels, bytes) else b"").hexdigest()


def is_ours(dataset: Dataset) -> bool:
    """Whether a data set is of a synthetic study: the test patient's, with a UID of our kind."""
    return text_of(dataset, "PatientID") == PATIENT_ID and text_of(dataset, "StudyInstanceUID").startswith(UID_ROOT)


def make_study(now: datetime, side: int = SIDE) -> Study:
    """A new study of that moment, with new UIDs; its picture has so many rows and columns."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian

    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    _patient(dataset)
    _study(dataset, now)
    _picture(dataset, now, side)
    return Study(dataset)


def _patient(dataset: Dataset) -> None:
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.PatientName = PATIENT_NAME
    dataset.PatientID = PATIENT_ID
    dataset.PatientBirthDate = ""
    dataset.PatientSex = "O"
    dataset.QualityControlSubject = "YES"
    dataset.PatientComments = WARNING


def _study(dataset: Dataset, now: datetime) -> None:
    dataset.StudyInstanceUID = new_uid()
    dataset.StudyDate = dataset.SeriesDate = f"{now:%Y%m%d}"
    dataset.StudyTime = dataset.SeriesTime = f"{now:%H%M%S}"
    dataset.StudyID = "PACSMON"
    dataset.AccessionNumber = ""
    dataset.ReferringPhysicianName = ""
    dataset.StudyDescription = "Monitoring test"
    dataset.SeriesInstanceUID = new_uid()
    dataset.SeriesNumber = 1
    dataset.SeriesDescription = WARNING
    dataset.Modality = "OT"
    dataset.Manufacturer = "pacs-monitor"
    dataset.ConversionType = "SYN"


def _picture(dataset: Dataset, now: datetime, side: int) -> None:
    from pydicom.uid import SecondaryCaptureImageStorage

    dataset.SOPClassUID = SecondaryCaptureImageStorage
    dataset.SOPInstanceUID = new_uid()
    dataset.InstanceNumber = 1
    dataset.InstanceCreationDate = dataset.ContentDate = f"{now:%Y%m%d}"
    dataset.InstanceCreationTime = dataset.ContentTime = f"{now:%H%M%S}"
    dataset.ImageType = ["DERIVED", "SECONDARY"]
    dataset.ImageComments = WARNING
    dataset.BurnedInAnnotation = "NO"
    dataset.PatientOrientation = ""
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.Rows = dataset.Columns = side
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit = 7
    dataset.PixelRepresentation = 0
    dataset.add_new("PixelData", "OB", _pixels(str(dataset.SOPInstanceUID), side))


def _pixels(seed: str, side: int) -> bytes:
    """A white cross on dark noise: plainly no anatomy, and no two alike, so that a mix-up shows."""
    pixels = bytearray(hashlib.shake_256(seed.encode()).digest(side * side).translate(_DARK))
    for line in range(side):
        pixels[line * side + line] = pixels[line * side + side - 1 - line] = 255
    return bytes(pixels)


def query_for(uid: str) -> Dataset:
    """What C-FIND and C-GET ask for: the study of this UID, and nothing of a patient."""
    from pydicom.dataset import Dataset

    query = Dataset()
    query.QueryRetrieveLevel = "STUDY"
    query.StudyInstanceUID = uid
    return query
