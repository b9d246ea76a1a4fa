"""The check c_find against archives that work (Orthanc, dcmqrscp) and one that does not do what it should."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from checks import c_find as module
from checks.c_find import CFind
from pacs_monitor.dicom import DicomCheck, synthetic
from pacs_monitor.dicom.contexts import SECONDARY_CAPTURE
from pacs_monitor.loader import load_file
from pacs_monitor.node import Node
from pacs_monitor.settings import Hours
from tests.checks.archive import canary, upload
from tests.checks.finder import Finder, study
from tests.checks.support import Run, bind, complaint, run, site_at, until
from tests.conftest import StartOrthanc
from tests.noise import with_time
from tests.peers.dcmtk import DcmQrScp
from tests.peers.orthanc import Orthanc

CLINIC = Hours.model_validate({"days": "mon-fri", "from": "07:00", "to": "17:00"})
AT_NOON = site_at("2026-11-24T12:00", clinic=CLINIC)
CANARYS_DAY = "2024-05-06"


def archive(port: int, called: str = "FINDER") -> Node:
    return Node(name="archive", host="127.0.0.1", port=port, ae_title=called)


def bound(port: int, called: str = "FINDER", **settings: Any) -> CFind:
    check = CFind.model_validate(settings)
    bind(check, archive(port, called), site_time=AT_NOON)
    return check


async def find(port: int, called: str = "FINDER", **settings: Any) -> Run:
    return await run(bound(port, called, **settings))


@pytest.fixture
def finder() -> Iterator[Finder]:
    with Finder().serve() as finder:
        yield finder


async def test_orthanc_finds_the_studies_of_a_day_and_no_word_of_a_patient_comes_of_it(
    orthanc: Orthanc, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    upload(orthanc, canary())
    caplog.clear()
    gave = await find(orthanc.dicom_port, "ORTHANC", dates=CANARYS_DAY)
    assert gave.failure is None
    assert gave.value("pacs_c_find_matches") == 1
    assert gave.value("pacs_c_find_cancelled") == 0
    assert 0 < (gave.value("pacs_c_find_seconds") or 0) < 20
    assert all(gave.value("pacs_dicom_phase_seconds", phase=phase) for phase in ("associate", "dimse", "release"))
    traces = [repr(gave.samples), *(record.getMessage() for record in caplog.records)]
    assert not [trace for trace in traces if "canary" in trace.lower() or "2.25." in trace]


@pytest.mark.parametrize(
    ("settings", "matches"),
    [
        ({"dates": "2024-05-01/2024-05-31"}, 1),
        ({"dates": "2024-05-07/2024-05-31"}, 0),
        ({"dates": CANARYS_DAY, "modality": "OT"}, 1),
        ({"dates": CANARYS_DAY, "modality": "CT"}, 0),
        ({}, 0),
    ],
)
async def test_it_asks_for_days_and_a_modality(orthanc: Orthanc, settings: dict[str, Any], matches: int) -> None:
    upload(orthanc, canary())
    gave = await find(orthanc.dicom_port, "ORTHANC", **settings)
    assert gave.failure is None
    assert gave.value("pacs_c_find_matches") == matches


class Sender(DicomCheck):
    """A check that only lends its associations."""


async def test_dcmqrscp_finds_the_studies_of_today(dcmqrscp: DcmQrScp) -> None:
    node, now = archive(dcmqrscp.port, dcmqrscp.ae_title), datetime.now(UTC)
    sender = Sender()
    bind(sender, node)
    async with sender.association((SECONDARY_CAPTURE,)) as assoc:
        for _ in range(3):
            await assoc.store(synthetic.make_study(now).dataset)
    today = site_at(f"{now:%Y-%m-%d}T12:00", "UTC")
    for limit, matches, cancelled in ((200, 3, 0), (3, 3, 0), (2, 2, 1)):
        check = CFind(limit=limit)
        gave = await run(bind(check, node, site_time=today))
        assert gave.failure is None
        assert gave.value("pacs_c_find_matches") == matches
        assert gave.value("pacs_c_find_cancelled") == cancelled


@pytest.mark.parametrize(
    ("settings", "keys"),
    [
        ({}, {"StudyDate": "20261124"}),
        ({"days": 7}, {"StudyDate": "20261118-20261124"}),
        ({"dates": "2024-05-06/2024-05-12"}, {"StudyDate": "20240506-20240512"}),
        ({"modality": "CT"}, {"StudyDate": "20261124", "ModalitiesInStudy": "CT"}),
    ],
)
async def test_it_asks_for_no_key_of_a_patient(finder: Finder, settings: dict[str, Any], keys: dict[str, str]) -> None:
    finder.answers = lambda query: [study(query)]
    gave = await find(finder.port, **settings)
    assert gave.failure is None
    (asked,) = finder.asked
    told = {element.keyword: str(element.value) for element in asked}
    assert told == {"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": "", **keys}


async def test_today_is_the_day_at_the_site(finder: Finder) -> None:
    check = CFind()
    await run(bind(check, archive(finder.port), site_time=site_at("2026-11-25T00:30", "Pacific/Auckland")))
    assert finder.asked[0].StudyDate == "20261125"  # where it is still the 24th in UTC


async def test_a_query_that_takes_too_long_fails_and_gives_its_figures(finder: Finder) -> None:
    finder.answers, finder.pause = lambda query: [study(query)] * 4, 0.05
    gave = await find(finder.port, slow="100ms", modality="CT")
    assert gave.reason == "threshold"
    seconds = gave.value("pacs_c_find_seconds") or 0
    assert seconds >= 0.2
    assert gave.message == (
        f"archive took {seconds:.3g} s to answer a query for the CT studies of today, 0.1 s are allowed; look at its "
        f"load and its database"
    )
    assert gave.value("pacs_c_find_matches") == 4


@pytest.mark.parametrize(
    ("found", "settings", "words"),
    [
        (0, {}, "asked for the studies of today it finds none although at least 2 are expected;"),
        (1, {}, "asked for the studies of today it finds only 1 although at least 2 are expected;"),
        (0, {"days": 2}, "asked for the studies of the last 2 days it finds none"),
        (0, {"dates": "2024-05-06/2024-05-12"}, "asked for the studies of 2024-05-06 to 2024-05-12 it finds none"),
        (
            0,
            {"hours": "clinic"},
            "although at least 2 are expected in clinic (mon-fri 07:00-17:00); look at its import",
        ),
    ],
)
async def test_too_few_matches_are_told(finder: Finder, found: int, settings: dict[str, Any], words: str) -> None:
    finder.answers = lambda query: [study(query)] * found
    gave = await find(finder.port, expect_at_least=2, **settings)
    assert gave.reason == "not_found"
    assert gave.message.startswith("archive answers, and ")
    assert words in gave.message
    assert gave.value("pacs_c_find_matches") == found


async def test_outside_of_the_hours_none_are_expected(finder: Finder) -> None:
    check = CFind.model_validate({"expect_at_least": 5, "hours": "clinic"})
    gave = await run(bind(check, archive(finder.port), site_time=site_at("2026-11-24T17:00", clinic=CLINIC)))
    assert gave.failure is None
    assert gave.value("pacs_c_find_matches") == 0


async def test_one_study_is_expected_and_two_are(finder: Finder) -> None:
    assert "finds none although at least 1 is expected; look" in (await find(finder.port, expect_at_least=1)).message


async def test_as_many_as_expected_will_do(finder: Finder) -> None:
    finder.answers = lambda query: [study(query)] * 2
    assert (await find(finder.port, expect_at_least=2)).failure is None


async def test_more_matches_than_the_limit_are_cancelled_and_the_association_is_released(finder: Finder) -> None:
    finder.answers, finder.pause = lambda query: [study(query)] * 2000, 0.001
    gave = await find(finder.port, limit=10)
    assert gave.failure is None
    assert gave.value("pacs_c_find_matches") == 10
    assert gave.value("pacs_c_find_cancelled") == 1
    assert finder.sent < 2000
    await until(lambda: finder.released == 1)
    assert finder.aborted == 0


@with_time(2, 6, 15)
async def test_an_archive_that_does_not_heed_the_cancellation_is_aborted_and_told(seconds: float) -> None:
    finder = Finder(lambda query: [study(query)] * 1_000_000)
    finder.heeds_cancel, finder.pause = False, 0.01
    with finder.serve():
        check = bound(finder.port, limit=10)
        gave = await run(check, seconds)
        assert gave.reason == "timeout"
        assert gave.message == (
            "archive has more than the 10 matches that limit allows, and goes on sending them after our C-CANCEL; ask "
            "for less (a shorter time, one modality) or raise limit"
        )
        await until(lambda: finder.aborted == 1)
        await until(lambda: check.surroundings.abandoned == [])


@with_time(1, 4, 12)
async def test_an_archive_that_hangs_is_given_up(seconds: float) -> None:
    finder = Finder()
    finder.hangs = True
    with finder.serve():
        check = bound(finder.port)
        gave = await run(check, seconds)
        assert gave.reason == "timeout"
        assert "took the association and gave no answer to the C-FIND within" in gave.message
        assert gave.value("pacs_c_find_matches") is None
        assert gave.value("pacs_dicom_phase_seconds", phase="associate") is not None
    await until(lambda: check.surroundings.abandoned == [])


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (0xA700, "0xA700 (refused: out of resources); it lacks memory, threads or disk: look at its load"),
        (0x0124, "0x0124 (refused: not authorised); permit MONITOR to use the service there"),
        (0x0122, "0x0122 (refused: SOP class not supported); have the service switched on there"),
        (0xA900, "it does not take this query: ask its vendor which keys it matches by"),
        (0xC000, "it could not carry out the query: look at its database, and into its log at this time"),
        (0x0999, "0x0999 (a status of its own); look into its log at this time"),
    ],
)
async def test_a_status_is_told_with_its_remedy(finder: Finder, status: int, words: str) -> None:
    finder.status = status
    gave = await find(finder.port, calling_ae_title="MONITOR")
    assert gave.reason == "dimse_status"
    assert gave.message.startswith(f"archive answered the C-FIND with 0x{status:04X} ")
    assert gave.message.endswith(words)
    assert finder.callers == ["MONITOR"]
    await until(lambda: finder.released == 1)


async def test_an_archive_that_does_not_know_us_is_told_so(start_orthanc: StartOrthanc) -> None:
    orthanc = start_orthanc(DicomAlwaysAllowFind=False)
    gave = await find(orthanc.dicom_port, "ORTHANC", calling_ae_title="STRANGER")
    assert gave.reason == "aborted"
    assert "aborted after the C-FIND request" in gave.message
    assert "it often means that STRANGER is not permitted there" in gave.message


async def test_a_rejection_is_counted(orthanc: Orthanc) -> None:
    gave = await find(orthanc.dicom_port, "WRONG")
    assert gave.reason == "rejected"
    assert gave.value("pacs_dicom_association_rejections_total", reason="called_ae_title") == 1


async def test_it_gives_the_metrics_that_the_documentation_names_and_no_others(orthanc: Orthanc) -> None:
    runs = [await find(orthanc.dicom_port, title) for title in ("ORTHANC", "WRONG")]
    given = {sample.metric.name for gave in runs for sample in gave.samples}
    assert given == {metric.name for metric in load_file(Path(module.__file__ or "")).metrics}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"dates": "yesterday"}, "yesterday is neither a date nor two; write for example 2024-05-06, or 2024-05-06/"),
        ({"dates": "2024-05-06/"}, "2024-05-06/ is neither a date nor two"),
        (
            {"dates": "2024-05-12/2024-05-06"},
            "2024-05-12/2024-05-06 ends before it begins; write the earlier date first",
        ),
        ({"days": 2, "dates": "2024-05-06"}, "days counts back from today, dates stays as it is; keep one of the two"),
        ({"days": 1000}, "days is more than a year, which is no small query; ask for less"),
        ({"modality": "ct"}, "ct is not the code of a modality; write it as DICOM does, such as CT or MR"),
        ({"modality": "C*"}, "C* is not the code of a modality"),
        ({"slow": "10s"}, "slow is not shorter than timeout; shorten it, or lengthen timeout and interval"),
        ({"expect_at_least": 300}, "expect_at_least is more than limit, so no query can give so many; raise limit"),
        ({"hours": "clinic"}, "hours says when expect_at_least holds, which is not set; set it, or remove hours"),
    ],
)
def test_settings_that_cannot_work_are_refused_at_load(settings: dict[str, Any], words: str) -> None:
    with complaint(words):
        CFind.model_validate(settings)


def test_an_expectation_that_fails_after_midnight_is_warned_of() -> None:
    assert CFind(expect_at_least=5).warnings() == (
        "expect_at_least holds just after midnight, too, when today has no studies yet; set hours, or days: 2",
    )
    for settings in ({}, {"hours": "clinic"}, {"days": 2}, {"dates": "2024-05-06"}):
        assert CFind.model_validate({**settings, "expect_at_least": 5} if settings else {}).warnings() == ()
