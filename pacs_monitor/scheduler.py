"""When: one APScheduler job for each distinct interval starts its rounds, and within a round each check has its phase.

A check's phase is a hash of its name, so the fleet is spread evenly and a check keeps its place across restarts.
Due times are on the loop's monotonic clock; the jobs are only woken by the wall clock, and a guard arms them anew
when somebody sets it.
"""

from __future__ import annotations

import asyncio
import time
from bisect import bisect_left, insort
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zlib import crc32

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger

LEAD = 0.25
"""Seconds by which a round is woken before its first due time: APScheduler's own lateness disappears in it."""
GUARD_EVERY = 0.5
DRIFT = 0.02
"""Seconds by which wall and monotonic clock may part before the jobs are armed anew (less than LEAD)."""
FIRST_WITHIN = 10.0
"""A new check runs for the first time within this many seconds, however long its interval."""

Start = Callable[[int, float], None]
"""(check's number, due time on the loop's clock)"""


def phase_of(name: str) -> float:
    """A check's place in its round, 0 to 1."""
    return crc32(name.encode()) / 2**32


class Round:
    """The checks of one interval, in the order of their phases."""

    def __init__(self, interval: float, start: Start, loop: asyncio.AbstractEventLoop) -> None:
        self.interval = interval
        self.anchor = loop.time() + LEAD
        """When the first round's first due time is; round k is k intervals later."""
        self.begun = -1
        """The latest round that was begun."""
        self.missed = 0
        """Rounds that nobody began, because the machine slept."""
        self._start = start
        self._loop = loop
        self._entries: list[tuple[float, int]] = []
        self._cycle = 0
        self._place = 0
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._entries)

    def next_wake(self) -> float:
        """When the next round must be begun, on the loop's clock."""
        return self.anchor + (self.begun + 1) * self.interval - LEAD

    def begin(self) -> None:
        """Begin the round whose time it is; once each, however often the clock makes us wake."""
        current = round((self._loop.time() + LEAD - self.anchor) / self.interval)
        if current <= self.begun:
            return
        if self.begun >= 0 and current > self.begun + 1:
            # What was due while we slept is run once, now, and not once for each round that was slept through.
            self.missed += current - self.begun - 1
            self._cycle, self._place = max(self._cycle, current - 1), self._place if self._cycle >= current - 1 else 0
        self.begun = current
        self._arm()

    def add(self, phase: float, number: int) -> None:
        """Take a check in; it is due in this round if its phase is still to come."""
        entry = (phase, number)
        at = bisect_left(self._entries, entry)
        insort(self._entries, entry)
        if at < self._place or (at == self._place and self._passed(phase)):
            self._place += 1
        self._arm()

    def remove(self, phase: float, number: int) -> None:
        """Take a check out."""
        at = bisect_left(self._entries, (phase, number))
        if at < len(self._entries) and self._entries[at] == (phase, number):
            del self._entries[at]
            if at < self._place:
                self._place -= 1
        self._arm()

    def stop(self) -> None:
        """Start nothing more."""
        self.begun = self._cycle - 1
        if self._timer is not None:
            self._timer.cancel()

    def _passed(self, phase: float) -> bool:
        return self.anchor + (self._cycle + phase) * self.interval <= self._loop.time()

    def _due(self) -> float | None:
        """The next due time, if its round has begun."""
        if self._place >= len(self._entries):
            if not self._entries:
                return None
            self._cycle, self._place = self._cycle + 1, 0
        if self._cycle > self.begun:
            return None
        return self.anchor + (self._cycle + self._entries[self._place][0]) * self.interval

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = self._due()
        if due is not None:
            self._timer = self._loop.call_at(due, self._advance)

    def _advance(self) -> None:
        self._timer = None
        while (due := self._due()) is not None:
            # The loop's clock is coarse under uvloop: a millisecond early is on time.
            if due > self._loop.time() + 0.0005:
                self._timer = self._loop.call_at(due, self._advance)
                return
            number = self._entries[self._place][1]
            self._place += 1
            self._start(number, due)


class Scheduler:
    """Starts checks at their times. Belongs to one event loop."""

    def __init__(self, start: Start, wall: Callable[[], float] = time.time) -> None:
        self._start = start
        self._wall = wall
        self._loop = asyncio.get_running_loop()
        self._rounds: dict[float, Round] = {}
        self._checks: dict[int, tuple[float, float]] = {}
        self._once: dict[int, asyncio.TimerHandle] = {}
        self._scheduler = AsyncIOScheduler(timezone=UTC, event_loop=self._loop)
        self._offset = wall() - self._loop.time()
        self.rearmed = 0
        """How often the clocks parted and the jobs were armed anew."""
        self._guard: asyncio.TimerHandle | None = None

    def run(self) -> None:
        """Begin."""
        self._scheduler.start()
        self._guard = self._loop.call_later(GUARD_EVERY, self._watch_clock)

    def stop(self) -> None:
        """Start nothing more."""
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
        """Rounds that were slept through."""
        return sum(each.missed for each in self._rounds.values())

    def add(self, number: int, name: str, interval: float) -> None:
        """Run a check every `interval` seconds, and for the first time soon."""
        self.remove(number)
        phase = phase_of(name)
        self._checks[number] = (interval, phase)
        if interval not in self._rounds:
            self._open(interval)
        self._rounds[interval].add(phase, number)
        self.once(number, phase * min(interval, FIRST_WITHIN))

    def remove(self, number: int) -> None:
        """Run a check no more."""
        self._cancel_once(number)
        known = self._checks.pop(number, None)
        if known is None:
            return
        interval, phase = known
        members = self._rounds[interval]
        members.remove(phase, number)
        if not len(members):
            members.stop()
            del self._rounds[interval]
            self._scheduler.remove_job(_job(interval))

    def once(self, number: int, delay: float) -> None:
        """Run a check in `delay` seconds, beside its rounds."""
        self._cancel_once(number)
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
            IntervalTrigger(seconds=interval, timezone=UTC, start_date=self._wall_time(members.next_wake())),
            id=_job(interval),
            coalesce=True,
            misfire_grace_time=None,
            max_instances=1,
            next_run_time=self._wall_time(members.next_wake()),
        )

    def _wall_time(self, moment: float) -> datetime:
        return datetime.fromtimestamp(self._wall() + moment - self._loop.time(), UTC)

    def _watch_clock(self) -> None:
        self._guard = self._loop.call_later(GUARD_EVERY, self._watch_clock)
        offset = self._wall() - self._loop.time()
        if abs(offset - self._offset) <= DRIFT:
            return
        self._offset = offset
        self.rearmed += 1
        for interval, members in self._rounds.items():
            if members.next_wake() <= self._loop.time():
                members.begin()
            wake = self._wall_time(members.next_wake())
            trigger = IntervalTrigger(seconds=interval, timezone=UTC, start_date=wake)
            self._scheduler.modify_job(_job(interval), trigger=trigger, next_run_time=wake)


def _job(interval: float) -> str:
    return f"every {timedelta(seconds=interval)}"
