"""What comes into an archive, by the list of changes of a real Orthanc."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from checks import arrivals as module
from checks.arrivals import Arrivals
from pacs_monitor.loader import load_file
from pacs_monitor.reception import orthanc as reception
from tests.checks.exams import acquired, image, send
from tests.checks.seeing import (
    AHEAD,
    LAST,
    LATENCY,
    LIMIT,
    NEGATIVE,
    SILENT,
    TODAY,
    UNMEASURED,
    arrivals,
    begun,
    by_rest,
    labels,
    look,
    measured,
    now,
    sources,
    stable,
)
from tests.checks.support import DictMemory, complaint, run, until
from tests.conftest import StartOrthanc
from tests.peers.orthanc import Orthanc
from tests.peers.ports import free_port


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
