"""The checks of one interval: in each round each of them is started once, at its phase, on the monotonic clock."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from heapq import heapify, heappop, heappush, heapreplace
from math import ceil, floor
from time import monotonic

LEAD = 0.25
"""Seconds by which a round is begun before its first due time: the lateness of whoever begins it disappears in it."""
SLICE = 0.05
"""Seconds of starting checks after which the loop gets its turn: many are due when a machine wakes up."""
COARSE = 0.0005
"""uvloop's clock and timers have milliseconds: half of one early is on time."""

Start = Callable[[int, float], None]
"""(check's number, due time on the loop's clock)"""


class Round:
    """The checks of one interval, in the order of their due times. Somebody must `begin` each round in time."""

    def __init__(self, interval: float, start: Start, loop: asyncio.AbstractEventLoop) -> None:
        """The first round is begun."""
        self.interval = interval
        self.anchor = loop.time() + LEAD
        """When round 0 is; round k is k intervals later."""
        self.begun = 0
        """The latest round that was begun."""
        self.missed = 0
        """Rounds that were over before anybody began them."""
        self._start = start
        self._loop = loop
        self._slack = min(0.05, interval / 4)
        self._next: dict[int, tuple[int, float]] = {}
        self._heap: list[tuple[int, float, int]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._stopped = False

    def __len__(self) -> int:
        return len(self._next)

    def until_next_wake(self) -> float:
        """Seconds until the next round that is still to come must be begun."""
        return self.anchor + (self._current() + 1) * self.interval - LEAD - self._loop.time()

    def begin(self) -> None:
        """Begin the round whose time it is; once each, however often the clock makes us wake."""
        current = self._current()
        if self._stopped or current <= self.begun:
            return
        self.missed += max(0, floor((self._loop.time() - self.anchor) / self.interval) - self.begun - 1)
        self.begun = current
        self._arm()

    def add(self, phase: float, number: int) -> float:
        """Take a check in. When it is first due: in this round if its phase is still to come, else in the next."""
        round_ = max(0, ceil((self._loop.time() - self.anchor) / self.interval - phase))
        self._next[number] = (round_, phase)
        if len(self._heap) > 2 * len(self._next) + 64:
            self._heap = [(*place, each) for each, place in self._next.items()]
            heapify(self._heap)
        else:
            heappush(self._heap, (round_, phase, number))
        if self._heap[0][2] == number:
            self._arm()
        return self._at(round_, phase)

    def remove(self, number: int) -> None:
        """Take a check out."""
        self._next.pop(number, None)

    def shift(self, seconds: float) -> None:
        """The machine slept so long, and the monotonic clock with it: due times are so much earlier."""
        self.anchor -= seconds
        self.begin()
        self._arm()

    def stop(self) -> None:
        """Start nothing more."""
        self._stopped = True
        self._next.clear()
        self._heap.clear()
        if self._timer is not None:
            self._timer.cancel()

    def _current(self) -> int:
        return floor((self._loop.time() + LEAD + self._slack - self.anchor) / self.interval)

    def _at(self, round_: int, phase: float) -> float:
        return self.anchor + (round_ + phase) * self.interval

    def _peek(self) -> tuple[int, float, int] | None:
        """Who is next, if that round has begun."""
        heap = self._heap
        while heap:
            round_, phase, number = heap[0]
            if self._next.get(number) == (round_, phase):
                return heap[0] if round_ <= self.begun else None
            heappop(heap)  # taken out, or taken in anew at another place
        return None

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        top = self._peek()
        if top is not None:
            self._timer = self._loop.call_at(self._at(top[0], top[1]), self._advance)

    def _advance(self) -> None:
        until = monotonic() + SLICE
        try:
            while self._start_next() and monotonic() < until:
                pass
        finally:
            self._arm()

    def _start_next(self) -> bool:
        top = self._peek()
        if top is None:
            return False
        round_, phase, number = top
        now = self._loop.time()
        if self._at(round_, phase) > now + COARSE:
            return False
        # What was due several times while we slept is run once, now, and not once for each round.
        round_ = max(round_, floor((now - self.anchor) / self.interval - phase))
        self._next[number] = (round_ + 1, phase)
        heapreplace(self._heap, (round_ + 1, phase, number))
        self._start(number, self._at(round_, phase))
        return True
