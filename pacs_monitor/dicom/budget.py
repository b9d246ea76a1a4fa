"""How many associations of ours a DICOM listener may see at once."""

from __future__ import annotations

import asyncio
from heapq import heappop, heappush
from itertools import count

Listener = tuple[str, int]


class Budget:
    """Slots for each listener (host, port); those who wait get them by the shortest interval first.

    Belongs to one event loop. A slot is held for one association, never for a whole run.
    """

    def __init__(self) -> None:
        self._taken: dict[Listener, int] = {}
        self._waiting: dict[Listener, list[tuple[float, int, asyncio.Future[None]]]] = {}
        self._order = count()

    def try_acquire(self, key: Listener, limit: int) -> bool:
        """Take a slot if one is free and nobody waits for it."""
        taken = self._taken.get(key, 0)
        if taken >= limit or key in self._waiting:
            return False
        self._taken[key] = taken + 1
        return True

    async def acquire(self, key: Listener, limit: int, priority: float) -> float:
        """Take a slot, and wait for it if need be; the smallest priority goes first. Returns seconds waited."""
        if self.try_acquire(key, limit):
            return 0.0
        loop = asyncio.get_running_loop()
        started = loop.time()
        turn: asyncio.Future[None] = loop.create_future()
        heappush(self._waiting.setdefault(key, []), (priority, next(self._order), turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.release(key)  # the slot was handed over just as we gave up
            raise
        return loop.time() - started

    def release(self, key: Listener) -> None:
        """Give a slot back: to the next who waits, if any."""
        waiting = self._waiting.get(key)
        while waiting:
            _, _, turn = heappop(waiting)
            if not waiting:
                del self._waiting[key]
            if not turn.done():
                turn.set_result(None)  # the count stays: the slot goes from hand to hand
                return
        self._waiting.pop(key, None)
        left = self._taken[key] - 1
        if left:
            self._taken[key] = left
        else:
            del self._taken[key]

    def taken(self, key: Listener) -> int:
        """How many slots of a listener are in use."""
        return self._taken.get(key, 0)
