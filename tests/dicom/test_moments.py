"""When an exam ended: dates, times and time zones as modalities write them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pacs_monitor.dicom.modalities import CODES, OTHER, modality_label
from pacs_monitor.dicom.moments import (
    ENDINGS,
    beginning_of,
    end_of,
    parse_date_and_time,
    parse_datetime,
    parse_offset,
    unix,
)

BUCHAREST = ZoneInfo("Europe/Bucharest")


def at(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


NOON = at("2026-11-24T12:00+00:00")


def end(*images: Mapping[str, str], zone: ZoneInfo = BUCHAREST, seen: float = NOON) -> tuple[float, str] | None:
    found = end_of(images, zone, seen)
    return None if found is None else (found.at, found.by)


def test_the_latest_of_all_times_of_all_images_counts_and_says_which_it_is() -> None:
    first = {"AcquisitionDateTime": "20261124101500", "ContentDate": "20261124", "ContentTime": "101630.5"}
    second = {"AcquisitionDate": "20261124", "AcquisitionTime": "1014"}
    assert end(first, second) == (at("2026-11-24T10:16:30.5+02:00"), "content")
    later = {"InstanceCreationDate": "20261124", "InstanceCreationTime": "101701"}
    assert end(first, second, later) == (at("2026-11-24T10:17:01+02:00"), "creation")
    assert end(second) == (at("2026-11-24T10:14+02:00"), "acquisition")
    assert {by for _, by in filter(None, (end(first), end(second), end(later)))} <= set(ENDINGS)


def test_without_a_time_there_is_no_end() -> None:
    assert end() is None
    assert (
        end({}, {"AcquisitionDate": "20261124"}, {"ContentTime": "101010"}, {"AcquisitionDateTime": "20261124"}) is None
    )


def test_the_beginning_of_a_series_or_study_says_that_it_is_one() -> None:
    study = {"StudyDate": "20261124", "StudyTime": "0930"}
    assert beginning_of(study, "study", BUCHAREST, NOON) == (at("2026-11-24T09:30+02:00"), "study")
    assert beginning_of(study, "series", BUCHAREST, NOON) is None


def test_the_time_zone_of_the_data_set_comes_before_the_configured_one_and_that_of_the_value_before_both() -> None:
    plain = {"ContentDate": "20261124", "ContentTime": "100000"}
    assert end(plain) == (at("2026-11-24T10:00+02:00"), "content")
    assert end({**plain, "TimezoneOffsetFromUTC": "-0530"}) == (at("2026-11-24T10:00-05:30"), "content")
    whole = {"AcquisitionDateTime": "20261124100000+0900", "TimezoneOffsetFromUTC": "-0530"}
    assert end(whole) == (at("2026-11-24T10:00+09:00"), "acquisition")
    assert end({**plain, "TimezoneOffsetFromUTC": "Europe"}) == (at("2026-11-24T10:00+02:00"), "content")


@pytest.mark.parametrize(
    ("date", "offset"),
    [("20260328", "+02:00"), ("20260330", "+03:00"), ("20261024", "+03:00"), ("20261026", "+02:00")],
)
def test_daylight_saving_is_that_of_the_date(date: str, offset: str) -> None:
    day = f"{date[:4]}-{date[4:6]}-{date[6:]}"
    image = {"ContentDate": date, "ContentTime": "120000"}
    assert end(image, seen=at(f"{day}T23:00+00:00")) == (at(f"{day}T12:00{offset}"), "content")


def test_a_time_that_clocks_show_twice_is_the_later_one_that_was_not_after_it_was_seen() -> None:
    image = {"ContentDate": "20261025", "ContentTime": "033000"}  # 03:30 at +03:00, and again at +02:00
    first, second = at("2026-10-25T03:30+03:00"), at("2026-10-25T03:30+02:00")
    assert end(image, seen=first + 60) == (first, "content")
    assert end(image, seen=second + 60) == (second, "content")
    assert end(image, seen=first - 60) == (first, "content")


def test_a_time_that_clocks_skip_is_one_within_the_hour_of_the_jump() -> None:
    found = end({"ContentDate": "20260329", "ContentTime": "033000"}, seen=NOON)
    assert found is not None
    assert abs(found[0] - at("2026-03-29T04:00+03:00")) <= 1800


@pytest.mark.parametrize(
    ("date", "time", "means"),
    [
        ("20261124", "101112", "2026-11-24T10:11:12"),
        ("20261124 ", "101112.25 ", "2026-11-24T10:11:12.250000"),
        ("20261124", "1011", "2026-11-24T10:11:00"),
        ("2026.11.24", "10:11:12", "2026-11-24T10:11:12"),  # ACR-NEMA, as old devices write it
        ("20261124", "235960", "2026-11-24T23:59:59"),
        ("20261124", "10", None),
        ("20261124", "", None),
        ("", "101112", None),
        ("20261324", "101112", None),
        ("20260230", "101112", None),
        ("20261124", "251112", None),
        ("00010101", "000000", None),
        ("99991231", "235959", None),
        ("20261124-20261125", "101112", None),
        ("٢٠٢٦١١٢٤", "101112", None),
    ],
)
def test_dates_and_times(date: str, time: str, means: str | None) -> None:
    found = parse_date_and_time(date, time)
    assert (found and found.isoformat()) == means


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("20261124101112.5+0200", "2026-11-24T10:11:12.500000+02:00"),
        ("202611241011", "2026-11-24T10:11:00"),
        ("20261124101112-0330", "2026-11-24T10:11:12-03:30"),
        ("20261124", None),
        ("2026112410", None),
        ("20261124101112+02", None),
        ("Canary^Secret", None),
    ],
)
def test_moments_in_one_value(text: str, means: str | None) -> None:
    found = parse_datetime(text)
    assert (found and found.isoformat()) == means


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("+0100", 1.0),
        ("-1200", -12.0),
        ("+1400", 14.0),
        ("+0545", 5.75),
        ("+0000", 0.0),
        ("+1401", None),
        ("-1201", None),
    ],
)
def test_offsets(text: str, hours: float | None) -> None:
    zone = parse_offset(text)
    assert (None if zone is None else zone.utcoffset(None)) == (None if hours is None else timedelta(hours=hours))


@given(st.text(max_size=30), st.text(max_size=30), st.text(max_size=8))
def test_no_text_breaks_it(date: str, time: str, offset: str) -> None:
    image = {
        "ContentDate": date,
        "ContentTime": time,
        "AcquisitionDateTime": date + time,
        "TimezoneOffsetFromUTC": offset,
    }
    found = end_of([image], BUCHAREST, NOON)
    assert found is None or found.by in ENDINGS
    assert modality_label(date) in {*CODES, OTHER}


@given(
    st.integers(int(at("1981-01-01T00:00+00:00")), int(at("2199-12-30T00:00+00:00"))),
    st.sampled_from(["Europe/Bucharest", "America/St_Johns", "Asia/Kathmandu", "Australia/Lord_Howe", "UTC"]),
)
def test_what_clocks_show_means_a_moment_at_which_they_show_it(moment: int, name: str) -> None:
    zone = ZoneInfo(name)
    shown = datetime.fromtimestamp(moment, zone)
    found = unix(shown.replace(tzinfo=None, fold=0), zone, moment)
    assert found == moment


@pytest.mark.parametrize(
    ("code", "label"),
    [("CT", "CT"), ("ct ", "CT"), ("", OTHER), (None, OTHER), ("CANARY", OTHER), ("FOO\\MR", "MR"), ("MR\0", "MR")],
)
def test_only_the_codes_of_the_standard_are_labels(code: str | None, label: str) -> None:
    assert modality_label(code) == label
