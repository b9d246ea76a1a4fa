"""Synthetic studies: unmistakable, never the same twice, and compared by what matters."""

import io
from datetime import UTC, datetime

import pytest
from pydicom import dcmread, dcmwrite
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pydicom.uid import ImplicitVRLittleEndian

from pacs_monitor.dicom.synthetic import KEY_TAGS, Study, is_ours, make_study, new_uid, pixel_hash

NOW = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)


def copied(study: Study, implicit: bool = False) -> Dataset:
    """The study as it comes back from a file."""
    dataset = study.dataset
    if implicit:
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    file = io.BytesIO()
    dcmwrite(file, dataset, enforce_file_format=True, implicit_vr=implicit, little_endian=True)
    file.seek(0)
    return dcmread(file)


def test_nobody_takes_it_for_a_patients() -> None:
    dataset = make_study(NOW).dataset
    assert str(dataset.PatientName) == "Monitor^Test"
    assert dataset.PatientID == "PACSMON-TEST"
    assert dataset.QualityControlSubject == "YES"
    assert dataset.ImageComments == "NOT FOR DIAGNOSTIC USE"
    assert dataset.Modality == "OT"
    assert dataset.SOPClassUID.name == "Secondary Capture Image Storage"
    assert dataset.StudyDate == "20240506"
    assert dataset.StudyTime == "070809"


def test_it_is_tiny_and_a_picture() -> None:
    study = make_study(NOW)
    assert len(study.dataset.PixelData) == 64 * 64
    file = io.BytesIO()
    dcmwrite(file, study.dataset, enforce_file_format=True)
    assert len(file.getvalue()) < 6000


def test_uids_are_of_the_root_that_needs_no_registration_and_never_come_twice() -> None:
    studies = [make_study(NOW) for _ in range(50)]
    uids = {uid for study in studies for uid in (study.uid, study.instance_uid, str(study.dataset.SeriesInstanceUID))}
    assert len(uids) == 150
    assert all(uid.startswith("2.25.") and len(uid) <= 64 for uid in uids)
    assert new_uid() != new_uid()


def test_no_two_pictures_are_alike() -> None:
    assert make_study(NOW).pixel_hash != make_study(NOW).pixel_hash


@pytest.mark.parametrize("implicit", [False, True])
def test_what_comes_back_unchanged_has_no_differences_in_either_encoding(implicit: bool) -> None:
    study = make_study(NOW)
    assert study.differences(copied(study, implicit)) == []


def test_headers_that_archives_coerce_are_no_difference() -> None:
    study = make_study(NOW)
    back = copied(study)
    back.PatientName, back.StudyDescription, back.InstitutionName = "MONITOR^TEST", "x", "y"
    back.PatientID = back.PatientID + " "
    del back.ImageComments
    assert study.differences(back) == []


@pytest.mark.parametrize("keyword", KEY_TAGS)
def test_each_key_tag_counts(keyword: str) -> None:
    study = make_study(NOW)
    back = copied(study)
    del back[keyword]
    assert study.differences(back) == [keyword]


def test_another_pixel_is_a_difference_and_so_are_none() -> None:
    study = make_study(NOW)
    back = copied(study)
    back.PixelData = back.PixelData[:-1] + b"\x07"
    assert study.differences(back) == ["PixelData"]
    del back.PixelData
    assert study.differences(back) == ["PixelData"]
    assert pixel_hash(Dataset()) == pixel_hash(Dataset())


def test_a_value_that_cannot_be_read_is_a_difference_and_no_exception() -> None:
    study = make_study(NOW)
    back = copied(study)
    rows = Tag("Rows")
    back[rows] = RawDataElement(rows, "US", 1, b"\x01", 0, False, True)
    assert study.differences(back) == ["Rows"]


def test_only_the_test_patient_with_a_uid_of_our_kind_is_ours() -> None:
    dataset = make_study(NOW).dataset
    assert is_ours(dataset)
    for keyword, value in (("PatientID", "PACSMON-TEST-2"), ("StudyInstanceUID", "1.2.840.1")):
        other = copied(Study(dataset))
        setattr(other, keyword, value)
        assert not is_ours(other)
    assert not is_ours(Dataset())
