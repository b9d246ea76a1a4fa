"""What an archive is asked for, level by level; no key of a patient is among it."""

from __future__ import annotations

from pacs_monitor.dicom.moments import OF_AN_IMAGE, OFFSET

OF_A_STUDY = ("StudyInstanceUID", "StudyDate", "StudyTime", "NumberOfStudyRelatedInstances")
OF_A_SERIES = (
    "SeriesInstanceUID",
    "Modality",
    "StationName",
    "SeriesDate",
    "SeriesTime",
    "NumberOfSeriesRelatedInstances",
    OFFSET,
)
OF_IMAGES = ("SOPInstanceUID", *OF_AN_IMAGE)
