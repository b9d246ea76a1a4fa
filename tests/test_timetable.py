from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pacs_monitor.sections import DAYS
from pacs_monitor.settings import Hours, Maintenance
from pacs_monitor.sitetime import SiteTime
from pacs_monitor.timetable import ALWAYS, NEVER, Phase, hours_phase, is_day_off, maintenance_phase, moment

BUCHAREST = ZoneInfo("Europe/Bucharest")  # clocks jump 03:00 -> 04:00 on 29 March 2026, 04:00 -> 03:00 on 25 October
HOUR = 3600.0


def at(text: str, fold: int = 0, zone: ZoneInfo = BUCHAREST) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold).timestamp()


def hours(**plan: Any) -> Hours:
    return Hours.model_validate({key.rstrip("_"): value for key, value in plan.items()})


def maintenance(**plan: Any) -> Maintenance:
    return Maintenance.model_validate({"name": "m", **{key.rstrip("_"): value for key, value in plan.items()}})


CLINIC = hours(days="mon-fri", from_="07:00", to="20:00")


@pytest.mark.parametrize(
    ("now", "inside", "since", "until"),
    [
        ("2026-11-24T06:59:59", False, "2026-11-23T20:00", "2026-11-24T07:00"),
        ("2026-11-24T07:00", True, "2026-11-24T07:00", "2026-11-24T20:00"),
        ("2026-11-24T19:59:59", True, "2026-11-24T07:00", "2026-11-24T20:00"),
        ("2026-11-24T20:00", False, "2026-11-24T20:00", "2026-11-25T07:00"),
        ("2026-11-29T12:00", False, "2026-11-27T20:00", "2026-11-30T07:00"),
    ],
)
def test_hours_begin_at_from_and_end_just_before_to(now: str, inside: bool, since: str, until: str) -> None:
    assert hours_phase(CLINIC, BUCHAREST, at(now)) == Phase(inside, at(since), at(until))


def test_hours_that_end_before_they_begin_end_on_the_next_day() -> None:
    night = hours(days=["fri"], from_="22:00", to="06:00")
    assert hours_phase(night, BUCHAREST, at("2026-11-28T05:00")) == Phase(
        True, at("2026-11-27T22:00"), at("2026-11-28T06:00")
    )
    assert not hours_phase(night, BUCHAREST, at("2026-11-27T05:00")).inside


def test_hours_from_a_time_to_the_same_time_last_a_day() -> None:
    day = hours(days=["sat"], from_="08:00", to="08:00")
    assert hours_phase(day, BUCHAREST, at("2026-11-29T07:00")) == Phase(
        True, at("2026-11-28T08:00"), at("2026-11-29T08:00")
    )


def test_a_public_holiday_is_outside_the_hours() -> None:
    plan = hours(days="mon-fri", from_="07:00", to="20:00", holidays="RO")
    christmas = at("2026-12-25T12:00")
    assert hours_phase(CLINIC, BUCHAREST, christmas).inside
    assert hours_phase(plan, BUCHAREST, christmas) == Phase(False, at("2026-12-24T20:00"), at("2026-12-28T07:00"))


def test_days_off_are_holidays_and_closed_days_and_no_weekends() -> None:
    plan = hours(days="mon-fri", holidays="RO", closed=["2026-12-24"])
    off = [day for day in range(21, 32) if is_day_off(date(2026, 12, day), plan)]
    assert off == [24, 25, 26]
    assert not is_day_off(date(2026, 12, 25), CLINIC)
    assert SiteTime(hours={"clinic": plan}).day_off("clinic", date(2026, 12, 25))


def test_a_holiday_of_a_part_of_a_country_counts_there_alone() -> None:
    epiphany, zone = at("2026-01-06T12:00", zone=ZoneInfo("Europe/Berlin")), ZoneInfo("Europe/Berlin")
    assert not hours_phase(hours(holidays="DE-BY"), zone, epiphany).inside
    assert hours_phase(hours(holidays="DE-BE"), zone, epiphany).inside


def test_a_night_shift_that_began_before_a_holiday_goes_on_into_it() -> None:
    plan = hours(from_="22:00", to="06:00", holidays="RO")
    assert hours_phase(plan, BUCHAREST, at("2026-11-30T05:00")).inside  # Saint Andrew's day
    assert not hours_phase(plan, BUCHAREST, at("2026-11-30T23:00")).inside


def test_a_closed_date_is_outside_the_hours() -> None:
    plan = hours(days="mon-fri", from_="07:00", to="20:00", closed=(date(2026, 11, 24), date(2026, 11, 25)))
    assert hours_phase(plan, BUCHAREST, at("2026-11-25T12:00")) == Phase(
        False, at("2026-11-23T20:00"), at("2026-11-26T07:00")
    )


def test_days_that_follow_without_a_gap_are_one_stretch() -> None:
    plan = hours(days="mon-fri")
    assert hours_phase(plan, BUCHAREST, at("2026-11-25T12:00")) == Phase(
        True, at("2026-11-23T00:00"), at("2026-11-28T00:00")
    )


def test_hours_around_the_clock_have_no_bounds() -> None:
    assert hours_phase(hours(), BUCHAREST, at("2026-11-25T12:00")) == Phase(True, ALWAYS, NEVER)


def test_hours_without_a_working_day_are_never() -> None:
    assert hours_phase(hours(days=[]), BUCHAREST, at("2026-11-25T12:00")) == Phase(False, ALWAYS, NEVER)


def test_a_closure_of_two_months_keeps_its_beginning() -> None:
    closed = [date.fromordinal(date(2026, 7, 1).toordinal() + day) for day in range(62)]
    plan = hours(from_="07:00", to="20:00", closed=closed)
    assert hours_phase(plan, BUCHAREST, at("2026-08-30T12:00")) == Phase(
        False, at("2026-06-30T20:00"), at("2026-09-01T07:00")
    )


@pytest.mark.parametrize(("night", "clock_says"), [("2026-03-28", "05:00"), ("2026-10-24", "03:00")])
def test_a_maintenance_of_six_hours_lasts_six_hours_when_the_clocks_change(night: str, clock_says: str) -> None:
    planned = maintenance(days=["sat"], from_="22:00", for_="6h")
    begin = at(f"{night}T22:00")
    assert maintenance_phase(planned, BUCHAREST, begin) == Phase(True, begin, begin + 6 * HOUR)
    assert maintenance_phase(planned, BUCHAREST, begin + 6 * HOUR - 1).inside
    assert not maintenance_phase(planned, BUCHAREST, begin + 6 * HOUR).inside
    assert datetime.fromtimestamp(begin + 6 * HOUR, BUCHAREST).strftime("%H:%M") == clock_says


def test_a_beginning_that_the_clocks_jump_over_is_the_moment_of_the_jump() -> None:
    planned = maintenance(on=date(2026, 3, 29), from_="03:30", for_="1h")
    jump = datetime(2026, 3, 29, 1, tzinfo=UTC).timestamp()
    assert maintenance_phase(planned, BUCHAREST, jump) == Phase(True, jump, jump + HOUR)
    assert not maintenance_phase(planned, BUCHAREST, jump - 1).inside


def test_a_beginning_that_clocks_show_twice_is_the_first() -> None:
    planned = maintenance(on=date(2026, 10, 25), from_="03:30", for_="30m")
    first, second = at("2026-10-25T03:30"), at("2026-10-25T03:30", fold=1)
    assert second - first == HOUR
    assert maintenance_phase(planned, BUCHAREST, first).inside
    assert not maintenance_phase(planned, BUCHAREST, second).inside


def test_hours_that_end_at_a_time_that_clocks_show_twice_end_at_the_second() -> None:
    plan = hours(from_="22:00", to="03:30")
    assert hours_phase(plan, BUCHAREST, at("2026-10-25T03:15", fold=1)).inside
    assert hours_phase(plan, BUCHAREST, at("2026-10-25T03:15")).until == at("2026-10-25T03:30", fold=1)


def test_hours_that_lie_in_the_hour_that_is_jumped_over_do_not_happen_that_day() -> None:
    plan = hours(days=["sun"], from_="03:10", to="03:50")
    assert hours_phase(plan, BUCHAREST, at("2026-03-29T04:00")) == Phase(
        False, at("2026-03-22T03:50"), at("2026-04-05T03:10")
    )


def test_a_maintenance_on_one_date_happens_once() -> None:
    planned = maintenance(on=date(2026, 11, 24), from_="12:00", for_="2d")
    assert maintenance_phase(planned, BUCHAREST, at("2025-11-24T12:00")) == Phase(False, ALWAYS, at("2026-11-24T12:00"))
    assert maintenance_phase(planned, BUCHAREST, at("2026-11-26T11:00")).inside
    assert maintenance_phase(planned, BUCHAREST, at("2026-11-26T12:00")) == Phase(False, at("2026-11-26T12:00"), NEVER)


def test_maintenance_that_begins_before_the_last_has_ended_is_one_stretch() -> None:
    planned = maintenance(days="mon,tue", from_="12:00", for_="30h")
    assert maintenance_phase(planned, BUCHAREST, at("2026-11-24T13:00")) == Phase(
        True, at("2026-11-23T12:00"), at("2026-11-25T18:00")
    )


def test_maintenance_that_never_ends_has_no_bounds() -> None:
    planned = maintenance(days="mon", from_="12:00", for_="8d")
    assert maintenance_phase(planned, BUCHAREST, at("2026-11-24T13:00")) == Phase(True, ALWAYS, NEVER)


def test_an_end_of_24_00_is_the_midnight_after() -> None:
    assert moment(date(2026, 11, 24), "24:00", BUCHAREST) == at("2026-11-25T00:00")


ZONES = ("Europe/Bucharest", "America/St_Johns", "Australia/Lord_Howe", "America/Santiago", "UTC", "Asia/Kathmandu")


@settings(deadline=None, max_examples=200)
@given(
    now=st.integers(int(at("2026-01-01T00:00")), int(at("2027-06-01T00:00"))),
    zone=st.sampled_from([ZoneInfo(name) for name in ZONES]),
    days=st.lists(st.sampled_from(DAYS), unique=True, min_size=1),
    minutes=st.tuples(st.integers(0, 1439), st.integers(0, 1440)),
)
def test_the_answer_holds_until_its_bound_and_turns_there(
    now: int, zone: ZoneInfo, days: list[str], minutes: tuple[int, int]
) -> None:
    clock = [f"{minute // 60:02}:{minute % 60:02}" for minute in minutes]
    plan = hours(days=days, from_=clock[0], to=clock[1])
    phase = hours_phase(plan, zone, now)
    assert phase.covers(now)
    for bound, inside in ((phase.since, phase.inside), (phase.until, not phase.inside)):
        if abs(bound) < NEVER:
            assert hours_phase(plan, zone, bound).inside is inside
            assert hours_phase(plan, zone, bound - 1).inside is not inside
