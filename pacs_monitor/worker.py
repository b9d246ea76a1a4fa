"""The probing process: a schedule, an event loop, and nothing else. Results go over a pipe to the main process.

It is forked by the nursery and ends when the main process tells it to or is gone.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import pickle
import signal
import socket
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from pacs_monitor import wire
from pacs_monitor.check import Check, Sample, Surroundings
from pacs_monitor.dicom import clock
from pacs_monitor.dicom.budget import Budget
from pacs_monitor.loader import LoadError, load_file
from pacs_monitor.memory import CheckMemory
from pacs_monitor.node import Node
from pacs_monitor.resolve import Resolver
from pacs_monitor.runner import Runner
from pacs_monitor.scheduler import Scheduler

log = logging.getLogger(__name__)

BEAT_EVERY = 0.2
"""Seconds between signs of life."""
MOST_ABANDONED = 32
"""Threads that hang and were left behind; with more the worker asks to be replaced."""
RELEASE_WITHIN = 2.0
"""Seconds that runs under way have to release their associations when the worker stops."""


@dataclass(frozen=True)
class Order:
    """A check as a worker is told of it."""

    number: int
    name: str
    source: str
    settings: dict[str, Any]
    node: Node | None
    site: str
    memory: dict[str, Any]
    scheduled: bool = True
    """False: it only runs when asked to (`probe`)."""


class Worker(asyncio.Protocol):
    """Runs the checks that the main process orders."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._unpacker = wire.Unpacker()
        self._transport: asyncio.Transport | None = None
        self._runners: dict[int, Runner] = {}
        self._orders: deque[Order] = deque()
        self._series: dict[int, dict[tuple[str, tuple[str, ...]], int]] = {}
        self._next_series = 1
        self._out: list[bytes] = []
        self._requests: dict[int, asyncio.Future[None]] = {}
        self._next_request = 1
        self._probes: dict[Runner, list[int]] = {}
        self._resolver = Resolver()
        self._budget = Budget()
        self._scheduler = Scheduler(self._due)
        self._stamping = clock.keep_stamping()
        self._stopping = False
        self.stopped = self._loop.create_future()

    # The pipe.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The main process is there."""
        self._transport = cast(asyncio.Transport, transport)
        self._scheduler.run()
        self._beat()

    def data_received(self, data: bytes) -> None:
        """Orders have come."""
        for message in self._unpacker.feed(data):
            match message[0]:
                case wire.LOAD:
                    self._orders.extend(pickle.loads(message[1]))
                    self._loop.call_soon(self._load_some)
                case wire.DROP:
                    for number in message[1]:
                        self._drop(number)
                case wire.COMMITTED:
                    self._committed(message[1], message[2])
                case wire.PROBE:
                    self._probe(message[1], message[2])
                case wire.STOP:
                    self._loop.create_task(self.stop())

    def connection_lost(self, exc: Exception | None) -> None:
        """The main process is gone: nobody wants what we measure."""
        self._transport = None
        self._loop.create_task(self.stop())

    def _send(self, message: tuple[Any, ...]) -> None:
        """What one turn of the loop has to tell goes in one write."""
        if not self._out:
            self._loop.call_soon(self._flush)
        self._out.append(wire.pack(message))

    def _flush(self) -> None:
        out, self._out = self._out, []
        if self._transport is not None:
            self._transport.write(b"".join(out))

    def _beat(self) -> None:
        if self._stopping:
            return
        self._loop.call_later(BEAT_EVERY, self._beat)
        abandoned = sum(len(runner.surroundings.abandoned) for runner in self._runners.values())
        scheduler = self._scheduler
        self._send((wire.BEAT, abandoned, self._resolver.failures, scheduler.missed_rounds, scheduler.rearmed))
        if abandoned > MOST_ABANDONED:
            self._send((wire.REPLACE, f"{abandoned} threads of checks hang"))

    # Checks come and go.

    def _load_some(self) -> None:
        """A few at a time: a fleet that loads must not look like a worker that hangs."""
        until = self._loop.time() + 0.05
        while self._orders and self._loop.time() < until:
            self._load(self._orders.popleft())
        if self._orders:
            self._loop.call_soon(self._load_some)
        else:
            # What is here now stays: the collector need not look at it again.
            gc.collect()
            gc.freeze()

    def _load(self, order: Order) -> None:
        self._drop(order.number)
        try:
            kind = load_file(Path(order.source))
            check = kind.cls.model_validate(order.settings)
        except (LoadError, ValueError) as error:
            # The main process read the same file without complaint: it has changed since.
            self._send((wire.BROKEN, order.number, order.source, f"{type(error).__name__}: cannot be loaded"))
            return
        memory = CheckMemory(order.memory, lambda *change: self._remember(order.number, *change))
        surroundings = Surroundings(order.node, memory, self._resolver, self._budget, order.site)
        self._runners[order.number] = Runner(order.number, order.name, check, surroundings, self._deliver)
        self._series[order.number] = {}
        if order.scheduled:
            self._scheduler.add(order.number, order.name, check.interval)

    def _drop(self, number: int) -> None:
        self._scheduler.remove(number)
        runner = self._runners.pop(number, None)
        self._series.pop(number, None)
        if runner is not None:
            runner.cancel()

    # Runs.

    def _due(self, number: int, due: float, asked: bool = False) -> None:
        runner = self._runners.get(number)
        if runner is None or self._stopping:
            return
        if not asked and due - runner.last_start < self._gap(runner.check):
            return  # its first run, or a retry, was just now
        if why := runner.start(due):
            self._send((wire.SKIPPED, number, why))

    @staticmethod
    def _gap(check: Check) -> float:
        """Half the shortest wait that the settings ask for."""
        return 0.5 * min(check.interval, check.retry_interval or check.interval)

    def _deliver(
        self,
        runner: Runner,
        started: float,
        duration: float,
        lateness: float,
        reason: str,
        message: str,
        samples: list[Sample],
    ) -> None:
        known = self._series.get(runner.number)
        if known is None or self._runners.get(runner.number) is not runner:
            return  # dropped while it ran
        out: list[Any] = [wire.RESULT, runner.number, started, duration, lateness, reason, message]
        for metric, value, labels in samples:
            series = known.get((metric.name, labels))
            if series is None:
                series = known[metric.name, labels] = self._next_series
                self._next_series += 1
                self._send((wire.DEFINE, series, runner.number, metric.name, labels))
            out.append(series)
            out.append(value)
        self._send(tuple(out))
        check = runner.check
        if reason and check.retry_interval and check.retry_interval < check.interval and not self._stopping:
            self._scheduler.once(runner.number, check.retry_interval)
        for request in self._probes.pop(runner, ()):
            told = tuple((metric.name, metric.labelnames, labels, float(value)) for metric, value, labels in samples)
            self._send((wire.PROBED, request, started, duration, reason, message, told))

    def _probe(self, request: int, number: int) -> None:
        runner = self._runners.get(number)
        if runner is None:
            self._send((wire.PROBED, request, 0.0, 0.0, "not_found", "the check is not loaded", ()))
            return
        # A run that is under way answers, too: never two associations for one question.
        self._probes.setdefault(runner, []).append(request)
        runner.start(self._loop.time())

    # Memory.

    async def _remember(self, number: int, key: str, value: str | None, keep: bool) -> None:
        request, self._next_request = self._next_request, self._next_request + 1
        future = self._requests[request] = self._loop.create_future()
        self._send((wire.REMEMBER, request, number, key, value, keep))
        try:
            await future
        finally:
            self._requests.pop(request, None)

    def _committed(self, request: int, error: str) -> None:
        future = self._requests.get(request)
        if future is None or future.done():
            return
        if error:
            future.set_exception(OSError(f"not saved: {error}"))
        else:
            future.set_result(None)

    # The end.

    async def stop(self) -> None:
        """End all runs, which releases their associations, and say so."""
        if self._stopping:
            return
        self._stopping = True
        self._scheduler.stop()
        tasks = [runner.task for runner in self._runners.values() if runner.task and not runner.task.done()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=RELEASE_WITHIN)
        # TLS transports flush their last record in the next turns of the loop.
        await asyncio.sleep(0.05)
        self._send((wire.STOPPED,))
        self._flush()
        if not self.stopped.done():
            self.stopped.set_result(None)


def new_event_loop() -> asyncio.AbstractEventLoop:
    """An uvloop if it is installed (`pacs-monitor[fast]`), else asyncio's own loop."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return cast(asyncio.AbstractEventLoop, uvloop.new_event_loop())


async def serve(sock: socket.socket) -> None:
    """Work for the main process at the other end of the socket until it says stop or is gone."""
    sock.setblocking(False)
    transport, worker = await asyncio.get_running_loop().create_connection(Worker, sock=sock)
    await worker.stopped
    transport.close()
    await asyncio.sleep(0)


def main(sock: socket.socket) -> None:
    """The life of a worker. Does not return: threads that hang must not keep the process."""
    # Ctrl-C and a service manager reach the whole group; the main process tells us when and how to stop.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    status = 0
    try:
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            runner.run(serve(sock))
    except BaseException as error:  # the last words of a process that ends by _exit
        log.error("worker ends: %s", type(error).__name__, exc_info=not isinstance(error, OSError))
        status = 1
    finally:
        logging.shutdown()
        os._exit(status)
