"""The check worklist against worklists that work (DCMTK's wlmscpfs, Orthanc's plug-in) and one that does not."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset

from checks import worklist as module
from checks.worklist import Worklist
from pacs_monitor.loader import load_file
from pacs_monitor.node import Node
from pacs_monitor.settings import Hours
from pacs_monitor.sitetime import SiteTime
from tests.checks.finder import Finder
from tests.checks.support import Run, bind, complaint, run, site_at, until
from tests.noise import with_time
from tests.pages import block
from tests.peers.worklists import WorklistServer, dcmtk_worklist, entry, orthanc_worklist

CLINIC = Hours.model_validate({"days": "mon-fri", "from": "07:00", "to": "17:00"})
AT_NOON = site_at("2026-11-24T12:00", clinic=CLINIC)
NOON = AT_NOON.now()


def at(clock: str, day: str = "2026-11-24") -> datetime:
    return datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=NOON.tzinfo)


async def ask(port: int, called: str = "FINDER", site_time: SiteTime = AT_NOON, **settings: Any) -> Run:
    check = Worklist.model_validate(settings)
    return await run(bind(check, Node(name="worklist", host="127.0.0.1", port=port, ae_title=called), None, site_time))


@pytest.fixture(params=[dcmtk_worklist, orthanc_worklist], ids=["wlmscpfs", "orthanc"])
def server(request: pytest.FixtureRequest, new_folder: Callable[[str], Path]) -> Iterator[WorklistServer]:
    with request.param(new_folder("worklist")) as server:
        yield server


@pytest.fixture
def finder() -> Iterator[Finder]:
    with Finder().serve() as finder:
        yield finder


TODAY = [
    entry("CT1", "CT", at("08:00"), 1),
    entry("CT1", "CT", at("11:59:59"), 2),
    entry("CT1", "CT", at("12:30"), 3),
    entry("CT1", "CT", at("16:00"), 4),
    entry("MR1", "MR", at("09:00"), 5),
    entry("CT1", "CT", at("08:00", "2026-11-23"), 6),
    entry("CT1", "CT", at("08:00", "2026-11-25"), 7),
]
"""Four for CT1 and one for MR1; two of other days."""


async def test_the_entries_of_today_are_counted_by_station(server: WorklistServer) -> None:
    server.list(*TODAY)
    gave = await ask(server.port, server.ae_title, stations=["CT1", "MR1", "US1"])
    assert gave.failure is None
    stations = {"CT1": (4, 2, at("12:30")), "MR1": (1, 1, None), "US1": (0, 0, None)}
    for station, (entries, overdue, coming) in stations.items():
        assert gave.value("pacs_worklist_entries", for_station=station, for_modality="") == entries
        assert gave.value("pacs_worklist_overdue_entries", for_station=station) == overdue
        start = gave.value("pacs_worklist_next_timestamp_seconds", for_station=station)
        assert start == (coming.timestamp() if coming else None)
        assert 0 < (gave.value("pacs_worklist_seconds", for_station=station) or 0) < 20


@pytest.mark.parametrize(
    ("settings", "counts"),
    [
        ({"modalities": ["CT", "MR"]}, {"CT": 4, "MR": 1}),
        ({}, {"": 5}),
    ],
)
async def test_they_are_counted_by_modality_or_in_all(
    server: WorklistServer, settings: dict[str, Any], counts: dict[str, int]
) -> None:
    server.list(*TODAY)
    gave = await ask(server.port, server.ae_title, **settings)
    assert gave.failure is None
    for modality, entries in counts.items():
        labels = {"for_station": "", "for_modality": modality}
        assert gave.value("pacs_worklist_entries", **labels) == entries


async def test_no_word_of_a_patient_comes_of_it(server: WorklistServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    server.list(*TODAY)
    gave = await ask(server.port, server.ae_title, stations=["CT1"], expect_at_least=9, hours="clinic")
    assert gave.reason == "not_found"
    traces = [repr(gave.samples), gave.message, *(record.getMessage() for record in caplog.records)]
    assert not [trace for trace in traces if "canary" in trace.lower() or "2.25." in trace or "1970" in trace]


async def test_a_worklist_that_is_empty_is_not_down(server: WorklistServer) -> None:
    gave = await ask(server.port, server.ae_title, stations=["CT1"])
    assert gave.failure is None
    assert gave.value("pacs_worklist_entries") == 0


async def test_empty_within_the_hours_in_which_something_is_expected_is_told(server: WorklistServer) -> None:
    server.list(entry("MR1", "MR", at("09:00")))
    settings: dict[str, Any] = {"stations": ["CT1"], "expect_at_least": 5, "hours": "clinic"}
    gave = await ask(server.port, server.ae_title, **settings)
    assert gave.reason == "not_found"
    assert gave.message == (
        "worklist answers, and lists nothing for CT1 although at least 5 are expected in clinic (mon-fri 07:00-17:00); "
        "look at the RIS interface (HL7 ORM) first, then at the AE titles there"
    )
    for moment in ("2026-11-24T06:59", "2026-11-24T17:00", "2026-11-29T12:00"):
        gave = await ask(server.port, server.ae_title, site_at(moment, clinic=CLINIC), **settings)
        assert gave.failure is None, moment


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (
            {"stations": ["CT1", "MR1"]},
            "lists only 4 for CT1 and only 1 for MR1 although at least 5 for each are expected",
        ),
        ({"stations": ["CT1", "MR1", "US1"]}, "nothing for US1, and only 4 for CT1 and only 1 for MR1 although"),
        ({"stations": ["US1", "US2", "US3"]}, "nothing for US1, US2 and US3 although at least 5"),
        ({"modalities": ["MR", "US"], "expect_at_least": 2}, "lists nothing for US, and only 1 for MR although"),
        ({"expect_at_least": 6}, "lists only 5 for today although at least 6 are expected in clinic (mon-fri 07:00-17"),
    ],
)
async def test_each_that_has_too_few_is_named(server: WorklistServer, settings: dict[str, Any], words: str) -> None:
    server.list(*TODAY)
    gave = await ask(server.port, server.ae_title, **{"expect_at_least": 5, "hours": "clinic", **settings})
    assert gave.reason == "not_found"
    assert words in gave.message
    several = len(settings.get("stations", settings.get("modalities", ()))) > 1
    assert (" for each are expected in clinic (mon-fri 07:00-17:00);" in gave.message) is several


async def test_as_many_as_expected_will_do(server: WorklistServer) -> None:
    server.list(*TODAY)
    gave = await ask(server.port, server.ae_title, modalities=["CT"], expect_at_least=4, hours="clinic")
    assert gave.failure is None


async def test_more_entries_than_the_limit_are_cancelled(server: WorklistServer) -> None:
    server.list(*TODAY)
    gave = await ask(server.port, server.ae_title, stations=["CT1", "MR1"], limit=2)
    assert gave.failure is None
    assert gave.value("pacs_worklist_entries", for_station="CT1") == 2
    assert gave.value("pacs_worklist_cancelled", for_station="CT1") == 1
    assert gave.value("pacs_worklist_entries", for_station="MR1") == 1, "the association goes on"
    assert gave.value("pacs_worklist_cancelled", for_station="MR1") == 0


async def test_today_is_the_day_at_the_site(server: WorklistServer) -> None:
    server.list(*TODAY)
    gave = await ask(server.port, server.ae_title, site_at("2026-11-25T00:30"), stations=["CT1"])  # 24th in UTC
    assert gave.value("pacs_worklist_entries") == 1
    start = gave.value("pacs_worklist_next_timestamp_seconds")
    assert start == at("08:00", "2026-11-25").timestamp()


async def test_it_asks_for_no_key_of_a_patient_in_one_association_and_releases_it(finder: Finder) -> None:
    gave = await ask(finder.port, stations=["CT1", "MR1", "CT1"], calling_ae_title="CT1")
    assert gave.failure is None
    asked = [query.ScheduledProcedureStepSequence[0] for query in finder.asked]
    assert [[element.keyword for element in query] for query in finder.asked] == [
        ["ScheduledProcedureStepSequence"]
    ] * 2
    assert [str(step.ScheduledStationAETitle) for step in asked] == ["CT1", "MR1"]
    assert {element.keyword: str(element.value) for element in asked[0]} == {
        "Modality": "",
        "ScheduledStationAETitle": "CT1",
        "ScheduledProcedureStepStartDate": "20261124",
        "ScheduledProcedureStepStartTime": "",
    }
    assert finder.callers == ["CT1", "CT1"]
    await until(lambda: finder.standing == 0)
    assert (finder.most_standing, finder.released, finder.aborted) == (1, 1, 0)


def _without_step() -> Dataset:
    found = Dataset()
    found.PatientName = "Canary^Secret"
    return found


def _with_time(time: str) -> Dataset:
    found = entry("CT1", "CT", at("08:00"))
    step = found.ScheduledProcedureStepSequence[0]
    step.ScheduledProcedureStepStartTime = time
    del step.ScheduledProcedureStepStartDate
    return found


async def test_entries_that_do_not_say_when_are_counted_all_the_same(finder: Finder) -> None:
    finder.answers = lambda query: [_without_step(), _with_time(""), _with_time("1230"), _with_time("canary")]
    gave = await ask(finder.port)
    assert gave.failure is None
    assert gave.value("pacs_worklist_entries") == 4
    assert gave.value("pacs_worklist_overdue_entries") == 0
    assert gave.value("pacs_worklist_next_timestamp_seconds") == at("12:30").timestamp()
    assert "canary" not in repr(gave.samples)


async def test_the_slowest_query_is_told_if_it_takes_too_long(finder: Finder) -> None:
    def answers(query: Dataset) -> list[Dataset]:
        mr = query.ScheduledProcedureStepSequence[0].ScheduledStationAETitle == "MR1"
        return [entry("MR1", "MR", at("08:00"))] * (6 if mr else 0)

    finder.answers, finder.pause = answers, 0.5  # long, so that a pause of the machine is not longer
    gave = await ask(finder.port, stations=["CT1", "MR1"], slow="2500ms")
    assert gave.reason == "threshold"
    assert gave.message.startswith("worklist took ")
    assert gave.message.endswith(
        " s to answer a query for the worklist of MR1, 2.5 s are allowed; look at its load and its database"
    )
    assert gave.value("pacs_worklist_entries", for_station="MR1") == 6


@with_time(1, 4, 12)
async def test_a_worklist_that_hangs_is_broken_and_gives_no_figures(seconds: float) -> None:
    finder = Finder()
    finder.hangs = True
    with finder.serve():
        check = Worklist(stations=("CT1",))
        node = Node(name="worklist", host="127.0.0.1", port=finder.port, ae_title="FINDER")
        gave = await run(bind(check, node), seconds)
        assert gave.reason == "timeout"
        assert "gave no answer to the C-FIND within" in gave.message
        assert gave.value("pacs_worklist_entries") is None
    await until(lambda: check.surroundings.abandoned == [])


async def test_what_was_listed_before_a_query_failed_is_kept(finder: Finder) -> None:
    def answers(query: Dataset) -> list[Dataset]:
        finder.status = 0xC001
        return [entry("CT1", "CT", at("08:00"))]

    finder.answers = answers
    gave = await ask(finder.port, stations=["CT1", "MR1"])
    assert gave.reason == "dimse_status"
    assert gave.message.startswith("worklist answered the C-FIND with 0xC001 ")
    assert gave.value("pacs_worklist_entries", for_station="CT1") == 1
    assert gave.value("pacs_worklist_entries", for_station="MR1") is None


async def test_an_orthanc_that_does_not_know_us_is_told_so(new_folder: Callable[[str], Path]) -> None:
    with orthanc_worklist(new_folder("worklist"), DicomAlwaysAllowFindWorklist=False) as server:
        gave = await ask(server.port, server.ae_title, calling_ae_title="STRANGER")
    assert gave.reason == "aborted"
    assert "it often means that STRANGER is not permitted there" in gave.message


async def test_an_orthanc_that_is_told_of_us_as_the_page_says_lets_us_ask(new_folder: Callable[[str], Path]) -> None:
    told = json.loads(block("docs/checks.md", "json", "DicomModalities"))
    strict = {"DicomAlwaysAllowFind": False, "DicomAlwaysAllowFindWorklist": False}
    with orthanc_worklist(new_folder("worklist"), **strict, **told) as server:
        server.list(*TODAY)
        gave = await ask(server.port, server.ae_title)
    assert gave.failure is None
    assert gave.value("pacs_worklist_entries") == 5


async def test_it_gives_the_metrics_that_the_documentation_names_and_no_others(server: WorklistServer) -> None:
    server.list(*TODAY)
    runs = [await ask(server.port, title) for title in (server.ae_title, "WRONG")]
    given = {sample.metric.name for gave in runs for sample in gave.samples}
    assert given == {metric.name for metric in load_file(Path(module.__file__ or "")).metrics}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"stations": ["CT1"], "modalities": ["CT"]}, "stations and modalities are two ways to ask; keep one, or make"),
        ({"expect_at_least": 5}, "expect_at_least holds at night, too, when worklists are empty; set hours to one of"),
        ({"hours": "clinic"}, "hours says when expect_at_least holds, which is not set; set it, or remove hours"),
        ({"modalities": ["CT", "mr"]}, "mr is not the code of a modality; write it as DICOM does, such as CT or MR"),
        ({"stations": ["A-TITLE-OF-17-LONG"]}, "an AE title has at most 16"),
        ({"slow": "1m"}, "slow is not shorter than timeout; shorten it, or lengthen timeout and interval"),
    ],
)
def test_settings_that_cannot_work_are_refused_at_load(settings: dict[str, Any], words: str) -> None:
    with complaint(words):
        Worklist.model_validate(settings)
