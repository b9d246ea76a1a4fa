"""The thread in which samples are taken and rules evaluated: jobs at their intervals, and questions in between."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TypeVar

log = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass
class Job:
    """Something that is done at an interval, in seconds."""

    interval: float
    work: Callable[[int], None]
    """Given the time in milliseconds since 1970."""
    missed: int = 0
    """How many times were left out as the work before took too long."""
    due: float = 0.0


class Clockwork:
    """Jobs fall due at multiples of their intervals since the start; those that do so together run in their order.

    Whatever touches the history or the rules runs here, one after the other, so neither needs a lock.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, wall: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._wall = wall
        self._requests: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._jobs: list[Job] = []
        self._base = clock()
        self._thread = threading.Thread(target=self._run, name="rules", daemon=True)
        self._ended = False

    def start(self, jobs: Iterable[Job]) -> None:
        """Begin; every job runs at once for the first time."""
        self._base = self._clock()
        self._jobs = list(jobs)
        for job in self._jobs:
            job.due = self._base
        self._thread.start()

    def replace(self, jobs: Iterable[Job]) -> None:
        """Have these jobs instead of the others, from their next times on. For the thread itself (see `ask`)."""
        self._jobs = list(jobs)
        now = self._clock()
        for job in self._jobs:
            if not job.due:
                job.due = self._next(job, now)

    def ask(self, work: Callable[[], T]) -> Future[T]:
        """Have something done in the thread, between two jobs."""
        future: Future[T] = Future()

        def answer() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                found = work()
            except Exception as error:  # noqa: BLE001 - carried over to whoever asked
                future.set_exception(error)
            else:
                future.set_result(found)

        if self._ended:
            future.cancel()
        else:
            self._requests.put(answer)
        return future

    def stop(self, last: Callable[[], None], within: float) -> bool:
        """Do this as the last thing, and end. False if that took longer than so many seconds."""
        self._ended = True  # first: what is asked behind the end would wait for ever
        self._requests.put(last)
        self._requests.put(None)
        if self._thread.is_alive():
            self._thread.join(within)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while True:
            wait = min((job.due for job in self._jobs), default=self._clock() + 1.0) - self._clock()
            if wait <= 0:
                self._work()
                wait = 0.0
            try:
                request = self._requests.get(timeout=wait) if wait else self._requests.get_nowait()
            except queue.Empty:
                continue
            if request is None:
                return
            self._guarded(request)

    def _work(self) -> None:
        """Run what is due, in the order of the jobs; all get the same time."""
        now, at = self._clock(), int(self._wall() * 1000)
        for job in [job for job in self._jobs if job.due <= now]:
            self._guarded(lambda job=job: job.work(at))  # type: ignore[misc]
            following = self._next(job, self._clock())
            job.missed += max(0, round((following - job.due) / job.interval) - 1)
            job.due = following

    def _next(self, job: Job, now: float) -> float:
        return self._base + (int((now - self._base) / job.interval) + 1) * job.interval

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception:  # a mistake of ours in one job must not end all alerting
            log.exception("a mistake in the thread of the rules; it goes on")
