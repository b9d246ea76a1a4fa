"""When checks start, and that neither a clock that is set nor a machine that sleeps loses a run."""

import asyncio
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta, tzinfo
from itertools import pairwise
from pathlib import Path

import pytest

from pacs_monitor import scheduler as scheduler_module
from pacs_monitor.scheduler import FIRST_WITHIN, LEAD, Scheduler, phase_of
from tests.checks.support import until
from tests.noise import with_time
from tests.peers.process import program

LIBFAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), Path("libfaketime.so.1"))
HOUR = 3600.0


class Clock:
    """A wall clock that a test can set; APScheduler goes by it, too."""

    def __init__(self) -> None:
        self.shift = 0.0
        self.rate = 0.0
        self._started = time.monotonic()

    def time(self) -> float:
        return time.time() + self.shift + self.rate * (time.monotonic() - self._started)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()

    class Shifted(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return datetime.fromtimestamp(made.time(), tz)

    monkeypatch.setattr("apscheduler.schedulers.base.datetime", Shifted)
    return made


class Starts:
    """A scheduler, and what it started."""

    def __init__(
        self,
        checks: dict[int, float],
        wall: Callable[[], float] = time.time,
        asleep: Callable[[], float] = scheduler_module.time_asleep,
    ) -> None:
        self.checks = checks
        self.dues: dict[int, list[float]] = {number: [] for number in checks}
        self.at: dict[int, list[float]] = {number: [] for number in checks}
        self.scheduler = Scheduler(self._start, wall, asleep)
        self.scheduler.run()
        for number, interval in checks.items():
            self.scheduler.add(number, f"check-{number}", interval)

    def _start(self, number: int, due: float) -> None:
        self.dues[number].append(due)
        self.at[number].append(time.monotonic())

    def assert_none_lost_or_doubled(self, seconds: float) -> None:
        """Each check was due at each time of its grid, once. A machine that stands still may miss whole rounds."""
        missed = self.scheduler.missed_rounds
        for number, interval in self.checks.items():
            steps = [round((later - earlier) / interval, 6) for earlier, later in pairwise(self.dues[number])]
            assert all(step >= 1 and step == round(step) for step in steps), steps
            lost = sum(step - 1 for step in steps)
            assert lost <= 2 * missed, (steps, missed)
            assert len(steps) + 1 >= seconds / interval - 2 - lost


def test_a_phase_is_a_hash_of_the_name_and_never_changes() -> None:
    assert phase_of("archive/c_echo") == pytest.approx(0.6359357, abs=1e-6)
    assert phase_of("archive/c_echo") != phase_of("archive/c_find")


def test_the_phases_of_a_fleet_are_spread_evenly() -> None:
    tenths = [0] * 10
    for number in range(10_000):
        tenths[int(10 * phase_of(f"ct-{number:05}/c_echo"))] += 1
    assert all(800 < count < 1200 for count in tenths)


async def test_there_is_one_interval_job_for_each_distinct_interval() -> None:
    starts = Starts({number: (15.0, 60.0, 0.5)[number % 3] for number in range(300)})
    jobs = starts.scheduler._scheduler.get_jobs()
    assert sorted(job.trigger.interval_length for job in jobs) == [0.5, 15.0, 60.0]
    assert {job.coalesce for job in jobs} == {True}
    assert {job.misfire_grace_time for job in jobs} == {None}
    for number in range(0, 300, 3):
        starts.scheduler.remove(number)
    assert sorted(job.trigger.interval_length for job in starts.scheduler._scheduler.get_jobs()) == [0.5, 60.0]
    starts.scheduler.stop()


@with_time(1, 4, 10)
async def test_no_run_is_lost_or_doubled_and_each_is_at_its_place_on_the_grid(seconds: float) -> None:
    checks = {number: (0.2, 0.3, 0.5)[number % 3] * seconds for number in range(60)}
    began = time.monotonic()
    starts = Starts(checks)
    await asyncio.sleep(2.5 * seconds)
    starts.scheduler.stop()
    starts.assert_none_lost_or_doubled(2.5 * seconds)
    for number, interval in checks.items():
        place = ((starts.dues[number][0] - began - LEAD) / interval - phase_of(f"check-{number}")) % 1.0
        assert min(place, 1 - place) < 0.2  # adding them took a moment
        assert all(at >= due - 0.002 for due, at in zip(starts.dues[number], starts.at[number], strict=True))


async def test_runs_are_as_punctual_as_the_loop_lets_them() -> None:
    found: list[tuple[float, float]] = []
    while not found or found[-1][0] >= 0.05 + found[-1][1]:
        assert len(found) < 10, found  # machines are noisy
        starts, loops = Starts(dict.fromkeys(range(50), 0.5)), list[float]()
        ends = time.monotonic() + 1.5
        while (now := time.monotonic()) < ends:
            await asyncio.sleep(0.02)
            loops.append(time.monotonic() - now - 0.02)
        starts.scheduler.stop()
        pairs = [pair for number in range(50) for pair in zip(starts.dues[number], starts.at[number], strict=True)]
        late = sorted(at - due for due, at in pairs)
        found.append((late[len(late) * 9 // 10], sorted(loops)[len(loops) * 9 // 10]))


async def test_after_the_end_nothing_starts_and_nothing_can_be_added() -> None:
    starts = Starts({1: 0.2})
    await until(lambda: len(starts.dues[1]) >= 1)
    starts.scheduler.once(1, 0.3)
    starts.scheduler.stop()
    starts.scheduler.add(1, "check-1", 0.2)
    starts.scheduler.once(1, 0.1)
    starts.scheduler.remove(1)
    count = len(starts.dues[1])
    await asyncio.sleep(0.8)
    assert len(starts.dues[1]) == count


@pytest.mark.parametrize("interval", [1.0, 9.0, 15.0, 60.0, HOUR, 24 * HOUR])
async def test_a_new_check_runs_for_the_first_time_within_ten_seconds(interval: float) -> None:
    loop = asyncio.get_running_loop()
    before = loop.time()
    starts = Starts(dict.fromkeys(range(200), interval))
    now = loop.time()
    for number in range(200):
        handle = starts.scheduler._once.get(number)
        due = (
            handle.when()
            if handle
            else next(
                starts.scheduler._rounds[interval]._at(round_, phase)
                for round_, phase, one in starts.scheduler._rounds[interval]._heap
                if one == number
            )
        )
        assert before - 1 < due <= now + FIRST_WITHIN
    starts.scheduler.stop()


async def test_a_check_that_is_run_once_runs_beside_its_rounds() -> None:
    starts = Starts({1: HOUR})
    starts.scheduler.once(1, 0.1)
    await until(lambda: len(starts.dues[1]) == 1)
    starts.scheduler.once(1, 0.1)
    starts.scheduler.once(1, 0.2)
    await asyncio.sleep(0.5)
    assert len(starts.dues[1]) == 2
    starts.scheduler.once(1, 0.1)
    starts.scheduler.remove(1)
    await asyncio.sleep(0.3)
    assert len(starts.dues[1]) == 2
    starts.scheduler.stop()


@with_time(1, 4, 10)
async def test_checks_come_and_go_and_change_their_interval_at_any_time(seconds: float) -> None:
    chance = random.Random(7)
    starts = Starts(dict.fromkeys(range(30), 0.3 * seconds))
    began = time.monotonic()
    while time.monotonic() < began + 2.0 * seconds:
        number = chance.randrange(20)
        if chance.random() < 0.3:
            starts.scheduler.remove(number)
        else:
            starts.scheduler.add(number, f"check-{number}", chance.choice([0.2, 0.3, 0.5]) * seconds)
        await asyncio.sleep(0.01)
    starts.scheduler.stop()
    for number in range(20, 30):  # those that nobody touched
        starts.checks = {number: 0.3 * seconds}
        starts.assert_none_lost_or_doubled(2.0 * seconds)


@pytest.mark.parametrize("step", [HOUR, -HOUR, 30 * 365 * 24 * HOUR, -0.5])
@with_time(1, 4, 10)
async def test_a_step_of_the_clock_loses_no_run(clock: Clock, step: float, seconds: float) -> None:
    starts = Starts({number: (0.2, 0.5)[number % 2] * seconds for number in range(20)}, clock.time)
    await asyncio.sleep(0.6 * seconds)
    clock.shift += step
    await asyncio.sleep(1.2 * seconds)
    starts.scheduler.stop()
    starts.assert_none_lost_or_doubled(1.8 * seconds)
    assert starts.scheduler.steps == (1 if abs(step) >= 1 else 0)
    assert starts.scheduler.rearmed >= 1


@with_time(1, 4, 10)
async def test_a_clock_that_is_set_again_and_again_loses_no_run(clock: Clock, seconds: float) -> None:
    starts = Starts({number: (0.2, 0.5)[number % 2] * seconds for number in range(20)}, clock.time)
    for place in range(15):
        clock.shift += HOUR if place % 3 else -2 * HOUR
        await asyncio.sleep(0.1 * seconds)
    starts.scheduler.stop()
    starts.assert_none_lost_or_doubled(1.5 * seconds)


@pytest.mark.parametrize("rate", [0.05, -0.05])
@with_time(1, 4, 10)
async def test_a_clock_that_goes_wrong_loses_no_run_and_counts_as_no_step(
    clock: Clock, rate: float, seconds: float
) -> None:
    clock.rate = rate
    starts = Starts({number: (0.2, 0.5)[number % 2] * seconds for number in range(20)}, clock.time)
    await asyncio.sleep(1.5 * seconds)
    starts.scheduler.stop()
    starts.assert_none_lost_or_doubled(1.5 * seconds)
    assert starts.scheduler.steps == 0


async def test_after_a_suspend_each_check_runs_once_and_the_rounds_are_counted(clock: Clock) -> None:
    slept = 0.0
    starts = Starts(dict.fromkeys(range(20), 30.0), clock.time, lambda: slept)
    assert not any(starts.dues[number] for number in range(10, 20) if phase_of(f"check-{number}") > 0.2)
    await asyncio.sleep(0.5)
    before = {number: len(dues) for number, dues in starts.dues.items()}
    # The monotonic clock stood still, the wall clock did not.
    slept, clock.shift = HOUR, HOUR
    await until(lambda: all(len(dues) > before[number] for number, dues in starts.dues.items()))
    await asyncio.sleep(0.5)
    started = {number: len(dues) - before[number] for number, dues in starts.dues.items()}
    assert all(1 <= count <= 2 for count in started.values()), started
    assert starts.scheduler.missed_rounds in (118, 119, 120)
    assert starts.scheduler.steps == 0
    starts.scheduler.stop()


@with_time(1, 4, 10)
async def test_a_loop_that_stood_still_runs_each_check_once_and_goes_on(seconds: float) -> None:
    starts = Starts(dict.fromkeys(range(20), 0.5 * seconds))
    await asyncio.sleep(1.0 * seconds)
    before = {number: len(dues) for number, dues in starts.dues.items()}
    time.sleep(2.1 * seconds)  # noqa: ASYNC251 - that is what is tested
    await asyncio.sleep(0.02)
    for number, dues in starts.dues.items():
        assert len(dues) - before[number] == 1
        assert time.monotonic() - dues[-1] < 1.5 * seconds
    assert starts.scheduler.missed_rounds >= 2
    await asyncio.sleep(1.0 * seconds)
    starts.scheduler.stop()
    assert all(len(dues) - before[number] >= 2 for number, dues in starts.dues.items())


LOOPS = ("asyncio", "uvloop")


class ProcessWithAClock:
    """tests/data/clock_steps.py with a clock of its own that can be set while it runs."""

    def __init__(self, folder: Path, loop: str, seconds: float) -> None:
        self._seconds = seconds
        folder.mkdir(parents=True)
        self._stamp = folder / "stamp"
        self.set("+0")
        environment = {
            **os.environ,
            "LD_PRELOAD": str(LIBFAKETIME),
            "DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_TIMESTAMP_FILE": str(self._stamp),
            "PYTHONPATH": str(Path(__file__).parents[1]),
        }
        script = Path(__file__).parent / "data/clock_steps.py"
        self._output = folder / "output"
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, str(script), loop, str(seconds)], env=environment, stdout=output
            )

    def set(self, offset: str) -> None:
        new = self._stamp.with_suffix(".new")
        new.write_text(offset)
        new.replace(self._stamp)

    @property
    def lines(self) -> list[str]:
        return self._output.read_text().splitlines()

    def wait(self) -> None:
        assert self._process.wait(120) == 0

    def assert_none_lost_or_doubled(self) -> None:
        *lines, last = self.lines
        _, steps, missed, _ = last.split()
        rows = [(int(number), float(due), float(at), float(wall)) for number, due, at, wall in map(str.split, lines)]
        offsets = [wall - at for _, _, at, wall in rows]
        assert abs(max(offsets) - min(offsets) - HOUR) < 5, "the clock was not set"
        assert steps == "1"
        for number in range(10):
            interval = (0.4, 0.7)[number % 2] * self._seconds / 5
            dues = [due for one, due, _, _ in rows if one == number]
            gaps = [round((later - earlier) / interval, 4) for earlier, later in pairwise(dues)]
            assert sum(gap - 1 for gap in gaps) <= 2 * int(missed), gaps
            assert min(gaps) == 1
            assert len(dues) >= self._seconds / interval - 3 - int(missed)


@with_time(5, 20)
def test_no_run_is_lost_when_somebody_sets_the_clock_of_a_running_process(tmp_path: Path, seconds: float) -> None:
    program("faketime", "faketime")
    steps = {(loop, step): f"{loop}{step}" for loop in LOOPS for step in ("-1h", "+1h")}
    processes = {key: ProcessWithAClock(tmp_path / str(seconds) / name, key[0], seconds) for key, name in steps.items()}
    deadline = time.monotonic() + 60
    while not all(len(process.lines) > 20 for process in processes.values()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    for (_, step), process in processes.items():
        process.set(step)
    for process in processes.values():
        process.wait()
    for process in processes.values():
        process.assert_none_lost_or_doubled()


def test_the_next_wake_is_told_on_apschedulers_own_clock() -> None:
    async def main() -> None:
        starts = Starts({1: 60.0})
        (job,) = starts.scheduler._scheduler.get_jobs()
        now = datetime(1970, 1, 1)  # noqa: DTZ001 - whatever APScheduler says is now
        assert timedelta(0) < job.trigger.get_next_fire_time(None, now) - now <= timedelta(seconds=60.3)
        starts.scheduler.stop()

    asyncio.run(main())
