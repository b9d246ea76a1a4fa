"""What comes into an archive, by asking it again and again: C-FIND and QIDO-RS."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from pacs_monitor.reception import polling
from tests.checks.exams import acquired, image, send, send_to
from tests.checks.finder import Finder
from tests.checks.seeing import (
    BUCHAREST,
    LAST,
    LATENCY,
    UNMEASURED,
    Clock,
    arrivals,
    begun,
    labels,
    look,
    now,
    sources,
)
from tests.checks.support import DictMemory, run, until
from tests.conftest import StartOrthanc
from tests.peers.dcmtk import DcmQrScp
from tests.peers.dicomweb import run_dicomweb
from tests.peers.orthanc import Orthanc
from tests.silence.player import MONDAY, at


@pytest.fixture(params=["find", "qido"])
def web(request: pytest.FixtureRequest, new_folder: Callable[[str], Path]) -> Any:
    """An Orthanc, and the settings by which it is asked."""
    with run_dicomweb(new_folder("dicomweb")) as orthanc:
        yield orthanc, {"dicomweb": {"url": f"{orthanc.url}/dicom-web"}} if request.param == "qido" else {}


async def test_studies_are_found_by_asking(
    web: tuple[Orthanc, dict[str, Any]], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    orthanc, settings = web
    clock, memory = Clock(), DictMemory()
    clock.moment = datetime.now(UTC).timestamp()
    today = datetime.fromtimestamp(clock.moment, BUCHAREST)
    old = image(today, **acquired(today))
    send(tmp_path, orthanc, old)
    check = await begun(arrivals(orthanc.dicom_port, memory=memory, clock=clock, **settings))
    clock.moment += 60
    ended = datetime.fromtimestamp(clock.moment - 300, BUCHAREST)
    first = image(today, Modality="MR", StationName="MR ROOM", **acquired(ended - timedelta(minutes=20)))
    last = image(today, first, Modality="MR", StationName="MR ROOM", InstanceNumber="2", **acquired(ended))
    send(tmp_path, orthanc, first, last)
    gave = await look(check)
    assert sources(gave) == {"MR ROOM": 1}
    assert gave.value(LAST) == clock.moment
    assert labels(gave, LATENCY) == []
    clock.moment += 60
    gave = await look(check)
    assert labels(gave, LATENCY) == [("MR", "acquisition")]
    assert gave.value(LATENCY) == pytest.approx(300, abs=0.001)
    assert labels(await look(check), LATENCY) == []
    told = [repr(gave.samples), *memory.record]
    told += [record.getMessage() for record in caplog.records if not record.name.startswith("pynetdicom")]
    for secret in ("canary", first.StudyInstanceUID, old.StudyInstanceUID, first.SOPInstanceUID):
        assert [text for text in told if secret in text.lower()] == [], secret


async def test_a_study_that_grows_is_measured_when_it_has_been_quiet_for_a_minute(
    web: tuple[Orthanc, dict[str, Any]], tmp_path: Path
) -> None:
    orthanc, settings = web
    clock = Clock()
    clock.moment = datetime.now(UTC).timestamp()
    check = await begun(arrivals(orthanc.dicom_port, clock=clock, **settings))
    today = datetime.fromtimestamp(clock.moment, BUCHAREST)
    first = image(today, **acquired(today))
    send(tmp_path, orthanc, first)
    clock.moment += 60
    assert labels(await look(check), LATENCY) == []
    clock.moment += 59
    send(tmp_path, orthanc, image(today, first, InstanceNumber="2", **acquired(today + timedelta(seconds=100))))
    assert labels(await look(check), LATENCY) == []
    clock.moment += 59
    assert labels(await look(check), LATENCY) == []
    clock.moment += 1
    gave = await look(check)
    # It was sent while it was acquired: what counts is the first look after its end.
    assert gave.value(LATENCY) == pytest.approx(19, abs=0.001)


async def test_after_a_restart_what_is_there_is_no_news_and_its_silence_nobodys(
    web: tuple[Orthanc, dict[str, Any]], tmp_path: Path
) -> None:
    orthanc, settings = web
    clock, memory = Clock(), DictMemory()
    clock.moment = started = datetime.now(UTC).timestamp()
    await begun(arrivals(orthanc.dicom_port, memory=memory, clock=clock, **settings))
    send(tmp_path, orthanc, image(now(), **acquired(now())))
    clock.moment += 30
    gave = await look(arrivals(orthanc.dicom_port, memory=memory, clock=clock, **settings))
    assert gave.samples == []
    assert memory.kept["now"]["blind"] == [[round(started), round(started + 30)]]


async def test_what_came_in_a_pause_is_counted_and_not_measured(
    web: tuple[Orthanc, dict[str, Any]], tmp_path: Path
) -> None:
    orthanc, settings = web
    clock = Clock()
    clock.moment = datetime.now(UTC).timestamp()
    check = await begun(arrivals(orthanc.dicom_port, clock=clock, **settings))
    send(tmp_path, orthanc, image(now(), **acquired(now())))
    clock.moment += 1000
    gave = await look(check)
    assert sum(sources(gave).values()) == 1
    assert gave.value(UNMEASURED, cause="unseen") == 1
    clock.moment += 100
    assert labels(await look(check), LATENCY) == []


async def test_an_archive_that_gives_no_times_of_images_is_measured_by_the_beginning_of_the_series(
    dcmqrscp: DcmQrScp,
) -> None:
    clock = Clock()
    clock.moment = datetime.now(UTC).timestamp()
    check = await begun(arrivals(dcmqrscp.port, dcmqrscp.ae_title, clock=clock))
    begin = datetime.fromtimestamp(clock.moment - 600, BUCHAREST)
    sent = image(begin, SeriesDate=f"{begin:%Y%m%d}", SeriesTime=f"{begin:%H%M%S}", **acquired(begin))
    send_to(dcmqrscp.port, dcmqrscp.ae_title, sent, calling="PACSMON")
    clock.moment += 60
    assert sum(sources(await look(check)).values()) == 1
    clock.moment += 60
    gave = await look(check)
    assert labels(gave, LATENCY) in ([("CT", "series")], [("CT", "study")])
    assert 660 <= (gave.value(LATENCY) or 0) < 662


async def test_no_key_of_a_patient_is_asked_for_and_one_association_at_a_time_is_released() -> None:
    clock = Clock()
    clock.moment = at(MONDAY, "2:00")
    uid = "2.25.4711"

    def answers(query: Dataset) -> list[Dataset]:
        if len(finder.asked) == 1:
            return []
        found = Dataset()
        for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):
            setattr(found, keyword, uid)
        found.QueryRetrieveLevel, found.Modality, found.StationName = query.QueryRetrieveLevel, "CT", "CT ROOM 2"
        found.PatientName, found.PatientID = "Canary^Secret", "CANARY-4711"
        found.NumberOfStudyRelatedInstances = found.NumberOfSeriesRelatedInstances = 1
        return [found]

    finder = Finder(answers)
    with finder.serve():
        check = await begun(arrivals(finder.port, "FINDER", clock=clock))
        clock.moment += 60
        await look(check)
        clock.moment += 60
        assert (await look(check)).value(UNMEASURED, cause="no_time") == 1
    assert [str(query.QueryRetrieveLevel) for query in finder.asked] == [
        "STUDY", "STUDY", "SERIES", "STUDY", "SERIES", "IMAGE",
    ]  # fmt: skip
    assert finder.asked[0].StudyDate == "20260104-20260105"
    assert all(element.tag.group not in (0x0010, 0x0032, 0x0040) for query in finder.asked for element in query)
    assert not {"AccessionNumber", "StudyDescription", "StudyID"} & {
        element.keyword for query in finder.asked for element in query
    }
    await until(lambda: finder.released == 3)
    assert finder.most_standing == 1


async def test_an_archive_that_does_not_let_us_find_is_told_as_by_every_check(start_orthanc: StartOrthanc) -> None:
    orthanc = start_orthanc(DicomAlwaysAllowFind=False, DicomModalities={})
    gave = await run(arrivals(orthanc.dicom_port), 60)
    assert gave.reason == "aborted"
    assert gave.message == (
        "archive aborted after the C-FIND request on its own account; look into its log at this time, it often means "
        "that PACSMON is not permitted there"
    )


async def test_many_new_studies_are_looked_at_in_several_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polling, "MOST_LOOKS", 2)
    clock = Clock()
    clock.moment = at(MONDAY, "12:00")
    uids = [str(generate_uid()) for _ in range(5)]

    def answers(query: Dataset) -> list[Dataset]:
        if len(finder.asked) == 1:
            return []
        found = []
        for uid in uids if query.QueryRetrieveLevel == "STUDY" else uids[:1]:
            each = Dataset()
            each.StudyInstanceUID = each.SeriesInstanceUID = uid
            each.StationName = "CT2"
            found.append(each)
        return found

    finder = Finder(answers)
    with finder.serve():
        check = await begun(arrivals(finder.port, "FINDER", clock=clock))
        counts = []
        for _ in range(3):
            clock.moment += 60
            counts.append(sources(await look(check))["CT2"])
    assert counts == [2, 4, 5]
