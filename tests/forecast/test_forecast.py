"""The forecast over simulated years: it foretells growth, and starts anew with another size."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from tests.forecast.simulated import A_DAY, END, SIZE, TB, WEEKDAY, Volume, days_ago, live, near


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
