"""Purges, recycling, clean-ups and imports over simulated years: nothing is called full that never will be."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from tests.forecast.simulated import A_DAY, GB, SIZE, TB, WEEKDAY, Volume, at, days_ago, live, near


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
