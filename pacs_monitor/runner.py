"""One run of one check: starts it, bounds it, and turns whatever happens into a result."""

from __future__ import annotations

import asyncio
import inspect
import logging
import time
import traceback
from collections.abc import AsyncIterator, Callable, Iterator
from typing import cast

from pacs_monitor.check import Check, CheckFailed, NodeCheck, Sample, Surroundings
from pacs_monitor.failures import explain_os_error
from pacs_monitor.threads import in_thread

log = logging.getLogger(__name__)

GRACE = 0.1
"""Seconds that a check has to end by itself at its deadline before it is cancelled: it knows what it waited for."""

Deliver = Callable[["Runner", float, float, float, str, str, list[Sample]], None]
"""(runner, started, duration, lateness, reason, message, samples); started is Unix time, the others seconds."""


class Runner:
    """A check in a worker. It never overlaps itself."""

    __slots__ = (
        "_deliver",
        "_loop",
        "_overdue",
        "_sync",
        "_timeout",
        "_wall",
        "check",
        "expired",
        "last_start",
        "name",
        "number",
        "surroundings",
        "task",
    )

    def __init__(
        self,
        number: int,
        name: str,
        check: Check,
        surroundings: Surroundings,
        deliver: Deliver,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """`name` is what logs call the check: `node/check`."""
        self.number = number
        self.name = name
        self.check = check
        self.surroundings = surroundings
        self.task: asyncio.Task[None] | None = None
        self.expired = False
        self.last_start = float("-inf")
        """On the loop's clock."""
        self._deliver = deliver
        self._wall = wall
        self._loop = asyncio.get_running_loop()
        self._overdue: asyncio.TimerHandle | None = None
        self._timeout = check.effective_timeout
        self._sync = not inspect.isasyncgenfunction(type(check).run)
        check.bind(surroundings)

    def start(self, due: float) -> str:
        """Start the run that was due then, on the loop's clock. Why not, if it is not started; "" if it is."""
        if self.surroundings.abandoned:
            self._report(due, self._wall(), 0.0, *self._still_hanging(), [])
            return "hanging"
        if self.task is not None and not self.task.done():
            if self.expired:
                self._report(due, self._wall(), 0.0, *self._still_hanging(), [])
                return "hanging"
            return "running"
        self.expired = False
        self.last_start = self._loop.time()
        self.task = self._loop.create_task(self._run(due))
        return ""

    def cancel(self) -> None:
        """End the run that is under way; it gives no result."""
        if self.task is not None:
            self.task.cancel()

    async def _run(self, due: float) -> None:
        loop, surroundings = self._loop, self.surroundings
        started, wall = loop.time(), self._wall()
        surroundings.waited = 0.0
        surroundings.deadline = started + self._timeout
        self._overdue = loop.call_at(surroundings.deadline + GRACE, self._expire)
        samples: list[Sample] = []
        reason = message = ""
        try:
            if self._sync:
                await self._in_thread(samples)
            else:
                async for sample in cast(AsyncIterator[Sample], self.check.run()):
                    samples.append(sample)
        except CheckFailed as failure:
            reason, message = failure.reason, failure.message
        except asyncio.CancelledError:
            if not self.expired:
                raise
            reason, message = "timeout", self._too_long()
        except OSError as error:
            explained = explain_os_error(error, self._target())
            reason, message = explained.reason, explained.message
        except Exception as error:  # noqa: BLE001 - a check is anybody's code, and the others go on
            reason, message = "broken", self._broken(error)
        finally:
            self._overdue.cancel()
        waited = surroundings.waited
        duration = loop.time() - started - waited
        self._report(due, wall, duration, reason, message, samples, lateness=max(0.0, started - due) + waited)

    async def _in_thread(self, samples: list[Sample]) -> None:
        def consume() -> None:
            # One by one: what came before a failure is kept.
            for sample in cast(Iterator[Sample], self.check.run()):
                samples.append(sample)

        consume.__name__ = self.name
        await in_thread(consume, self.surroundings.abandoned)

    def _report(
        self,
        due: float,
        wall: float,
        duration: float,
        reason: str,
        message: str,
        samples: list[Sample],
        lateness: float | None = None,
    ) -> None:
        late = max(0.0, self._loop.time() - due) if lateness is None else lateness
        # A thread that was left behind may still append to its list.
        self._deliver(self, wall, duration, late, reason, message, list(samples))

    def _expire(self) -> None:
        surroundings, loop = self.surroundings, self._loop
        if surroundings.waiting:
            self._overdue = loop.call_later(1.0, self._expire)
        elif surroundings.deadline + GRACE > loop.time() + 0.001:
            self._overdue = loop.call_at(surroundings.deadline + GRACE, self._expire)
        elif self.task is not None:
            self.expired = True
            self.task.cancel()

    def _target(self) -> str:
        node = self.surroundings.node
        if node is None:
            return self.name
        return f"{node.name} ({node.host})" if isinstance(self.check, NodeCheck) else node.name

    def _too_long(self) -> str:
        return f"{self._target()}: the check did not end within its timeout of {self._timeout:g} s; is it reachable?"

    def _still_hanging(self) -> tuple[str, str]:
        return (
            "timeout",
            f"{self._target()}: an earlier run has not returned yet, so none is started; "
            f"whatever it waits for (a network mount, say) hangs",
        )

    def _broken(self, error: Exception) -> str:
        """Log where, and never what was said: the text of an exception may hold a value from a data set."""
        frames = traceback.extract_tb(error.__traceback__)
        place = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "nowhere"
        own = [f"{frame.filename}:{frame.lineno} in {frame.name}" for frame in frames[1:]]
        log.error("%s is broken: %s at %s", self.name, type(error).__name__, " <- ".join(reversed(own)) or place)
        return f"the check itself is broken ({type(error).__name__} at {place}); report it to its author"
