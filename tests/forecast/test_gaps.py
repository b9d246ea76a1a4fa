"""An agent that was down, clocks that were wrong, and what all that takes in the memory."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from tests.forecast.simulated import A_DAY, TB, Told, Volume, at, days_ago, live, near


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
