"""An event loop's clock and timers, for what only needs these: time goes on when a test says so."""

import asyncio
from collections.abc import Callable
from typing import Any, cast


class _Timer:
    def __init__(self, when: float, work: Callable[[], object]) -> None:
        self.when = when
        self.work = work
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class FakeLoop:
    """Timers fire in `advance`, each at its time; a `jump` is a machine that did not run meanwhile."""

    def __init__(self, now: float = 0.0) -> None:
        self.now = now
        self._timers: list[_Timer] = []

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, work: Callable[..., object], *args: Any) -> _Timer:
        timer = _Timer(when, lambda: work(*args))
        self._timers.append(timer)
        return timer

    def advance(self, seconds: float) -> None:
        end = self.now + seconds
        while due := [timer for timer in self._timers if not timer.cancelled and timer.when <= end]:
            timer = min(due, key=lambda timer: timer.when)
            self._timers.remove(timer)
            self.now = max(self.now, timer.when)
            timer.work()
        self._timers = [timer for timer in self._timers if not timer.cancelled]
        self.now = end

    def jump(self, seconds: float) -> None:
        self.now += seconds
        self.advance(0.0)

    @property
    def armed(self) -> int:
        return sum(not timer.cancelled for timer in self._timers)

    def as_loop(self) -> asyncio.AbstractEventLoop:
        return cast(asyncio.AbstractEventLoop, self)
