"""The forecast over simulated years: it foretells growth, and calls nothing full that never will be."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from tests.forecast.simulated import A_DAY, END, GB, SIZE, TB, WEEKDAY, Told, Volume, at, days_ago, live


def near(days: float | None, expected: float, share: float = 0.05) -> bool:
    return days is not None and abs(days - expected) <= share * expected + 1


async def test_a_year_of_weekdays_and_weekends_gives_the_day_and_a_range_around_it() -> None:
    volume = Volume()
    told = await live(volume, 365)
    assert told.growth == pytest.approx(A_DAY, rel=0.03)
    assert near(told.left(), volume.free / A_DAY, 0.03)
    early, late = told.left("early"), told.left("late")
    assert early is not None
    assert late is not None
    assert early < (told.left() or 0) < late < 1.2 * early
    assert told.values["pacs_storage_history_days"] in (364, 365)


async def test_the_day_that_was_foretold_is_the_day_on_which_it_was_full() -> None:
    volume = Volume(free=365 * A_DAY)
    told = await live(volume, 360)
    assert len(told.days_left) > 340
    for ago, foretold in told.days_left.items():
        truth = volume.free / A_DAY + ago
        assert abs(foretold - truth) <= 0.06 * truth + 2.5, f"{ago} days ago"


async def test_a_weekend_ahead_is_two_days_more() -> None:
    tuesday = END - timedelta(days=1)
    for end, expected in ((tuesday, 2.5), (tuesday + timedelta(days=3), 4.5)):
        taken = Volume(noise=0)
        await live(taken, 63, end=end)
        volume = Volume(noise=0, free=20 * TB - taken.free + 2.5 * WEEKDAY)
        left = (await live(volume, 63, end=end)).left()
        assert volume.free == pytest.approx(2.5 * WEEKDAY)
        assert left == pytest.approx(expected, abs=0.7)


@pytest.mark.parametrize("days", [1, 3, 6, 7])
async def test_less_than_a_week_and_a_half_gives_no_forecast_rather_than_a_wrong_one(days: int) -> None:
    told = await live(Volume(free=TB), days)
    assert told.left() is None
    assert told.growth is None
    assert told.values["pacs_storage_history_days"] == days


async def test_two_weeks_give_one() -> None:
    volume = Volume(free=2 * TB)
    told = await live(volume, 14)
    assert near(told.left(), volume.free / A_DAY, 0.1)


# Purges.


def purged_nightly(to: float) -> Volume:
    def purge(volume: Volume, when: datetime) -> None:
        if when.hour == 2:
            volume.free = to + volume.rng.gauss(0, 5 * GB)

    return Volume(free=to, events=[purge])


def recycled(low: float, high: float) -> Volume:
    """An archive that deletes its oldest studies whenever less than `low` is free, until `high` is."""

    def purge(volume: Volume, when: datetime) -> None:
        if volume.free < low:
            volume.free = high

    return Volume(free=high, events=[purge])


def deletes_what_is_a_year_old(level: float) -> Volume:
    def purge(volume: Volume, when: datetime) -> None:
        if when.hour == 2:
            volume.free += (WEEKDAY if (when - timedelta(days=365)).weekday() < 5 else 0) * volume.rng.gauss(1, 0.15)

    return Volume(free=level, weekend=0, events=[purge])


@pytest.mark.parametrize("days", [20, 60, 180, 365])
async def test_an_archive_that_is_purged_each_night_at_95_percent_is_never_foretold_to_fill(days: int) -> None:
    told = await live(purged_nightly(0.05 * SIZE), days)
    assert told.days_left == {}
    assert abs(told.growth or 0) < 0.05 * A_DAY


@pytest.mark.parametrize("refill", [0.05, 0.1, 0.2, 0.3, 0.5, 1.0])
async def test_an_archive_that_recycles_at_95_percent_for_ever_raises_no_alarm(refill: float) -> None:
    told = await live(recycled(0.05 * SIZE, 0.05 * SIZE + refill * TB), 365)
    assert [days for days in told.days_left.values() if days < 30] == []
    assert [ago for ago in told.days_left if ago < 180] == [], "after some rounds it is known"


async def test_deleting_what_is_a_year_old_is_no_growth() -> None:
    told = await live(deletes_what_is_a_year_old(0.05 * SIZE), 365)
    assert [days for days in told.days_left.values() if days < 30] == []


async def test_recycling_that_ends_is_noticed_within_the_week() -> None:
    volume = recycled(0.05 * SIZE, 0.05 * SIZE + 0.5 * TB)

    def broken(each: Volume, when: datetime) -> None:
        if when < days_ago(10) and each.free < 0.05 * SIZE:
            each.free = 0.05 * SIZE + 0.5 * TB

    volume.events = [broken]
    told = await live(volume, 300)
    assert near(told.left(), volume.free / A_DAY, 0.15)


async def test_what_grows_beneath_recycling_is_foretold() -> None:
    volume = recycled(2.5 * TB, 3 * TB)
    leaked = 4 * GB

    def leak(each: Volume, when: datetime) -> None:
        each.events[0] = recycled(2.5 * TB - leaked * (when - days_ago(300)).days, 3 * TB).events[0]

    volume.events.append(leak)
    told = await live(volume, 300)
    assert told.growth == pytest.approx(leaked, rel=0.3)


@pytest.mark.parametrize("ago", [2.5, 10, 30, 60, 85])
async def test_one_clean_up_spoils_nothing(ago: float) -> None:
    volume = Volume(events=[at(ago, 5 * TB)])
    told = await live(volume, 200)
    assert told.growth == pytest.approx(A_DAY, rel=0.06)
    assert near(told.left(), volume.free / A_DAY, 0.06)


async def test_a_clean_up_each_quarter_spoils_nothing() -> None:
    volume = Volume(free=8 * TB, events=[at(ago, 3 * TB) for ago in (30, 120, 210, 300)])
    told = await live(volume, 365)
    assert told.growth == pytest.approx(A_DAY, rel=0.06)
    assert near(told.left(), volume.free / A_DAY, 0.06)


@pytest.mark.parametrize("ago", [2.5, 30, 80])
async def test_one_import_is_no_growth(ago: float) -> None:
    volume = Volume(events=[at(ago, -5 * TB)])
    told = await live(volume, 200)
    assert told.growth == pytest.approx(A_DAY, rel=0.06)
    assert near(told.left(), volume.free / A_DAY, 0.06)


async def test_an_archive_that_is_fed_once_a_month_grows() -> None:
    volume = Volume(weekday=0, weekend=0, events=[at(ago, -1.5 * TB) for ago in range(5, 365, 30)])
    told = await live(volume, 365)
    assert told.growth == pytest.approx(50 * GB, rel=0.2)
    assert told.left() is not None


async def test_what_a_backup_takes_each_night_is_kept_free_for_it() -> None:
    def backup(volume: Volume, when: datetime) -> None:
        volume.free += {1: -400 * GB, 4: 400 * GB}.get(when.hour, 0)

    volume = Volume(free=12 * TB, events=[backup])
    told = await live(volume, 200)
    assert near(told.left(), (volume.free - 400 * GB) / A_DAY, 0.04)


async def test_a_volume_that_nothing_is_written_to_is_never_full() -> None:
    told = await live(Volume(weekday=0, weekend=0), 90)
    assert told.left() is None
    assert told.growth == 0


async def test_growth_that_has_doubled_is_within_the_range() -> None:
    def busier(volume: Volume, when: datetime) -> None:
        volume.weekday = WEEKDAY if when < days_ago(60) else 2 * WEEKDAY

    volume = Volume(free=30 * TB, weekend=0, events=[busier])
    told = await live(volume, 365)
    truth = volume.free / (2 * WEEKDAY * 5 / 7)
    assert (told.left("early") or 0) <= 1.05 * truth
    assert near(told.left(), truth, 0.3)


# Another size.


async def test_an_enlarged_volume_starts_anew() -> None:
    def enlarge(volume: Volume, when: datetime) -> None:
        if volume.size == SIZE and when >= days_ago(enlarged):
            volume.size, volume.free = 2 * SIZE, volume.free + SIZE

    enlarged = 5
    young = await live(Volume(free=16 * TB, events=[enlarge]), 300)
    assert (young.left(), young.growth) == (None, None)
    assert len(young.days_left) > 270, "there was one before"
    enlarged = 20
    volume = Volume(free=16 * TB, events=[enlarge])
    assert near((await live(volume, 300)).left(), volume.free / A_DAY, 0.1)


async def test_a_mount_that_was_gone_for_a_day_is_not_another_volume() -> None:
    volume = Volume()

    def gone(each: Volume, when: datetime) -> None:
        each.size = 0.1 * TB if days_ago(9) <= when < days_ago(8) else SIZE

    volume.events = [gone]
    told = await live(volume, 200)
    assert near(told.left(), volume.free / A_DAY, 0.06)
    assert told.values["pacs_storage_history_days"] > 195


# Gaps and clocks.


@pytest.mark.parametrize("away", [range(10, 40), range(1, 3), range(100, 190)])
async def test_days_on_which_the_agent_was_down_are_no_harm(away: range) -> None:
    volume = Volume()
    told = await live(volume, 250, away=away)
    assert told.growth == pytest.approx(A_DAY, rel=0.06)
    assert near(told.left(), volume.free / A_DAY, 0.06)


async def test_a_purge_while_the_agent_was_down_is_no_harm() -> None:
    volume = Volume(events=[at(45, 5 * TB)])
    told = await live(volume, 250, away=range(20, 60))
    assert told.growth == pytest.approx(A_DAY, rel=0.08)


async def test_it_goes_on_where_it_was_after_a_restart() -> None:
    volume = Volume()
    told = await live(volume, 100)
    again = await live(Volume(free=volume.free, weekday=0, weekend=0), 0, memory=told.memory)
    assert again.values == told.values


@pytest.mark.parametrize(
    "wrong", [timedelta(days=1), timedelta(days=-1), timedelta(hours=3), timedelta(days=30000), timedelta(days=-20000)]
)
async def test_a_clock_that_is_wrong_for_six_hours_is_no_harm(wrong: timedelta) -> None:
    def clock(when: datetime) -> datetime:
        return when + wrong if days_ago(10) <= when < days_ago(9.75) else when

    volume = Volume()
    told = await live(volume, 120, clock=clock)
    assert near(told.left(), volume.free / A_DAY, 0.06)


async def test_thirteen_months_are_kept_and_a_clock_that_was_wrong_does_not_empty_them() -> None:
    def clock(when: datetime) -> datetime:
        return when + timedelta(days=30000) if days_ago(3) <= when < days_ago(2.8) else when

    volume = Volume(free=30 * TB)
    told = await live(volume, 430, clock=clock)
    kept = sorted(told.memory.kept)
    assert len(kept) == 400
    assert kept[-1] == "free/2026-11-25"
    assert kept[0] >= "free/2025-10-20"
    assert told.values["pacs_storage_history_days"] >= 398


def size_of(told: Told) -> int:
    return sum(len(key) + len(str(value)) for key, value in told.memory.kept.items())


async def test_a_volume_takes_little_room_in_the_memory() -> None:
    told = await live(Volume(free=30 * TB), 401)
    assert size_of(told) < 400 * 200
