"""Weeks of learning: what is told as a silence, and what must not be."""

from __future__ import annotations

import json
import random
import re
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pacs_monitor.silence.diary import Diary
from pacs_monitor.silence.learning import DAY, Habits, learn
from tests.checks.support import DictMemory
from tests.silence.player import MONDAY, ZONE, Player, Scanner, at, held_back, local, without

CT = Scanner()
TUESDAY = MONDAY + timedelta(days=36)
"""After five weeks of learning."""


def sends(scanner: Scanner = CT, days: int = 70, seed: int = 7, first: date = MONDAY) -> list[float]:
    return scanner.sends(first, days, random.Random(seed))


def week(number: int) -> float:
    return at(MONDAY + timedelta(weeks=number), "0:00")


def habits(moments: list[float], now: float) -> Habits:
    return learn(moments, [], ZONE, now)


@settings(max_examples=8, derandomize=True)
@given(st.integers(0, 10_000), st.floats(5, 60), st.integers(6, 10), st.integers(14, 20))
async def test_no_alarm_begins_outside_the_hours_in_which_it_works(
    seed: int, mean: float, start: int, end: int
) -> None:
    player, scanner = Player(), Scanner(mean, start, end)
    await player.play(sends(scanner, 49, seed), week(0), week(7))
    assert all(start <= local(when).hour < end and local(when).weekday() < 5 for when, _ in player.told)
    assert len(player.told) <= 1  # five weeks that are judged: chance may be odd once


@pytest.mark.parametrize("seed", range(3))
async def test_ten_weeks_of_work_are_no_silence(seed: int) -> None:
    player = Player()
    await player.play(sends(seed=seed), week(0), week(10))
    assert player.told == []


async def test_a_scanner_that_stops_in_the_morning_is_told_of_before_noon_until_it_sends_again() -> None:
    stop, again = at(TUESDAY, "9:30"), at(TUESDAY + timedelta(days=1), "10:00")
    moments = without(sends(), (stop, again))
    player = Player()
    await player.play(moments, week(0), week(6))
    ((when, silent),) = player.told
    assert at(TUESDAY, "10:00") < when < at(TUESDAY, "12:00")
    last = max(moment for moment in moments if moment < stop)
    assert silent.since == last
    assert when - last > silent.limit == 2 * silent.usual
    assert silent.weekday == 1
    assert silent.hour == local(when).hour
    (over,) = player.ended
    assert over >= min(moment for moment in moments if moment > again)


async def test_a_scanner_that_is_not_switched_on_is_told_of_a_while_after_its_hours_began() -> None:
    moments = without(sends(), (at(TUESDAY, "0:00"), at(TUESDAY + timedelta(days=1), "0:00")))
    player = Player()
    await player.play(moments, week(0), at(TUESDAY, "23:00"))
    ((when, silent),) = player.told
    assert when - at(TUESDAY, "8:00") > silent.limit
    assert at(TUESDAY, "8:45") < when < at(TUESDAY, "11:00")


@given(st.integers(0, 13))
@settings(max_examples=4, derandomize=True)
async def test_nothing_is_told_of_a_source_in_its_first_two_weeks(day: int) -> None:
    player, stop = Player(), at(MONDAY + timedelta(days=day), "10:00")
    await player.play(without(sends(), (stop, week(3))), week(0), week(2))
    assert player.told == []


async def test_an_archive_that_is_down_is_no_silence_and_is_not_learned() -> None:
    outages = [
        (at(TUESDAY - timedelta(weeks=back), "9:00"), at(TUESDAY - timedelta(weeks=back), "15:00"))
        for back in (0, 1, 2, 3)
    ]
    moments = sends()
    for outage in outages:
        moments = held_back(moments, outage)
    player = Player()
    await player.play(moments, week(0), week(7), outages, restarts=False)
    assert player.told == []
    now = week(7)
    learned = learn(player.diary.times("CT2"), player.diary.blind, ZONE, now).usual
    unharmed = habits(sends(days=49), now).usual
    for slot in unharmed:
        assert learned[slot] <= 1.5 * unharmed[slot], slot


async def test_an_agent_that_was_down_does_not_take_that_for_silence_and_knows_what_it_learned() -> None:
    down = [(at(TUESDAY, "8:00"), at(TUESDAY, "12:00"))]
    player = Player()
    await player.play(without(sends(), down[0]), week(0), at(TUESDAY, "18:00"), down)
    assert player.told == []
    assert player.diary.times("CT2")[0] < week(1)


async def test_a_silence_that_goes_on_after_an_outage_is_told_of_a_limit_after_it() -> None:
    down = [(at(TUESDAY, "9:00"), at(TUESDAY, "10:00"))]
    moments = without(sends(), (at(TUESDAY, "8:50"), week(8)))
    player = Player()
    await player.play(moments, week(0), at(TUESDAY, "17:00"), down)
    ((when, silent),) = player.told
    assert when > at(TUESDAY, "10:00") + silent.limit
    assert silent.since < at(TUESDAY, "8:50")


async def test_a_silence_that_was_told_of_stands_over_outage_and_restart() -> None:
    moments = without(sends(), (at(TUESDAY, "9:30"), week(8)))
    player = Player()
    await player.play(moments, week(0), week(6), [(at(TUESDAY, "14:00"), at(TUESDAY, "15:00"))])
    assert len(player.told) == 1
    assert player.ended == []
    assert player.verdict(week(6)).silent == player.told[0][1]


async def test_days_off_are_neither_judged_nor_learned() -> None:
    off = [TUESDAY, TUESDAY - timedelta(weeks=1), TUESDAY - timedelta(weeks=2)]
    player = Player(day_off=lambda day: day in off)
    moments = sends(Scanner(off=off))
    await player.play(moments, week(0), week(8))
    assert player.told == []
    usual = player.judge.habits["CT2"][1].usual
    assert {hour for weekday, hour in usual if weekday == 1} == set(range(8, 17))
    assert max(usual.values()) < 7200


async def test_a_holiday_that_nobody_announced_is_told_of_once_and_changes_nothing() -> None:
    player = Player()
    moments = sends(Scanner(off=[TUESDAY]))
    await player.play(moments, week(0), week(8))
    ((when, _),) = player.told
    assert local(when).date() == TUESDAY
    one, other = (
        habits(sends(), week(8)).usual,
        habits(without(sends(), (at(TUESDAY, "0:00"), at(TUESDAY, "23:00"))), week(8)).usual,
    )
    assert {slot for slot in one if other[slot] > 1.5 * one[slot]} == set()


@pytest.mark.parametrize("first", [date(2026, 2, 2), date(2026, 9, 7)], ids=["spring", "autumn"])
async def test_clocks_that_change_are_no_silence(first: date) -> None:
    player = Player()
    moments = sends(Scanner(mean=15, start=0, end=24, weekdays=range(7)), 63, first=first)
    await player.play(moments, at(first, "0:00"), at(first + timedelta(days=63), "0:00"))
    assert player.told == []


async def test_a_source_that_never_rests_is_told_of_at_night() -> None:
    stop = at(TUESDAY, "23:30")
    moments = without(sends(Scanner(start=0, end=24, weekdays=range(7))), (stop, week(8)))
    player = Player()
    await player.play(moments, week(0), at(TUESDAY + timedelta(days=1), "6:00"))
    ((when, _),) = player.told
    assert stop + 3600 < when < stop + 3 * 3600


async def test_a_scanner_that_works_on_saturday_morning_is_expected_on_saturday_morning_alone() -> None:
    both = sorted([*sends(), *sends(Scanner(mean=20, end=12, weekdays=(5,)))])
    saturday = TUESDAY + timedelta(days=4)
    player = Player()
    await player.play(without(both, (at(saturday, "0:00"), at(saturday, "23:00"))), week(0), week(6))
    ((when, silent),) = player.told
    assert silent.weekday == 5
    assert at(saturday, "8:30") < when < at(saturday, "12:00")
    assert (6, 10) not in habits(both, week(6)).usual


async def test_a_workstation_that_sends_now_and_then_is_never_judged() -> None:
    rng = random.Random(3)
    moments = sorted(rng.uniform(week(0), week(8)) for _ in range(60))
    player = Player()
    await player.play(moments, week(0), week(8))
    assert player.told == []
    assert habits(moments, week(8)).usual == {}


def test_one_broken_day_does_not_teach_that_silence_is_usual() -> None:
    whole = sends()
    broken = without(whole, (at(TUESDAY, "9:00"), at(TUESDAY, "23:00")))
    one, other = habits(whole, week(8)).usual, habits(broken, week(8)).usual
    assert {slot for slot in one if other[slot] > 1.5 * one[slot]} == set()


def test_a_scanner_that_slows_down_for_good_is_learned_anew() -> None:
    slow = [*sends(days=35), *sends(Scanner(mean=60), 56, first=MONDAY + timedelta(days=35))]
    assert habits(slow, week(13)).usual[1, 11] > 1.5 * habits(slow, week(5)).usual[1, 11]


# What is kept.


async def test_memory_is_bounded_and_holds_times_and_names_alone() -> None:
    memory = DictMemory()
    diary, now = Diary(memory), week(0)
    while now < week(10):  # one study every five minutes, day and night: as busy as it can be
        now += 300
        diary.note("CT2", now)
        diary.look(now, 900)
        if now % DAY == 0:
            await diary.save(now)
    await diary.save(now)
    assert len(memory.kept) <= 60
    assert sum(len(json.dumps(value)) for value in memory.kept.values()) < 90_000
    assert max(len(json.dumps(value)) for value in memory.kept.values()) < 1500
    assert all(re.fullmatch(r"now|sent/\d+/CT2", key) for key in memory.kept)
    assert min(Diary(memory).times("CT2")) > week(10) - 58 * DAY


async def test_what_was_kept_is_known_again() -> None:
    player = Player()
    await player.play(sends(days=20), week(0), week(3), [(week(1), week(1) + 7200)])
    again = Diary(player.memory)
    assert again.times("CT2") == player.diary.times("CT2")
    assert [again.last, again.today, again.day] == [
        {"CT2": round(player.diary.last["CT2"])},
        player.diary.today,
        player.diary.day,
    ]
    assert again.blind == [(round(start), round(end)) for start, end in player.diary.blind]
    assert len(again.blind) == 1


async def test_what_comes_late_is_put_where_it_belongs() -> None:
    memory = DictMemory()
    diary = Diary(memory)
    for moment in (9000, 3000, 6000, 3100):
        diary.note("CT2", moment)
    assert diary.times("CT2") == [3000, 6000, 9000]
    assert (diary.last["CT2"], diary.today["CT2"]) == (9000, 4)
    await diary.save(9000)
    assert Diary(memory).times("CT2") == [3000, 6000, 9000]


async def test_a_full_disk_stops_nothing() -> None:
    class Full(DictMemory):
        async def put(self, key: str, value: object, *, keep: bool = False) -> None:
            raise OSError("disk full")

    diary = Diary(Full())
    diary.note("CT2", 9000)
    await diary.save(9000)
    assert diary.times("CT2") == [9000]


def test_a_new_day_counts_from_zero() -> None:
    diary = Diary(DictMemory())
    diary.turn("2026-01-05")
    diary.note("CT2", at(MONDAY, "23:50"))
    diary.turn("2026-01-06")
    assert diary.today == {}
    diary.note("CT2", at(MONDAY, "23:55"), of_today=False)
    diary.note("CT2", at(MONDAY, "23:58") + 300)
    assert diary.today == {"CT2": 1}


def test_what_is_forgotten_is_gone() -> None:
    diary = Diary(DictMemory())
    diary.note("CT2", 9000)
    diary.forget("CT2")
    assert (diary.sources, diary.times("CT2"), diary.today) == ([], [], {})
