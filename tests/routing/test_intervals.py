"""Time intervals against what Alertmanager's documentation says of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from pacs_monitor.routing.intervals import TimeInterval

BUCHAREST = "Europe/Bucharest"


def at(text: str, zone: str = "") -> int:
    """Milliseconds of a time, in UTC unless in a zone; `fold` is that of the first of two."""
    then = datetime.fromisoformat(text)
    return round(then.replace(tzinfo=ZoneInfo(zone) if zone else UTC).timestamp() * 1000)


def held(interval: TimeInterval, *texts: str) -> list[str]:
    return [text for text in texts if interval.contains(at(text))]


def days(interval: TimeInterval, month: str, zone: str = "") -> list[int]:
    """The days of a month on which it holds at noon."""
    first = datetime.fromisoformat(f"{month}-01T12:00")
    every = (first + timedelta(days=day) for day in range(31))
    here = [one for one in every if one.month == first.month]
    return [one.day for one in here if interval.contains(at(one.isoformat(), zone))]


def test_one_that_says_nothing_always_holds() -> None:
    assert held(TimeInterval(), "1970-01-01T00:00", "2030-12-31T23:59:59.999") != []


def test_times_begin_with_their_start_and_are_over_at_their_end() -> None:
    clinic = TimeInterval(times=((9 * 60, 17 * 60),))
    assert held(
        clinic,
        "2026-11-24T08:59:59.999",
        "2026-11-24T09:00",
        "2026-11-24T16:59:59.999",
        "2026-11-24T17:00",
    ) == ["2026-11-24T09:00", "2026-11-24T16:59:59.999"]


def test_a_day_ends_at_twenty_four() -> None:
    late = TimeInterval(times=((22 * 60, 24 * 60),))
    assert held(late, "2026-11-24T23:59:59.999", "2026-11-25T00:00") == ["2026-11-24T23:59:59.999"]


def test_times_are_utc_unless_a_location_is_given() -> None:
    morning = ((8 * 60, 9 * 60),)
    assert TimeInterval(times=morning).contains(at("2026-07-01T08:30"))
    assert TimeInterval(times=morning, location=BUCHAREST).contains(at("2026-07-01T05:30"))  # summer: three hours
    assert TimeInterval(times=morning, location=BUCHAREST).contains(at("2026-12-01T06:30"))  # winter: two
    assert not TimeInterval(times=morning, location=BUCHAREST).contains(at("2026-12-01T05:30"))


def test_the_location_decides_the_day_too() -> None:
    monday = TimeInterval(weekdays=((1, 1),), location="Pacific/Auckland")
    assert monday.contains(at("2026-11-22T12:00"))  # a Sunday in UTC
    assert not monday.contains(at("2026-11-23T12:00"))


@pytest.mark.parametrize(
    ("utc", "holds"),
    [
        ("2026-10-24T23:59", False),  # 02:59 in summer time
        ("2026-10-25T00:00", True),  # 03:00 in summer time
        ("2026-10-25T00:59", True),
        ("2026-10-25T01:00", True),  # 03:00 again, in winter time
        ("2026-10-25T01:59", True),
        ("2026-10-25T02:00", False),  # 04:00
    ],
)
def test_an_hour_that_comes_twice_holds_twice(utc: str, holds: bool) -> None:
    assert TimeInterval(times=((180, 240),), location=BUCHAREST).contains(at(utc)) is holds


def test_an_hour_that_is_left_out_never_holds() -> None:
    skipped = TimeInterval(times=((180, 240),), location=BUCHAREST)
    day = at("2026-03-29T00:00", BUCHAREST)
    assert not any(skipped.contains(day + minute * 60_000) for minute in range(0, 23 * 60))
    after = TimeInterval(times=((240, 241),), location=BUCHAREST)
    assert after.contains(at("2026-03-29T01:00"))


def test_weekdays_begin_with_sunday() -> None:
    week = [f"2026-11-{day}T12:00" for day in range(22, 29)]  # the 22nd is a Sunday
    assert held(TimeInterval(weekdays=((0, 0),)), *week) == week[:1]
    assert held(TimeInterval(weekdays=((1, 3), (6, 6))), *week) == [*week[1:4], week[6]]
    assert held(TimeInterval(weekdays=((0, 6),)), *week) == week


def test_days_count_from_the_beginning_and_from_the_end_of_the_month() -> None:
    assert days(TimeInterval(days_of_month=((1, 5),)), "2026-11") == [1, 2, 3, 4, 5]
    assert days(TimeInterval(days_of_month=((-3, -1),)), "2026-11") == [28, 29, 30]
    assert days(TimeInterval(days_of_month=((-1, -1),)), "2026-01") == [31]
    assert days(TimeInterval(days_of_month=((27, -1),)), "2026-02") == [27, 28]
    assert days(TimeInterval(days_of_month=((1, 1), (15, 15))), "2026-11") == [1, 15]


def test_days_beyond_a_month_are_cut_off() -> None:
    assert days(TimeInterval(days_of_month=((1, 31),)), "2026-02") == list(range(1, 29))
    assert days(TimeInterval(days_of_month=((1, 31),)), "2028-02") == list(range(1, 30))  # a leap year
    assert days(TimeInterval(days_of_month=((30, 31),)), "2026-02") == []
    assert days(TimeInterval(days_of_month=((31, 31),)), "2026-11") == []
    assert days(TimeInterval(days_of_month=((-31, -28),)), "2026-02") == [1]
    assert days(TimeInterval(days_of_month=((-31, -30),)), "2026-02") == []
    assert days(TimeInterval(days_of_month=((-31, -1),)), "2026-04") == list(range(1, 31))


def test_the_last_day_is_that_of_the_calendar_in_a_month_whose_clocks_change() -> None:
    # Alertmanager 0.25 divides its hours by 24, and takes the 30th for the last of March.
    assert days(TimeInterval(days_of_month=((-1, -1),), location=BUCHAREST), "2026-03", BUCHAREST) == [31]
    assert days(TimeInterval(days_of_month=((-1, -1),), location=BUCHAREST), "2026-10", BUCHAREST) == [31]


@pytest.mark.parametrize("year", [1900, 1999, 2000, 2023, 2024, 2100])
def test_every_month_ends_where_the_calendar_ends_it(year: int) -> None:
    for month in range(1, 13):
        then = datetime(year + month // 12, month % 12 + 1, 1, 12, tzinfo=UTC) - timedelta(days=1)
        last = TimeInterval(days_of_month=((-1, -1),))
        assert last.contains(round(then.timestamp() * 1000))
        assert not last.contains(round((then - timedelta(days=1)).timestamp() * 1000))
        assert not last.contains(round((then + timedelta(days=1)).timestamp() * 1000))


def test_months_and_years_hold_with_both_their_ends() -> None:
    year = [f"2026-{month:02}-15T12:00" for month in range(1, 13)]
    assert held(TimeInterval(months=((3, 5), (12, 12))), *year) == [*year[2:5], year[11]]
    years = [f"{number}-06-01T12:00" for number in range(2024, 2030)]
    assert held(TimeInterval(years=((2025, 2026), (2029, 2029))), *years) == [years[1], years[2], years[5]]


def test_all_fields_have_to_agree() -> None:
    interval = TimeInterval(
        times=((540, 1020),), weekdays=((1, 5),), days_of_month=((24, 24),), months=((11, 11),), years=((2026, 2026),)
    )
    assert held(
        interval,
        "2026-11-24T12:00",
        "2026-11-24T08:00",
        "2026-11-25T12:00",
        "2026-12-24T12:00",
        "2025-11-24T12:00",
    ) == ["2026-11-24T12:00"]
    assert held(interval, "2030-11-24T12:00") == []


def test_a_range_that_holds_nothing_never_agrees() -> None:
    for empty in (
        TimeInterval(times=((2, 1),)),
        TimeInterval(weekdays=((2, 1),)),
        TimeInterval(days_of_month=((2, 1),)),
        TimeInterval(months=((2, 1),)),
        TimeInterval(years=((2, 1),)),
    ):
        assert not any(empty.contains(at(f"2026-11-{day:02}T00:00")) for day in range(1, 31)), empty
