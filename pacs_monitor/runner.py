"""One run of one check: starts it, bounds it, and turns whatever happens into a result."""

from __future__ import annotations

import asyncio
import inspect
import logging
import time
import traceback
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import aclosing, closing
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, cast

from pacs_monitor import marks, threads
from pacs_monitor.check import Check, CheckFailed, Sample, Surroundings
from pacs_monitor.failures import explain_os_error
from pacs_monitor.overdue import overdue
from pacs_monitor.samples import AuthorsMistake, Intake, plain_text
from pacs_monitor.targets import path_of, peer_of, target_of

log = logging.getLogger(__name__)

GRACE = 0.1
"""Seconds that a check has to end by itself at its deadline before it is cancelled: it knows what it waited for."""
STUBBORN = 0.5
"""Seconds after which a check that was cancelled and goes on all the same is given up."""

_ENGINE = (__file__, marks.__file__, threads.__file__)
"""Files whose frames stand in every traceback."""

Deliver = Callable[["Runner", float, float, float, str, str, list[Sample]], None]
"""(runner, started, duration, lateness, reason, message, samples); started is Unix time, the others seconds."""


@dataclass(slots=True)
class _Run:
    """The run under way."""

    due: float
    started: float
    wall: float
    samples: list[Sample] = field(default_factory=list)
    reported: bool = False


class Runner:
    """A check in a worker. It never overlaps itself."""

    __slots__ = (
        "_collect",
        "_deliver",
        "_loop",
        "_overdue",
        "_queued",
        "_run",
        "_timeout",
        "_told",
        "_too_late",
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
        self._overdue = overdue(self._loop)
        self._too_late = self._past_its_time
        """Bound once: it is what the run is watched by."""
        self._run: _Run | None = None
        self._queued: float | None = None
        self._told = ""
        self._timeout = check.effective_timeout
        if inspect.isasyncgenfunction(type(check).run):
            self._collect = self._on_the_loop
        elif inspect.iscoroutinefunction(type(check).run):
            self._collect = self._without_samples
        else:
            self._collect = self._in_thread
        check.bind(surroundings)

    @property
    def under_way(self) -> bool:
        """Whether a run is under way, be it one that was given up."""
        return self.task is not None and not self.task.done()

    @property
    def hanging(self) -> int:
        """Threads that were left behind, and a run that does not end though it was cancelled."""
        given_up = self.under_way and self._run is not None and self._run.reported
        return len(self.surroundings.abandoned) + given_up

    def start(self, due: float) -> str:
        """Start the run that was due then, on the loop's clock. Why not, if it is not started; "" if it is."""
        if self.hanging:
            # Its own moment: the run that hangs is not this one.
            late = max(0.0, monotonic() - due)
            self._deliver(self, self._wall(), 0.0, late, "timeout", self._still_hanging(), [])
            return "hanging"
        if self.under_way:
            if self.surroundings.waiting or self.surroundings.deadline - self._loop.time() > GRACE:
                return "running"
            # It ends at this moment: with a timeout as long as the interval, every second run would be lost.
            self._queued = due
            return ""
        self._begin(due, 0.0)
        return ""

    def _begin(self, due: float, less: float) -> None:
        self.expired = False
        self._run = None  # the last one is over: it must not stand for this one until its first step
        self.last_start = self._loop.time()
        self.surroundings.deadline = self.last_start + self._timeout - less
        self.task = self._loop.create_task(self._go(due, less))

    def _begin_queued(self) -> None:
        due, self._queued = self._queued, None
        if due is not None and self.hanging:
            self.start(due)
        elif due is not None:
            # It takes its lateness out of its own time, or it would make the next one later still.
            self._begin(due, max(0.0, self._loop.time() - due))

    def cancel(self) -> None:
        """End the run that is under way; it gives no result."""
        self._queued = None
        if self.task is not None:
            self.task.cancel()

    async def _go(self, due: float, less: float) -> None:
        surroundings = self.surroundings
        # The loop's own clock is as coarse as a millisecond under uvloop; it is the same clock.
        run = self._run = _Run(due, monotonic(), self._wall())
        surroundings.waited, surroundings.dialled = 0.0, None
        surroundings.deadline = run.started + self._timeout - less
        self._overdue.watch(self._too_late, surroundings.deadline + GRACE)
        reason = message = ""
        try:
            await marks.marked(self.number, self._collect(Intake(run.samples, self.check)))
            if self.expired:
                reason, message = "timeout", self._too_long()  # it swallowed the cancellation
            else:
                self._told = ""
        except CheckFailed as failure:
            reason, message = failure.reason, plain_text(failure.message)
        except asyncio.CancelledError as error:
            if self.expired:
                reason, message = "timeout", self._too_long()
            elif cast("asyncio.Task[None]", asyncio.current_task()).cancelling():
                raise
            else:
                reason, message = "broken", self._broken(error)  # it awaited something that was cancelled
        except OSError as error:
            explained = self._explained(error)
            reason, message = explained.reason, plain_text(explained.message)
        except AuthorsMistake as mistake:
            reason, message = "broken", f"the check itself is broken: {mistake}"
            self._tell(str(mistake))
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a check is anybody's code, and the others go on
            reason, message = "broken", self._broken(error)
        finally:
            self._overdue.forget(self._too_late)
        self._report(run, reason, message)
        if self._queued is not None:
            self._loop.call_soon(self._begin_queued)

    async def _on_the_loop(self, intake: Intake) -> None:
        async with aclosing(cast(AsyncGenerator[Sample, None], self.check.run())) as samples:
            async for sample in samples:
                intake.take(sample)

    async def _without_samples(self, intake: Intake) -> None:
        """A coroutine that never yields: it raises or does not."""
        intake.nothing(await cast(Awaitable[Any], self.check.run()))

    async def _in_thread(self, intake: Intake) -> None:
        def consume() -> None:
            # One by one: what came before a failure is kept.
            samples = cast(Generator[Sample, None, None], self.check.run())
            if not inspect.isgenerator(samples):
                intake.all_of(samples)
                return
            with closing(samples):
                for sample in samples:
                    intake.take(sample)

        consume.__name__ = self.name
        await threads.in_thread(consume, self.surroundings.abandoned)

    def _report(self, run: _Run, reason: str, message: str) -> None:
        if run.reported:
            return
        run.reported = True
        waited = self.surroundings.waited
        duration = max(0.0, monotonic() - run.started - waited)
        late = max(0.0, run.started - run.due) + waited
        # A thread that was left behind may still append to its list.
        self._deliver(self, run.wall, duration, late, reason, message, list(run.samples))

    def _past_its_time(self) -> None:
        surroundings, now = self.surroundings, self._loop.time()
        if self.expired:
            if self._run is not None:
                self._report(self._run, "timeout", self._too_long())
                self._begin_queued()
        elif surroundings.waiting:
            self._overdue.watch(self._too_late, now + GRACE)
        elif surroundings.deadline + GRACE > now:
            self._overdue.watch(self._too_late, surroundings.deadline + GRACE)
        elif self.task is not None:
            self.expired = True
            self.task.cancel()
            self._overdue.watch(self._too_late, now + STUBBORN)

    def _target(self) -> str:
        return target_of(self.check, self.name)

    def _explained(self, error: OSError) -> CheckFailed:
        path = path_of(error, self.check)
        return explain_os_error(error, self._target() if path else peer_of(self.check, self.name), path)

    def _too_long(self) -> str:
        return f"{self._target()}: the check did not end within its timeout of {self._timeout:g} s; is it reachable?"

    def _still_hanging(self) -> str:
        return (
            f"{self._target()}: an earlier run has not returned yet, so none is started; "
            f"whatever it waits for (a network mount, say) hangs"
        )

    def _broken(self, error: BaseException) -> str:
        """Log where, and never what was said: the text of an exception may hold a value from a data set."""
        frames = traceback.extract_tb(error.__traceback__)
        place = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "nowhere"
        own = [f"{frame.filename}:{frame.lineno} in {frame.name}" for frame in frames if frame.filename not in _ENGINE]
        self._tell(f"{type(error).__name__} at {' <- '.join(reversed(own)) or place}")
        return f"the check itself is broken ({type(error).__name__} at {place}); report it to its author"

    def _tell(self, what: str) -> None:
        """Log it, but the same thing only once in a row: a check may be broken every few seconds for a week."""
        if what != self._told:
            self._told = what
            log.error("%s is broken: %s", self.name, what)
