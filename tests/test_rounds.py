"""The checks of one interval: each once in each round, at its phase, whatever comes and goes meanwhile."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pacs_monitor import rounds
from pacs_monitor.rounds import LEAD, Round
from tests.fakeloop import FakeLoop


class Clockwork:
    """A round whose beginning is never forgotten, and a record of what it started when."""

    def __init__(self, interval: float = 16.0) -> None:
        self.loop = FakeLoop()
        self.starts: list[tuple[int, float]] = []
        self.at: list[float] = []
        self.round = Round(interval, self._start, self.loop.as_loop())
        self._wake()

    def _start(self, number: int, due: float) -> None:
        self.starts.append((number, due))
        self.at.append(self.loop.now)

    def _wake(self) -> None:
        self.round.begin()
        self.loop.call_at(self.loop.now + self.round.until_next_wake(), self._wake)

    def dues(self, number: int) -> list[float]:
        return [due for one, due in self.starts if one == number]


def test_each_check_starts_once_in_each_round_at_its_phase() -> None:
    works = Clockwork(16.0)
    for number in range(8):
        works.round.add(number / 8, number)
    works.loop.advance(LEAD + 3 * 16.0 - 0.1)
    assert works.starts == [(number, LEAD + 16 * cycle + 2.0 * number) for cycle in range(3) for number in range(8)]
    assert works.at == [due for _, due in works.starts]


def test_a_check_that_comes_late_still_runs_in_this_round_if_its_phase_is_to_come() -> None:
    works = Clockwork(16.0)
    works.round.add(0.25, 1)
    works.loop.advance(LEAD + 8.0)
    assert works.dues(1) == [LEAD + 4.0]
    assert works.round.add(0.75, 2) == LEAD + 12.0
    assert works.round.add(0.125, 3) == LEAD + 16.0 + 2.0
    works.loop.advance(16.0)
    assert works.dues(2) == [LEAD + 12.0]
    assert works.dues(3) == [LEAD + 18.0]
    assert works.dues(1) == [LEAD + 4.0, LEAD + 20.0]


def test_a_check_that_is_taken_out_in_the_middle_of_a_round_disturbs_no_other() -> None:
    works = Clockwork(16.0)
    for number in range(8):
        works.round.add(number / 8, number)
    works.loop.advance(LEAD + 7.0)
    for gone in (0, 3, 4, 7):
        works.round.remove(gone)
    works.loop.advance(16.0)
    started = [number for number, due in works.starts if due > LEAD + 7.0]
    assert started == [5, 6, 1, 2]
    assert len(works.round) == 4


def test_a_check_that_is_taken_out_and_in_again_runs_once() -> None:
    works = Clockwork(16.0)
    for _ in range(5):
        works.round.add(0.5, 1)
        works.round.remove(1)
        works.round.add(0.5, 1)
    works.round.add(0.75, 1)
    works.loop.advance(LEAD + 32.0)
    assert works.dues(1) == [LEAD + 12.0, LEAD + 28.0]


def test_a_round_that_nobody_begins_starts_nothing_and_is_made_up_for() -> None:
    loop, starts = FakeLoop(), list[float]()
    members = Round(16.0, lambda number, due: starts.append(due), loop.as_loop())
    members.add(0.5, 1)
    loop.advance(LEAD + 30.0)
    assert starts == [LEAD + 8.0]
    members.begin()
    loop.advance(0.0)
    assert starts == [LEAD + 8.0, LEAD + 24.0]
    assert members.missed == 0


def test_it_begins_each_round_once_however_often_it_is_woken() -> None:
    works = Clockwork(16.0)
    works.round.add(0.5, 1)
    for _ in range(40 * 16):
        works.loop.advance(1 / 16)
        works.round.begin()
        works.round.begin()
    assert works.dues(1) == [LEAD + 8.0, LEAD + 24.0]


def test_after_a_sleep_each_check_runs_once_at_once_and_the_rounds_are_counted() -> None:
    works = Clockwork(16.0)
    for number in range(8):
        works.round.add(number / 8, number)
    works.loop.advance(LEAD + 16.0 + 5.0)
    before = len(works.starts)
    works.loop.jump(10 * 16.0)
    woken = works.starts[before:]
    assert sorted(number for number, _ in woken) == list(range(8))
    assert all(0 <= works.loop.now - due < 16.0 for _, due in woken)
    assert works.round.missed == 9
    works.loop.advance(16.0)
    assert len(works.starts) == before + 16


def test_a_sleep_that_stops_the_monotonic_clock_is_made_up_for_by_a_shift() -> None:
    works = Clockwork(16.0)
    for number in range(8):
        works.round.add(number / 8, number)
    works.loop.advance(LEAD + 21.0)
    before = len(works.starts)
    works.round.shift(10 * 16.0)
    works.loop.advance(0.0)
    assert sorted(number for number, _ in works.starts[before:]) == list(range(8))
    assert works.round.missed == 9


def test_a_short_hitch_loses_no_run_and_counts_as_no_missed_round() -> None:
    works = Clockwork(1.0)
    for number in range(8):
        works.round.add(number / 8, number)
    for _ in range(50):
        works.loop.advance(0.25)
        works.loop.jump(0.625)
    assert works.round.missed == 0
    for number in range(8):
        dues = works.dues(number)
        assert {round(later - earlier, 9) for earlier, later in pairwise(dues)} == {1.0}


def test_a_start_that_fails_stops_no_other() -> None:
    loop, starts = FakeLoop(), list[int]()

    def start(number: int, due: float) -> None:
        starts.append(number)
        if number == 1:
            raise RuntimeError

    members = Round(16.0, start, loop.as_loop())
    for number in range(3):
        members.add(number / 4, number)
    loop.advance(LEAD + 1.0)
    with pytest.raises(RuntimeError):
        loop.advance(4.0)
    loop.advance(16.0)
    assert starts == [0, 1, 2]


def test_many_starts_at_once_leave_the_loop_its_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(rounds, "SLICE", 0.01)
    monkeypatch.setattr(rounds, "monotonic", lambda: now)
    loop, starts = FakeLoop(), list[int]()

    def start(number: int, due: float) -> None:
        nonlocal now
        starts.append(number)
        now += 0.004

    members = Round(16.0, start, loop.as_loop())
    for number in range(20):
        members.add(0.0, number)
    turns = 0
    loop.now += LEAD
    while len(starts) < 20:
        before = len(starts)
        timer = loop._timers.pop()
        timer.work()
        turns += 1
        assert len(starts) - before < 10
    assert turns > 2


def test_nothing_starts_after_the_end() -> None:
    works = Clockwork(16.0)
    works.round.add(0.5, 1)
    works.round.stop()
    works.round.begin()
    works.loop.advance(64.0)
    assert works.starts == []


def test_what_is_taken_out_leaves_no_pile_behind() -> None:
    works = Clockwork(3600.0)
    for turn in range(2000):
        works.round.add(0.5, turn % 10)
    assert len(works.round) == 10
    assert len(works.round._heap) < 200
    assert works.loop.armed < 10


PHASES = st.integers(0, 63).map(lambda place: place / 64)
NUMBERS = st.integers(0, 5)
# Multiples of 1/64: the model may compare floats.
SPANS = st.integers(0, 40).map(lambda span: span / 8)
STEPS = st.one_of(
    st.tuples(st.just("add"), NUMBERS, PHASES),
    st.tuples(st.just("remove"), NUMBERS, PHASES),
    st.tuples(st.just("advance"), NUMBERS, SPANS),
    st.tuples(st.just("sleep"), NUMBERS, SPANS.map(lambda span: 4 * span)),
)


@given(st.sampled_from([0.5, 1.0, 2.0, 8.0]), st.lists(STEPS, max_size=40))
def test_what_starts_is_what_a_plain_model_says(interval: float, steps: list[tuple[str, int, float]]) -> None:
    works = Clockwork(interval)
    members: dict[int, tuple[float, float]] = {}
    expected: list[tuple[int, float]] = []

    def due_times(number: int, until: float) -> list[float]:
        phase, since = members[number]
        first = LEAD + phase * interval
        times, place = [], 0
        while (due := first + place * interval) <= until:
            if due >= since:
                times.append(due)
            place += 1
        return times

    for what, number, amount in steps:
        now = works.loop.now
        if what == "add":
            members.pop(number, None)
            works.round.remove(number)
            members[number] = (amount, now)
            works.round.add(amount, number)
            works.loop.advance(0.0)
        elif what == "remove":
            members.pop(number, None)
            works.round.remove(number)
        elif what == "advance":
            works.loop.advance(amount)
        else:
            works.loop.jump(amount)
        until = works.loop.now
        for each, (phase, _) in list(members.items()):
            times = due_times(each, until)
            if times:
                # Awake, all of them; asleep, the last one only.
                expected += [(each, due) for due in (times[-1:] if what == "sleep" else times)]
                members[each] = (phase, times[-1] + interval / 128)
    assert sorted(works.starts) == sorted(expected)
