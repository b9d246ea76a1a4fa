"""Notices runs that are past their time.

A timer for each run costs as much as a tenth of its probe, and almost every one is cancelled. So one timer looks at
all that are under way, ten times a second while there are any.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from weakref import WeakKeyDictionary, ref

LOOK_EVERY = 0.1
"""Seconds; so late a run may be ended."""

_watches: WeakKeyDictionary[asyncio.AbstractEventLoop, Overdue] = WeakKeyDictionary()


class Overdue:
    """Calls back once a moment has passed, unless told to forget it."""

    __slots__ = ("_loop", "_moments", "_timer")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = ref(loop)  # it is the key under which this is kept
        self._moments: dict[Callable[[], None], float] = {}
        self._timer: asyncio.TimerHandle | None = None

    def watch(self, call: Callable[[], None], moment: float) -> None:
        """Call it once that moment on the loop's clock has passed; what was said of it before is void."""
        self._moments[call] = moment
        if self._timer is None:
            self._arm()

    def forget(self, call: Callable[[], None]) -> None:
        """Do not call it."""
        self._moments.pop(call, None)

    def _look(self) -> None:
        loop = self._loop()
        now = loop.time() if loop is not None else 0.0
        self._timer = None
        try:
            for call in [call for call, moment in self._moments.items() if moment <= now]:
                if self._moments.pop(call, None) is not None:
                    call()
        finally:
            if self._moments and self._timer is None:
                self._arm()

    def _arm(self) -> None:
        loop = self._loop()
        if loop is not None:
            self._timer = loop.call_later(LOOK_EVERY, self._look)


def overdue(loop: asyncio.AbstractEventLoop) -> Overdue:
    """The one of this loop."""
    found = _watches.get(loop)
    if found is None:
        found = _watches[loop] = Overdue(loop)
    return found
