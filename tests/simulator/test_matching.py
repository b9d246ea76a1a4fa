import pytest
from pydicom import Dataset

from pacs_monitor.simulator.matching import find, matches

CANDIDATE = Dataset()
CANDIDATE.PatientName = "SYNTHETIC^ONE"
CANDIDATE.PatientID = "SIM-[1]"
CANDIDATE.StudyInstanceUID = "2.25.1"
CANDIDATE.StudyDate = "20250102"
CANDIDATE.StudyTime = "083000.5"
CANDIDATE.ModalitiesInStudy = ["CT", "SR"]
CANDIDATE.NumberOfStudyRelatedInstances = 3


@pytest.mark.parametrize(
    ("keyword", "wanted", "is_match"),
    [
        ("PatientID", "", True),
        ("PatientID", "SIM-[1]", True),
        ("PatientID", "sim-[1]", False),
        ("PatientID", "SIM-*", True),
        ("PatientID", "SIM-[?]", True),
        ("PatientID", "SIM", False),
        ("PatientName", "synthetic^*", True),
        ("StudyInstanceUID", "2.25.1", True),
        ("StudyInstanceUID", "2.25", False),
        ("StudyInstanceUID", ["2.25.7", "2.25.1"], True),
        ("StudyDate", "20250102", True),
        ("StudyDate", "20250101-20250103", True),
        ("StudyDate", "20250103-", False),
        ("StudyDate", "-20250102", True),
        ("StudyTime", "0800-0900", True),
        ("StudyTime", "08-0815", False),
        ("ModalitiesInStudy", "SR", True),
        ("ModalitiesInStudy", "MR", False),
        ("NumberOfStudyRelatedInstances", "3", True),
        ("AccessionNumber", "", True),
        ("AccessionNumber", "*", False),
    ],
)
def test_a_key_is_matched_as_its_kind_demands(keyword: str, wanted: str | list[str], is_match: bool) -> None:
    keys = Dataset()
    setattr(keys, keyword, wanted)
    assert matches(keys, CANDIDATE) is is_match


def test_an_answer_has_each_key_and_nothing_else() -> None:
    keys = Dataset()
    keys.QueryRetrieveLevel = "STUDY"
    keys.StudyInstanceUID = ""
    keys.AccessionNumber = ""
    (answer,) = find(keys, [CANDIDATE])
    assert {element.keyword: element.value or "" for element in answer} == {
        "QueryRetrieveLevel": "STUDY",
        "StudyInstanceUID": "2.25.1",
        "AccessionNumber": "",
    }
