"""What the probing process does: a schedule, an event loop, and nothing else. Results go over a pipe.

How it is born and how it ends is in `worker_process.py`.
"""

from __future__ import annotations

import asyncio
import functools
import gc
import logging
import os
import pickle
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from pacs_monitor import marks, wire
from pacs_monitor.check import Check, Destination, Sample, Surroundings
from pacs_monitor.dicom import clock
from pacs_monitor.dicom.budget import Budget
from pacs_monitor.loader import load_file
from pacs_monitor.memory import CheckMemory
from pacs_monitor.node import Node
from pacs_monitor.remembering import Remembering
from pacs_monitor.resolve import Resolver
from pacs_monitor.runner import Runner
from pacs_monitor.runners import Runners
from pacs_monitor.samples import MOST_SERIES
from pacs_monitor.scheduler import Scheduler
from pacs_monitor.sitetime import SiteTime

log = logging.getLogger(__name__)

BEAT_EVERY = 0.2
"""Seconds between signs of life."""
MOST_ABANDONED = 32
"""Threads that hang and were left behind; with more the worker asks to be replaced."""
RELEASE_WITHIN = 1.5
"""Seconds that runs under way have to release their associations when the worker stops."""


@dataclass(frozen=True)
class Order:
    """A check as a worker is told of it."""

    number: int
    name: str
    source: str
    settings: dict[str, Any] = field(repr=False)  # secrets are among them
    node: Node | None
    site: str
    memory: dict[str, Any]
    site_time: SiteTime
    destination: Destination | None = None
    scheduled: bool = True
    """False: it only runs when asked to (`probe`)."""


class Worker(asyncio.Protocol):
    """Runs the checks that the main process orders."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._unpacker = wire.Unpacker()
        self._transport: asyncio.Transport | None = None
        self._pipe = -1
        self._runners = Runners()
        self._orders: dict[int, Order] = {}
        self._series: dict[int, dict[tuple[str, tuple[str, ...]], int]] = {}
        self._out: list[bytes] = []
        self._probes: dict[int, list[int]] = {}
        self._memory = Remembering(self._send)
        self._resolver = Resolver()
        self._budget = Budget()
        self._scheduler = Scheduler(self._due)
        self._stamping = clock.keep_stamping()
        self._leaving = False
        """Nothing is started any more."""
        self._stopping = False
        self._wants_replacement = False
        self._beats = 0
        self._hanging = 0
        self.stopped: asyncio.Future[None] = self._loop.create_future()
        """Done once everything is released."""

    # The pipe.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The main process is there."""
        self._transport = cast(asyncio.Transport, transport)
        self._pipe = os.dup(transport.get_extra_info("socket").fileno())
        self._scheduler.run()
        self._beat()

    def data_received(self, data: bytes) -> None:
        """Orders have come."""
        for message in self._unpacker.feed(data):
            match message[0]:
                case wire.LOAD:
                    self._ordered(pickle.loads(message[1]))
                case wire.DROP:
                    for number in message[1]:
                        self._drop(number)
                case wire.COMMITTED:
                    self._memory.committed(message[1], message[2])
                case wire.PROBE:
                    self._probe(message[1], message[2])
                case wire.STOP:
                    self._loop.create_task(self.stop(message[1]))

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
            left = self._written(self._transport, b"".join(out))
            if left:
                self._transport.write(left)

    def _written(self, transport: asyncio.Transport, data: bytes) -> bytes:
        """Write to the pipe itself, which takes almost everything at once, and give back what it did not take.

        The transport's way costs a run 35 µs more on uvloop, a fifth of the whole.
        """
        if transport.get_write_buffer_size():
            return data  # in its turn
        try:
            return data[os.write(self._pipe, data) :]
        except BlockingIOError:
            return data
        except OSError:
            return b""  # the main process is gone: the transport tells

    def _beat(self) -> None:
        if self._stopping:
            return
        self._loop.call_later(BEAT_EVERY, self._beat)
        self._beats += 1
        if self._beats % 5 == 1:
            self._hanging = self._runners.hanging()
        hanging, scheduler = self._hanging, self._scheduler
        self._send((wire.BEAT, hanging, self._resolver.failures, scheduler.missed_rounds, scheduler.steps))
        if hanging > MOST_ABANDONED and not self._wants_replacement:
            self._wants_replacement = True
            self._send((wire.REPLACE, f"{hanging} threads of checks hang"))

    # Checks come and go.

    def _ordered(self, orders: list[Order]) -> None:
        if not self._orders:
            self._loop.call_soon(self._load_some)
        for order in orders:
            self._orders[order.number] = order

    def _load_some(self) -> None:
        """A few at a time: a fleet that loads must not look like a worker that hangs."""
        until = self._loop.time() + 0.05
        while self._orders and self._loop.time() < until:
            self._load(self._orders.pop(next(iter(self._orders))))
        if self._orders:
            self._loop.call_later(0, self._load_some)
        else:
            # What is here now stays: the collector need not look at it again.
            gc.collect()
            gc.freeze()
            # Runs leave no cycles: to look for some after each 700 objects costs them a tenth of their time.
            gc.set_threshold(20_000, 20, 20)

    def _load(self, order: Order) -> None:
        self._drop(order.number)
        if self._leaving:
            return
        marks.mark(order.number)
        try:
            runner = self._runner(order)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a check is anybody's code, and the others are loaded
            # The main process read the same file without complaint: it has changed since, or is not always the same.
            self._send((wire.BROKEN, order.number, order.source, f"{type(error).__name__}: cannot be loaded"))
            return
        finally:
            marks.mark(0)
        self._runners.put(runner)
        self._series[order.number] = {}
        if order.scheduled:
            self._scheduler.add(order.number, order.name, runner.check.interval)

    def _runner(self, order: Order) -> Runner:
        check = load_file(Path(order.source)).cls.model_validate(order.settings)
        memory = CheckMemory(order.memory, functools.partial(self._memory.commit, order.number))
        surroundings = Surroundings(
            order.node, memory, self._resolver, self._budget, order.site, order.site_time, order.destination
        )
        return Runner(order.number, order.name, check, surroundings, self._deliver)

    def _drop(self, number: int) -> None:
        self._orders.pop(number, None)
        self._scheduler.remove(number)
        self._runners.drop(number)
        self._series.pop(number, None)
        for request in self._probes.pop(number, ()):
            why = "the check was changed or taken out while it ran; ask again"
            self._send((wire.PROBED, request, 0.0, 0.0, "not_found", why, ()))

    # Runs.

    def _due(self, number: int, due: float, asked: bool = False) -> None:
        runner = self._runners.get(number)
        if runner is None or self._leaving:
            return
        if not asked and due - runner.last_start < self._gap(runner.check):
            return  # its first run, a retry, or one that a person asked for, was just now
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
        number = runner.number
        if self._runners.get(number) is not runner:
            return  # dropped while it ran
        known = self._series[number]
        if len(known) >= MOST_SERIES:
            known.clear()  # its labels change all the time: begin the numbers anew
        out: list[Any] = [wire.RESULT, number, started, duration, lateness, reason, message]
        for metric, value, labels in samples:
            series = known.get((metric.name, labels))
            if series is None:
                series = known[metric.name, labels] = len(known) + 1
                self._send((wire.DEFINE, series, number, metric.name, labels))
            out.append(series)
            out.append(value)
        self._send(tuple(out))
        check = runner.check
        if reason and check.retry_interval and check.retry_interval < check.interval:
            self._scheduler.once(number, check.retry_interval)
        for request in self._probes.pop(number, ()):
            told = tuple((metric.name, metric.labelnames, labels, value) for metric, value, labels in samples)
            self._send((wire.PROBED, request, started, duration, reason, message, told))

    def _probe(self, request: int, number: int) -> None:
        order = self._orders.pop(number, None)
        if order is not None:
            self._load(order)  # it has just been ordered
        runner = self._runners.get(number)
        if self._leaving:
            return  # the worker that takes our place is asked
        if runner is None:
            why = "the check is not loaded; the agent's log says why"
            self._send((wire.PROBED, request, 0.0, 0.0, "not_found", why, ()))
        else:
            # A run that is under way answers, too: never two associations for one question.
            self._probes.setdefault(number, []).append(request)
            if not runner.under_way or runner.hanging:
                runner.start(self._loop.time())

    # The end.

    async def stop(self, patience: float = 0.0) -> None:
        """End all runs, which releases their associations, and say so; they have `patience` seconds to end first."""
        self._leaving = True
        self._scheduler.stop()
        await self._runners.ended(patience)
        if self._stopping:
            return
        self._stopping = True
        await self._runners.cancelled(RELEASE_WITHIN)
        # TLS transports flush their last record in the next turns of the loop.
        await asyncio.sleep(0.05)
        self._send((wire.STOPPED,))
        self._flush()
        if not self.stopped.done():
            self.stopped.set_result(None)
