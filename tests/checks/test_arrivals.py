"""The check arrivals: real archives, studies with clocks and zones of their own, and weeks at once."""

from __future__ import annotations

import json
import logging
import random
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from checks import arrivals as module
from checks.arrivals import Arrivals
from pacs_monitor.loader import load_file
from pacs_monitor.node import Node
from pacs_monitor.reception import orthanc as reception
from pacs_monitor.reception import polling
from pacs_monitor.settings import Hours
from pacs_monitor.sitetime import SiteTime
from tests.checks.exams import acquired, image, send, send_to
from tests.checks.finder import Finder
from tests.checks.support import DictMemory, Run, bind, complaint, run, until
from tests.conftest import StartOrthanc
from tests.peers.dcmtk import DcmQrScp
from tests.peers.dicomweb import run_dicomweb
from tests.peers.orthanc import Orthanc
from tests.peers.ports import free_port
from tests.silence.player import MONDAY, Player, Scanner, at, without

LATENCY, NEGATIVE = "pacs_arrival_latency_seconds", "pacs_arrival_negative_latencies_total"
LAST, TODAY = "pacs_source_last_study_timestamp_seconds", "pacs_source_studies_today"
LIMIT, SILENT = "pacs_source_silence_limit_seconds", "pacs_source_silent_info"
UNMEASURED, AHEAD = "pacs_arrival_unmeasured_total", "pacs_source_clock_ahead_seconds"
BUCHAREST = ZoneInfo("Europe/Bucharest")


class Clock:
    """The time at the site: that of this machine, or as far beside it as a test wants."""

    def __init__(self, zone: str = "Europe/Bucharest", hours: dict[str, Hours] | None = None) -> None:
        self.moment: float | None = None
        self.site_time = SiteTime(zone, hours or {}, self.time)

    def time(self) -> float:
        return datetime.now(UTC).timestamp() if self.moment is None else self.moment


def now() -> datetime:
    return datetime.now(BUCHAREST)


def arrivals(port: int, called: str = "ORTHANC", memory: DictMemory | None = None, **settings: Any) -> Arrivals:
    """The check, bound to a node on this machine."""
    clock = settings.pop("clock", Clock())
    check = Arrivals.model_validate({"timeout": 60, **settings})
    node = Node(name="archive", host="127.0.0.1", port=port, ae_title=called)
    bind(check, node, memory or DictMemory(), clock.site_time)
    return check


def by_rest(orthanc: Orthanc, memory: DictMemory | None = None, **settings: Any) -> Arrivals:
    return arrivals(orthanc.dicom_port, memory=memory, **{"rest": {"orthanc": orthanc.url}, **settings})


async def look(check: Arrivals) -> Run:
    gave = await run(check, 60)
    assert gave.failure is None, gave.message
    return gave


async def begun(check: Arrivals) -> Arrivals:
    """After its first look, which finds no news."""
    gave = await look(check)
    assert gave.samples == []
    return check


def stable(orthanc: Orthanc) -> bool:
    return all(study["IsStable"] for study in orthanc.get("/studies?expand"))


async def measured(check: Arrivals, orthanc: Orthanc) -> Run:
    """What a look gives once Orthanc calls all studies stable."""
    await until(lambda: stable(orthanc), 60)
    return await look(check)


def labels(gave: Run, metric: str) -> list[tuple[str, ...]]:
    return [sample.labels for sample in gave.samples if sample.metric.name == metric]


def sources(gave: Run) -> dict[str, float]:
    return {sample.labels[0]: sample.value for sample in gave.samples if sample.metric.name == TODAY}


# By Orthanc's list of changes.


async def test_a_study_is_an_arrival_at_once_and_measured_once_it_is_quiet(orthanc: Orthanc, tmp_path: Path) -> None:
    check = await begun(by_rest(orthanc))
    ended = now() - timedelta(seconds=90)
    started = datetime.now(UTC).timestamp()
    send(tmp_path, orthanc, image(ended - timedelta(hours=1), **acquired(ended)))
    gave = await look(check)
    assert sources(gave) == {"CT2": 1}
    assert started - 1 <= (gave.value(LAST, source="CT2") or 0) <= check.site_time.now().timestamp()
    gave = await measured(check, orthanc) if not labels(gave, LATENCY) else gave
    assert labels(gave, LATENCY) == [("CT", "acquisition")]
    assert 90 <= (gave.value(LATENCY) or 0) < 90 + 120
    assert gave.value(AHEAD, source="CT2") == 0
    assert labels(gave, NEGATIVE) == []
    assert labels(await look(check), LATENCY) == []


async def test_nothing_of_patients_is_kept_or_told(
    orthanc: Orthanc, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    memory = DictMemory()
    check = await begun(by_rest(orthanc, memory))
    sent = image(now(), **acquired(now()))
    send(tmp_path, orthanc, sent)
    gave = [await look(check), await measured(check, orthanc)]
    told = [repr([each.samples for each in gave]), *memory.record]
    told += [record.getMessage() for record in caplog.records if not record.name.startswith("pynetdicom")]
    uids = (sent.StudyInstanceUID, sent.SeriesInstanceUID, sent.SOPInstanceUID)
    identifiers = [each["ID"] for each in orthanc.get("/studies?expand")]
    for secret in ("canary", *uids):
        assert [text for text in told if secret in text.lower()] == [], secret
    assert [text for text in told for each in identifiers if each in text] == [], "they are hashes of a patient's"
    assert "canary" in json.dumps(orthanc.get("/studies?expand")).lower()
    assert set(json.loads(memory.record[-1].partition("=")[2])) == {
        "last", "silent", "today", "day", "watched", "blind", "position",
    }  # fmt: skip


async def test_the_metrics_are_those_that_the_documentation_names(orthanc: Orthanc, tmp_path: Path) -> None:
    known = {metric.name for metric in load_file(Path(module.__file__ or "")).metrics}
    assert known == {
        LATENCY, NEGATIVE, LAST, TODAY, LIMIT, SILENT, UNMEASURED, AHEAD, "pacs_dicom_association_rejections_total",
    }  # fmt: skip


async def test_each_clock_is_read_in_its_own_zone(orthanc: Orthanc, tmp_path: Path) -> None:
    sources = [{"ae_title": "MR1", "time_zone": "Asia/Tokyo"}, "CT2", "US3"]
    check = await begun(by_rest(orthanc, sources=sources, time_zone="America/New_York"))
    ended = datetime.now(UTC) - timedelta(minutes=10)

    def shown(zone: str) -> datetime:
        return ended.astimezone(ZoneInfo(zone))

    there = acquired(shown("Asia/Tokyo"))
    send(tmp_path, orthanc, image(ended, Modality="MR", **there), calling="MR1")
    send(tmp_path, orthanc, image(ended, **acquired(shown("America/New_York"))), calling="CT2")
    kathmandu = acquired(shown("Asia/Kathmandu"))
    send(tmp_path, orthanc, image(ended, Modality="US", TimezoneOffsetFromUTC="+0545", **kathmandu), calling="US3")
    gave = await measured(check, orthanc)
    assert sorted(labels(gave, LATENCY)) == [("CT", "acquisition"), ("MR", "acquisition"), ("US", "acquisition")]
    assert all(600 <= (gave.value(LATENCY, dicom_modality=one) or 0) < 800 for one in ("CT", "MR", "US"))


async def test_a_clock_that_is_ahead_is_counted_apart_and_not_clamped(orthanc: Orthanc, tmp_path: Path) -> None:
    check = await begun(by_rest(orthanc))
    send(tmp_path, orthanc, image(now(), **acquired(now() + timedelta(minutes=7))))
    gave = await measured(check, orthanc)
    assert labels(gave, LATENCY) == []
    assert gave.value(NEGATIVE, source="CT2") == 1
    assert 200 < (gave.value(AHEAD, source="CT2") or 0) <= 420


async def test_the_latest_time_of_the_study_counts_and_is_named(orthanc: Orthanc, tmp_path: Path) -> None:
    check = await begun(by_rest(orthanc))
    first = image(now() - timedelta(hours=2), **acquired(now() - timedelta(hours=1)))
    ended = now() - timedelta(minutes=5)
    second = image(now(), first, ContentDate=f"{ended:%Y%m%d}", ContentTime=f"{ended:%H%M%S}")
    send(tmp_path, orthanc, first, second)
    gave = await measured(check, orthanc)
    assert labels(gave, LATENCY) == [("CT", "content")]
    assert 300 <= (gave.value(LATENCY) or 0) < 500


async def test_without_times_in_the_images_the_beginning_of_the_series_is_taken_and_said_so(
    orthanc: Orthanc, tmp_path: Path
) -> None:
    check = await begun(by_rest(orthanc))
    begin = now() - timedelta(minutes=30)
    send(tmp_path, orthanc, image(begin, SeriesDate=f"{begin:%Y%m%d}", SeriesTime=f"{begin:%H%M%S}"))
    gave = await measured(check, orthanc)
    assert labels(gave, LATENCY) == [("CT", "series")]
    assert 1800 <= (gave.value(LATENCY) or 0) < 2000


async def test_what_cannot_be_measured_is_counted_by_its_cause(orthanc: Orthanc, tmp_path: Path) -> None:
    check = await begun(by_rest(orthanc))
    for times in ({}, acquired(now() - timedelta(days=700)), acquired(now() + timedelta(days=700))):
        send(tmp_path, orthanc, image(now(), **times))
    gave = await measured(check, orthanc)
    assert labels(gave, LATENCY) == labels(gave, NEGATIVE) == []
    causes = ("no_time", "too_old", "in_future")
    assert [gave.value(UNMEASURED, cause=cause) for cause in causes] == [1, 1, 1]
    assert sources(gave) == {"CT2": 3}


@pytest.mark.parametrize(("modality", "label"), [("MG", "MG"), ("CANARY", "other"), (None, "other")])
async def test_only_modalities_of_the_standard_are_labels(
    orthanc: Orthanc, tmp_path: Path, modality: str | None, label: str
) -> None:
    check = await begun(by_rest(orthanc))
    send(tmp_path, orthanc, image(now(), Modality=modality, **acquired(now())))
    gave = await measured(check, orthanc)
    assert labels(gave, LATENCY) + labels(gave, NEGATIVE) in ([(label, "acquisition")], [("CT2",)])
    assert "CANARY" not in repr(gave.samples)


async def test_a_study_that_grows_later_is_measured_once(orthanc: Orthanc, tmp_path: Path) -> None:
    check = await begun(by_rest(orthanc))
    first = image(now(), **acquired(now() - timedelta(minutes=1)))
    send(tmp_path, orthanc, first)
    assert len(labels(await measured(check, orthanc), LATENCY)) == 1
    send(tmp_path, orthanc, image(now(), first, **acquired(now())))
    assert labels(await measured(check, orthanc), LATENCY) == []


async def test_others_are_learned_up_to_a_bound_and_beyond_it_they_are_other(orthanc: Orthanc, tmp_path: Path) -> None:
    memory = DictMemory()
    check = await begun(by_rest(orthanc, memory, most_sources=2))
    for title in ("CT1", "CT2", "CT3", "CT1", "CT4"):
        send(tmp_path, orthanc, image(now(), **acquired(now())), calling=title)
    assert sources(await look(check)) == {"CT1": 2, "CT2": 1, "other": 2}
    again = by_rest(orthanc, memory, most_sources=2)
    send(tmp_path, orthanc, image(now(), **acquired(now())), calling="CT5")
    assert sources(await look(again)) == {"CT1": 2, "CT2": 1, "other": 3}


async def test_sources_that_are_listed_are_told_by_their_names(orthanc: Orthanc, tmp_path: Path) -> None:
    listed = ["CT1", {"ae_title": "XR7", "station": "XRAY 7"}, {"station": "MAMMO"}]
    check = await begun(by_rest(orthanc, sources=listed, ignore=["WS1"]))
    sent = [
        ("CT1", "A"),
        ("ROUTER", "XRAY 7"),
        ("ROUTER", "MAMMO"),
        ("ROUTER", "XRAY 8"),
        ("WS1", "A"),
        ("PACSMON", "A"),
    ]
    for title, station in sent:
        send(tmp_path, orthanc, image(now(), StationName=station, **acquired(now())), calling=title)
    assert sources(await look(check)) == {"CT1": 1, "XR7": 1, "MAMMO": 1, "other": 1}


async def test_what_comes_while_the_agent_is_down_is_found_afterwards(orthanc: Orthanc, tmp_path: Path) -> None:
    memory = DictMemory()
    await begun(by_rest(orthanc, memory))
    send(tmp_path, orthanc, image(now(), **acquired(now() - timedelta(minutes=1))))
    again = by_rest(orthanc, memory)
    gave = await measured(again, orthanc)
    assert sources(gave) == {"CT2": 1}
    assert len(labels(gave, LATENCY)) == 1
    assert sources(await look(again)) == {"CT2": 1}


async def test_a_new_database_is_read_from_its_beginning_on(start_orthanc: StartOrthanc, tmp_path: Path) -> None:
    memory = DictMemory()
    old, new = start_orthanc(), start_orthanc()
    await begun(by_rest(old, memory))
    send(tmp_path, old, image(now(), **acquired(now())))
    await look(by_rest(old, memory))
    check = by_rest(new, memory)
    await look(check)
    send(tmp_path, new, image(now(), **acquired(now())))
    assert sources(await look(check)) == {"CT2": 2}


async def test_a_run_looks_at_a_few_studies_and_the_next_goes_on(
    orthanc: Orthanc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reception, "MOST_STUDIES", 2)
    monkeypatch.setattr(reception, "PAGE", 3)
    check = await begun(by_rest(orthanc))
    for number in range(3):
        send(tmp_path, orthanc, image(now(), **acquired(now())), calling=f"CT{number}")
    await until(lambda: stable(orthanc), 60)
    counts = [sum(sources(await look(check)).values()) for _ in range(6)]
    assert counts[0] == 2
    assert counts[-1] == 3


async def test_studies_that_are_deleted_meanwhile_stop_nothing(orthanc: Orthanc, tmp_path: Path) -> None:
    check = await begun(by_rest(orthanc))
    send(tmp_path, orthanc, image(now(), **acquired(now())))
    orthanc.clear()
    send(tmp_path, orthanc, image(now(), **acquired(now())), calling="CT3")
    assert sources(await look(check)) == {"CT3": 1}


async def test_an_archive_that_does_not_answer_is_told_of_as_by_every_check() -> None:
    port = free_port()
    gave = await run(arrivals(port, rest={"orthanc": f"http://127.0.0.1:{port}"}))
    assert gave.reason == "refused"
    assert gave.message == (
        f"Orthanc's REST API http://127.0.0.1:{port} refuses the connection; start Orthanc's web server, or "
        f"correct the port"
    )


async def test_what_was_read_before_a_failure_is_not_lost(
    orthanc: Orthanc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pacs_monitor.check import CheckFailed

    check = await begun(by_rest(orthanc))
    send(tmp_path, orthanc, image(now(), **acquired(now())), calling="CT1")
    send(tmp_path, orthanc, image(now(), **acquired(now())), calling="CT2")
    arrival, seen = reception._arrival, list[str]()

    def fails_once(*args: Any) -> Any:
        seen.append("")
        if len(seen) == 2:
            raise CheckFailed("timeout", "did not answer; look")
        return arrival(*args)

    monkeypatch.setattr(reception, "_arrival", fails_once)
    assert (await run(check, 60)).reason == "timeout"
    assert sources(await look(check)) == {"CT1": 1, "CT2": 1}


# By asking again and again.


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


# Silence.

TUESDAY = MONDAY + timedelta(days=36)


async def five_weeks(stop: float, **settings: Any) -> DictMemory:
    """A memory of a source CT2 that works from 8 to 17 and sends nothing from that moment on."""
    player = Player()
    moments = without(Scanner().sends(MONDAY, 40, random.Random(7)), (stop, stop + 10**7))
    await player.play(moments, at(MONDAY, "0:00"), stop + 300)
    assert player.told == []
    return player.memory


async def test_a_source_that_is_silent_for_longer_than_usual_is_told_of_with_figures(
    orthanc: Orthanc, tmp_path: Path
) -> None:
    memory, clock = await five_weeks(at(TUESDAY, "9:30")), Clock()
    clock.moment = at(TUESDAY, "9:40")
    check = by_rest(orthanc, memory, clock=clock, interval=300)
    gave = await look(check)
    limit = gave.value(LIMIT, source="CT2") or 0
    assert 1800 <= limit < 3 * 3600
    assert labels(gave, SILENT) == []
    while not labels(gave, SILENT):
        clock.moment += 300
        assert clock.moment < at(TUESDAY, "13:00")
        gave = await look(check)
    last = gave.value(LAST, source="CT2") or 0
    ((source, weekday, hour, usual),) = labels(gave, SILENT)
    limit = gave.value(LIMIT, source="CT2") or 0
    assert clock.moment - last > limit
    assert (source, weekday) == ("CT2", "Tuesdays")
    assert hour == f"{datetime.fromtimestamp(clock.moment, BUCHAREST):%H}:00"
    assert re.fullmatch(r"(\d+ h )?\d+ min|\d+ h", usual)
    # A study ends it.
    send(tmp_path, orthanc, image(now(), **acquired(now())))
    clock.moment += 300
    gave = await look(check)
    assert labels(gave, SILENT) == []
    assert gave.value(LAST, source="CT2") == clock.moment or (gave.value(LAST, source="CT2") or 0) > last


async def test_while_the_archive_cannot_be_asked_nobody_falls_silent_and_who_was_silent_stays_so(
    start_orthanc: StartOrthanc,
) -> None:
    orthanc = start_orthanc()
    for silent in (False, True):
        memory, clock = await five_weeks(at(TUESDAY, "9:30")), Clock()
        clock.moment = at(TUESDAY, "9:40")
        check = by_rest(orthanc, memory, clock=clock, interval=300)
        gave = await look(check)
        while silent and not labels(gave, SILENT):
            clock.moment += 300
            gave = await look(check)
        gone = f"http://127.0.0.1:{free_port()}"
        broken = by_rest(orthanc, memory, clock=clock, interval=300, rest={"orthanc": gone})
        clock.moment = at(TUESDAY, "15:00")
        gave = await run(broken, 60)
        assert gave.reason == "refused"
        assert bool(labels(gave, SILENT)) is bool(labels(gave, LIMIT)) is silent
        assert gave.value(LAST, source="CT2") is not None
        # It can be asked again: what could not be seen is no silence yet.
        gave = await look(check)
        assert bool(labels(gave, SILENT)) is bool(labels(gave, LIMIT)) is silent


async def test_days_off_of_the_hours_are_not_judged(orthanc: Orthanc) -> None:
    hours = {"clinic": Hours.model_validate({"closed": [TUESDAY.isoformat()]})}
    memory, clock = await five_weeks(at(TUESDAY, "7:00")), Clock(hours=hours)
    clock.moment = at(TUESDAY, "9:40")
    check = by_rest(orthanc, memory, clock=clock, interval=300, hours="clinic")
    for _ in range(3):
        clock.moment += 3600
        gave = await look(check)
        assert labels(gave, LIMIT) == labels(gave, SILENT) == []


async def test_sources_that_are_no_longer_listed_are_forgotten(orthanc: Orthanc) -> None:
    memory, clock = await five_weeks(at(TUESDAY, "9:30")), Clock()
    clock.moment = at(TUESDAY, "9:40")
    assert sources(await look(by_rest(orthanc, memory, clock=clock, sources=["MR1"]))) == {}


# Settings.


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (
            {"rest": {"orthanc": "http://a"}, "dicomweb": {"url": "http://a/dicom-web"}},
            "rest and dicomweb are two ways to see the same; keep one",
        ),
        (
            {"rest": {"orthanc": "http://a"}, "sources": ["CT1", {"ae_title": "CT1"}]},
            "sources names CT1 twice; take one away",
        ),
        (
            {"sources": ["CT1"]},
            "sources has no station for CT1, and C-FIND and QIDO-RS do not tell AE titles of senders; "
            "write {ae_title: CT1, station: its StationName}, or set rest",
        ),
        ({"sources": [{}]}, "names nobody; set ae_title, station, or both"),
        ({"sources": [{"station": "other"}]}, "is called other, as all are that are not listed; give it its ae_title"),
        ({"time_zone": "Europe/Bukarest"}, "there is no time zone Europe/Bukarest; did you mean Europe/Bucharest?"),
        (
            {"sources": [{"station": "A", "time_zone": "Europe/Bukarest"}]},
            "there is no time zone Europe/Bukarest; did you mean Europe/Bucharest?",
        ),
    ],
)
def test_a_mistake_is_told_with_its_remedy(settings: dict[str, Any], told: str) -> None:
    with complaint(told):
        Arrivals.model_validate(settings)
