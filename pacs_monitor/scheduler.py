"""When: one APScheduler job for each distinct interval starts its rounds, and within a round each check has its phase.

A check's phase is a hash of its name, so the fleet is spread evenly and a check keeps its place across restarts.
Due times are on the loop's monotonic clock; the jobs are only woken by the wall clock, and a guard arms them anew
when somebody sets it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zlib import crc32

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger

from pacs_monitor.rounds import LEAD, Round, Start

GUARD_EVERY = 0.2
"""Seconds between looks at the clocks; less than LEAD, so that no step of the clock makes a run late."""
DRIFT = 0.02
"""Seconds by which wall and monotonic clock may part before the jobs are armed anew (less than LEAD)."""
STEP = 1.0
"""Seconds from which it is called a step of the clock, or a sleep of the machine."""
FIRST_WITHIN = 10.0
"""A new check runs for the first time within this many seconds, however long its interval."""

__all__ = ["LEAD", "Round", "Scheduler", "phase_of", "time_asleep"]


def phase_of(name: str) -> float:
    """A check's place in its round, 0 to 1."""
    return crc32(name.encode()) / 2**32


def time_asleep() -> float:
    """Seconds that the machine was suspended since it was booted: the monotonic clock stands still meanwhile."""
    boot = getattr(time, "CLOCK_BOOTTIME", None)
    return 0.0 if boot is None else time.clock_gettime(boot) - time.monotonic()


class _OnGrid(IntervalTrigger):  # type: ignore[misc]  # APScheduler 3 ships no types
    """An interval that is measured from the round's own grid each time, so that no drift of the wall clock adds up.

    A wall clock that jumps by decades (a machine without a battery, and then NTP) would make the stock trigger
    count through every round in between.
    """

    def __init__(self, members: Round) -> None:
        super().__init__(seconds=members.interval, timezone=UTC)
        self._members = members

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:
        """The next time, on the wall clock, at which a round must be begun."""
        return now + timedelta(seconds=self._members.until_next_wake())


class Scheduler:
    """Starts checks at their times. Belongs to one event loop."""

    def __init__(
        self,
        start: Start,
        wall: Callable[[], float] = time.time,
        asleep: Callable[[], float] = time_asleep,
    ) -> None:
        """`wall` is the wall clock that APScheduler goes by; `asleep` as `time_asleep`."""
        self._start = start
        self._wall = wall
        self._asleep = asleep
        self._loop = asyncio.get_running_loop()
        self._rounds: dict[float, Round] = {}
        self._checks: dict[int, float] = {}
        self._once: dict[int, asyncio.TimerHandle] = {}
        self._scheduler = AsyncIOScheduler(timezone=UTC, event_loop=self._loop)
        self._offset = wall() - time.monotonic()
        self._slept = asleep()
        self._missed_before = 0
        self.rearmed = 0
        """How often the clocks parted and the jobs were armed anew."""
        self.steps = 0
        """How often somebody set the wall clock."""
        self._guard: asyncio.TimerHandle | None = None
        self._stopped = False

    def run(self) -> None:
        """Begin."""
        self._scheduler.start()
        self._guard = self._loop.call_later(GUARD_EVERY, self._watch_clock)

    def stop(self) -> None:
        """Start nothing more."""
        self._stopped = True
        if self._guard is not None:
            self._guard.cancel()
        for handle in self._once.values():
            handle.cancel()
        self._once.clear()
        for each in self._rounds.values():
            each.stop()
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)

    @property
    def missed_rounds(self) -> int:
        """Rounds that were slept through, or that a busy machine came too late for."""
        return self._missed_before + sum(each.missed for each in self._rounds.values())

    def add(self, number: int, name: str, interval: float) -> None:
        """Run a check every `interval` seconds, and for the first time soon."""
        self.remove(number)
        if self._stopped:
            return
        self._checks[number] = interval
        if interval not in self._rounds:
            self._open(interval)
        phase = phase_of(name)
        due = self._rounds[interval].add(phase, number)
        if due > self._loop.time() + FIRST_WITHIN:
            self.once(number, phase * FIRST_WITHIN)

    def remove(self, number: int) -> None:
        """Run a check no more."""
        self._cancel_once(number)
        interval = self._checks.pop(number, None)
        if interval is None or self._stopped:
            return
        members = self._rounds[interval]
        members.remove(number)
        if not len(members):
            members.stop()
            self._missed_before += members.missed
            del self._rounds[interval]
            self._scheduler.remove_job(_job(interval))

    def once(self, number: int, delay: float) -> None:
        """Run a check in `delay` seconds, beside its rounds."""
        self._cancel_once(number)
        if self._stopped:
            return
        due = self._loop.time() + delay
        self._once[number] = self._loop.call_at(due, self._run_once, number, due)

    def _run_once(self, number: int, due: float) -> None:
        self._once.pop(number, None)
        self._start(number, due)

    def _cancel_once(self, number: int) -> None:
        handle = self._once.pop(number, None)
        if handle is not None:
            handle.cancel()

    def _open(self, interval: float) -> None:
        members = self._rounds[interval] = Round(interval, self._start, self._loop)

        # APScheduler runs a plain function in a thread; a coroutine stays on the loop.
        async def begin() -> None:
            members.begin()

        self._scheduler.add_job(
            begin,
            _OnGrid(members),
            id=_job(interval),
            coalesce=True,
            misfire_grace_time=None,
            max_instances=1,
        )

    def _watch_clock(self) -> None:
        self._guard = self._loop.call_later(GUARD_EVERY, self._watch_clock)
        before = time.monotonic()
        offset, slept = self._wall() - before, self._asleep()
        if time.monotonic() - before > DRIFT / 4:
            return  # we were held up between the two readings, which looks like a step
        nap = slept - self._slept
        if nap >= STEP:
            self._slept = slept
            for members in self._rounds.values():
                members.shift(nap)
        if abs(offset - self._offset) <= DRIFT and nap < STEP:
            return
        if abs(offset - self._offset - nap) >= STEP:
            self.steps += 1
        self._offset = offset
        self._rearm()

    def _rearm(self) -> None:
        self.rearmed += 1
        for interval, members in self._rounds.items():
            members.begin()
            self._scheduler.reschedule_job(_job(interval), trigger=_OnGrid(members))


def _job(interval: float) -> str:
    return f"every {interval!r} s"
