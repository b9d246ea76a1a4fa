import httpx
import pytest
from pydicom import Dataset
from pydicom.uid import SecondaryCaptureImageStorage
from pynetdicom.sop_class import (  # type: ignore[attr-defined]  # made at import time
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
)

from pacs_monitor.simulator.address import NodeAddress
from pacs_monitor.simulator.archive import Archive
from pacs_monitor.simulator.client import Hospital
from tests.simulator.scu import associate, find, get, image, store


@pytest.fixture
def archive(hospital: Hospital) -> NodeAddress:
    return hospital.nodes["archive"]


def study_keys(study: str, level: str = "STUDY", **keys: str) -> Dataset:
    identifier = Dataset()
    identifier.QueryRetrieveLevel = level
    identifier.StudyInstanceUID = study
    for keyword, value in keys.items():
        setattr(identifier, keyword, value)
    return identifier


def find_study(archive: NodeAddress, study: str, level: str = "STUDY", **keys: str) -> list[Dataset]:
    return find(archive, StudyRootQueryRetrieveInformationModelFind, study_keys(study, level, **keys))


def rest(archive: NodeAddress, method: str, path: str, content: str | None = None) -> httpx.Response:
    return httpx.request(method, f"{archive.rest}{path}", content=content)


def test_what_was_stored_is_found_retrieved_and_deleted(archive: NodeAddress) -> None:
    instance = image()
    study = str(instance.StudyInstanceUID)
    assert find_study(archive, study) == []
    assert store(archive, instance) == 0

    (found,) = find_study(archive, study, PatientID="", NumberOfStudyRelatedInstances="", RetrieveAETitle="")
    assert (found.PatientID, found.NumberOfStudyRelatedInstances) == ("SYNTHETIC", 1)
    assert found.RetrieveAETitle == "ARCHIVE"

    status, (received,) = get(archive, StudyRootQueryRetrieveInformationModelGet, study_keys(study))
    assert status == 0
    assert received.PixelData == instance.PixelData

    (entry,) = rest(archive, "POST", "/tools/lookup", study).json()
    assert entry == {"ID": entry["ID"], "Path": f"/studies/{entry['ID']}", "Type": "Study"}
    described = rest(archive, "GET", entry["Path"]).json()
    assert described["MainDicomTags"]["StudyInstanceUID"] == study
    assert described["PatientMainDicomTags"]["PatientID"] == "SYNTHETIC"

    assert rest(archive, "DELETE", entry["Path"]).status_code == 200
    assert find_study(archive, study) == []
    assert rest(archive, "POST", "/tools/lookup", study).json() == []
    assert rest(archive, "DELETE", entry["Path"]).status_code == 404


def test_the_archive_names_itself_and_knows_no_other_path(archive: NodeAddress) -> None:
    system = rest(archive, "GET", "/system").json()
    assert (system["DicomAet"], system["DicomPort"]) == ("ARCHIVE", archive.port)
    assert rest(archive, "GET", "/patients").status_code == 404
    assert rest(archive, "POST", "/modalities", "{}").status_code == 404


def test_a_query_at_each_level_counts_what_is_below(archive: NodeAddress) -> None:
    first = image()
    study, series = str(first.StudyInstanceUID), str(first.SeriesInstanceUID)
    for instance in [first, image(study, series), image(study)]:
        store(archive, instance)
    (found,) = find_study(
        archive, study, NumberOfStudyRelatedSeries="", NumberOfStudyRelatedInstances="", ModalitiesInStudy=""
    )
    assert (found.NumberOfStudyRelatedSeries, found.NumberOfStudyRelatedInstances) == (2, 3)
    assert found.ModalitiesInStudy == "OT"
    in_series = find_study(archive, study, "SERIES", SeriesInstanceUID="", NumberOfSeriesRelatedInstances="")
    assert sorted(int(each.NumberOfSeriesRelatedInstances) for each in in_series) == [1, 2]
    assert len(find_study(archive, study, "IMAGE", SeriesInstanceUID=series, SOPInstanceUID="")) == 2


def test_a_level_that_the_model_has_not_is_refused(archive: NodeAddress) -> None:
    with associate(archive, StudyRootQueryRetrieveInformationModelFind) as association:
        (answer,) = association.send_c_find(study_keys("", "PATIENT"), StudyRootQueryRetrieveInformationModelFind)
    assert answer[0].Status == 0xA900


def test_the_whole_archive_cannot_be_retrieved_at_once(archive: NodeAddress) -> None:
    store(archive, image())
    status, received = get(archive, StudyRootQueryRetrieveInformationModelGet, study_keys(""))
    assert (status, received) == (0xA900, [])


def test_a_slow_archive_is_slow_to_find_and_its_rest_is_not(hospital: Hospital, archive: NodeAddress) -> None:
    hospital.order("archive", "slow", seconds=25)
    assert rest(archive, "GET", "/system").elapsed.total_seconds() < 15
    with associate(archive, StudyRootQueryRetrieveInformationModelFind) as association:
        association.dimse_timeout = 0.2
        (answer,) = association.send_c_find(study_keys("1.2"), StudyRootQueryRetrieveInformationModelFind)
        assert "Status" not in answer[0]


def test_a_router_takes_an_image_and_offers_no_query(hospital: Hospital) -> None:
    assert store(hospital.nodes["router"], image()) == 0
    with associate(
        hospital.nodes["router"], SecondaryCaptureImageStorage, StudyRootQueryRetrieveInformationModelFind
    ) as association:
        accepted = [context.abstract_syntax for context in association.accepted_contexts]
    assert accepted == [SecondaryCaptureImageStorage]


def test_a_full_archive_forgets_the_oldest() -> None:
    archive = Archive(capacity=2)
    oldest, older, newest = image(), image(), image()
    for instance in [oldest, older, oldest, newest]:
        archive.store(instance)
    assert archive.instances() == [oldest, newest]
