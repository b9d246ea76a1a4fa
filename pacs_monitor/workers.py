"""The workers, seen from the main process: starts them, hands out checks, notices when one dies or hangs."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import pickle
import signal
import socket
import sqlite3
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast
from zlib import crc32

from pacs_monitor import wire
from pacs_monitor.results import Record, Results
from pacs_monitor.settings import Key
from pacs_monitor.state import Kept, State
from pacs_monitor.worker import Order

log = logging.getLogger(__name__)

HANGS_AFTER = 0.6
"""Seconds without a sign of life after which a worker is replaced; it gives one every 0.2 s."""
STARTS_WITHIN = 10.0
"""Seconds that a worker has for its first sign of life."""
WATCH_EVERY = 0.1
NODES_PER_WORKER = 5_000
BATCH = 200
"""Orders in one message."""


@dataclass
class ProbeReport:
    """What one run gave, for the person who asked for it. Times in seconds."""

    started: float
    duration: float
    reason: str
    message: str
    samples: list[tuple[str, dict[str, str], float]]


@dataclass
class Counters:
    """What the workers did, for the agent's own metrics."""

    restarts: dict[str, int] = field(default_factory=dict)
    skipped: dict[str, int] = field(default_factory=dict)
    broken: int = 0
    dns_failures: int = 0
    missed_rounds: int = 0
    clock_steps: int = 0


class _Link(asyncio.Protocol):
    """One worker's end of the pipe."""

    def __init__(self, workers: Workers, place: int) -> None:
        self._workers = workers
        self._unpacker = wire.Unpacker()
        self.place = place
        self.pid = 0
        self.seen: float | None = None
        """The last sign of life, on the loop's clock."""
        self.abandoned = 0
        self.totals = (0, 0, 0)
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done once the worker has released everything, or is gone."""
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        for message in self._unpacker.feed(data):
            self._workers.received(self, message)

    def connection_lost(self, exc: Exception | None) -> None:
        self._workers.lost(self)

    def end(self) -> None:
        """Nothing more is to come."""
        if not self.ended.done():
            self.ended.set_result(None)

    def send(self, message: tuple[Any, ...]) -> None:
        """Nothing here waits: the transport keeps what the pipe does not take yet."""
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(wire.pack(message))


class Workers:
    """All workers. A check's node is always on the same one, since the budget of associations lives there."""

    def __init__(
        self, results: Results, state: State | None, level: int = logging.WARNING, *, scheduled: bool = True
    ) -> None:
        """`level` is the workers' log level; without `scheduled` checks run only when `probe` asks."""
        self._scheduled = scheduled
        self._results = results
        self._state = state
        self._level = level
        self._loop = asyncio.get_running_loop()
        self._nursery: asyncio.subprocess.Process | None = None
        self._control: socket.socket | None = None
        self._birth = asyncio.Lock()
        self._links: dict[int, _Link] = {}
        self._placed: dict[int, int] = {}
        self._memory: dict[Key, dict[str, Kept]] = state.load_memory() if state else {}
        self._probes: dict[int, tuple[_Link, asyncio.Future[ProbeReport]]] = {}
        self._next_request = 1
        self._watch: asyncio.TimerHandle | None = None
        self._watched = 0.0
        self._stopping = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._gone: list[int] = []
        self.counters = Counters()
        self.lateness: Callable[[float], None] = lambda seconds: None
        """Called with each run's lateness in seconds."""

    async def start(self, count: int) -> None:
        """Start so many workers."""
        await self._open_nursery()
        for place in range(count):
            await self._spawn(place)
        self._watched = self._loop.time()
        self._watch = self._loop.call_later(WATCH_EVERY, self._look)

    def place_of(self, record: Record) -> int:
        """Which worker a check belongs to: by its listener's host, so that one budget sees all its associations."""
        node = record.node
        anchor = (node.host or node.name) if node else record.configured.name
        return crc32(anchor.encode()) % len(self._links)

    def order(self, records: list[Record]) -> None:
        """Start these checks, or start them anew with what the configuration says now."""
        by_place: dict[int, list[Order]] = {}
        for record in records:
            place = self.place_of(record)
            old = self._placed.get(record.number)
            if old is not None and old != place:
                self._links[old].send((wire.DROP, (record.number,)))
            self._placed[record.number] = place
            by_place.setdefault(place, []).append(self._order(record))
        for place, orders in by_place.items():
            self._hand_out(self._links[place], orders)

    def drop(self, numbers: list[int]) -> None:
        """Stop these checks."""
        by_place: dict[int, list[int]] = {}
        for number in numbers:
            place = self._placed.pop(number, None)
            if place is not None:
                by_place.setdefault(place, []).append(number)
        for place, gone in by_place.items():
            self._links[place].send((wire.DROP, tuple(gone)))

    def forget_memory(self, configured: set[Key]) -> None:
        """Checks left the configuration: what the state file forgets of them is forgotten here, too."""
        for key in [key for key in self._memory if key not in configured]:
            self._memory[key] = {name: kept for name, kept in self._memory[key].items() if kept[1]}

    async def probe(self, record: Record) -> ProbeReport:
        """Run a check now. Raises ConnectionError if its worker ends meanwhile."""
        request, self._next_request = self._next_request, self._next_request + 1
        link = self._links[self._placed[record.number]]
        answer: asyncio.Future[ProbeReport] = self._loop.create_future()
        self._probes[request] = (link, answer)
        link.send((wire.PROBE, request, record.number))
        try:
            return await answer
        finally:
            self._probes.pop(request, None)

    async def stop(self, within: float) -> bool:
        """Have all workers release their associations and end; kill what is left after `within` seconds."""
        self._stopping = True
        if self._watch is not None:
            self._watch.cancel()
        for link in self._links.values():
            link.send((wire.STOP,))
        ended = [link.ended for link in self._links.values()]
        clean = not ended or not (await asyncio.wait(ended, timeout=within))[1]
        for link in self._links.values():
            if not link.ended.done():
                _kill(link.pid)
            if link.transport is not None:
                link.transport.abort()
        if self._control is not None:
            self._control.close()
        if self._nursery is not None and self._nursery.returncode is None:
            with contextlib.suppress(ProcessLookupError, TimeoutError):
                await asyncio.wait_for(self._nursery.wait(), 0.5)
        return clean

    @property
    def pids(self) -> list[int]:
        """Process ids: the nursery's and the workers'."""
        nursery = [self._nursery.pid] if self._nursery else []
        return nursery + [link.pid for link in self._links.values()]

    @property
    def abandoned(self) -> int:
        """Threads of checks that hang."""
        return sum(link.abandoned for link in self._links.values())

    @property
    def alive(self) -> int:
        """Workers that have given a sign of life since they were started."""
        return sum(1 for link in self._links.values() if link.seen is not None)

    # From the workers.

    def received(self, link: _Link, message: tuple[Any, ...]) -> None:
        """A message has come over the pipe."""
        kind = message[0]
        if kind == wire.RESULT:
            if self._results.take(link, message) is not None:
                self.lateness(message[4])
        elif kind == wire.DEFINE:
            self._results.define(link, message[1], message[2], message[3], message[4])
        elif kind == wire.BEAT:
            link.seen = self._loop.time()
            link.abandoned = message[1]
            dns, missed, steps = (new - old for new, old in zip(message[2:5], link.totals, strict=True))
            link.totals = (message[2], message[3], message[4])
            self.counters.dns_failures += dns
            self.counters.missed_rounds += missed
            self.counters.clock_steps += steps
        elif kind == wire.REMEMBER:
            self._run(self._remember(link, *message[1:]))
        elif kind == wire.PROBED:
            self._probed(message)
        elif kind == wire.SKIPPED:
            self.counters.skipped[message[2]] = self.counters.skipped.get(message[2], 0) + 1
        elif kind == wire.BROKEN:
            self.counters.broken += 1
            log.error("%s: %s", message[2], message[3])
        elif kind == wire.REPLACE:
            self._replace(link, "abandoned", message[1])
        elif kind == wire.STOPPED:
            link.end()

    def lost(self, link: _Link) -> None:
        """A worker's pipe is closed: the worker is gone."""
        self._results.forget(link)
        if self._stopping or self._links.get(link.place) is not link:
            link.end()
            return
        self._replace(link, "crashed", "it ended by itself")

    def _probed(self, message: tuple[Any, ...]) -> None:
        _, request, started, duration, reason, text, samples = message
        waiting = self._probes.get(request)
        if waiting is not None and not waiting[1].done():
            told = [(name, dict(zip(names, values, strict=True)), value) for name, names, values, value in samples]
            waiting[1].set_result(ProbeReport(started, duration, reason, text, told))

    async def _remember(self, link: _Link, request: int, number: int, key: str, value: str | None, keep: bool) -> None:
        record, error = self._results.numbers.get(number), ""
        if record is None:
            error = "the check is not configured any more"
        elif self._state is None:
            error = "there is no state file"
        else:
            try:
                await self._state.run(self._state.remember(record.key, key, value, keep))
            except sqlite3.Error as failure:
                error = str(failure)
            else:
                self._keep(record.key, key, value, keep)
        link.send((wire.COMMITTED, request, error))

    def _keep(self, check: Key, key: str, value: str | None, keep: bool) -> None:
        """The copy that the next incarnation of the check is handed."""
        known = self._memory.setdefault(check, {})
        if value is None:
            known.pop(key, None)
        else:
            known[key] = (json.loads(value), keep)

    # Birth and death.

    def _look(self) -> None:
        """Replace what hangs. If we ourselves were held up, nobody is to blame yet."""
        now = self._loop.time()
        self._watch = self._loop.call_later(WATCH_EVERY, self._look)
        late, self._watched = now - self._watched > 3 * WATCH_EVERY, now
        for link in list(self._links.values()):
            if late:
                link.seen = link.seen and now
            elif link.seen is not None and now - link.seen > HANGS_AFTER:
                self._replace(link, "hung", f"no sign of life for {now - link.seen:.1f} s")

    def _replace(self, link: _Link, how: str, why: str) -> None:
        if self._links.get(link.place) is not link or self._stopping:
            return
        log.error("worker %d is replaced: %s", link.pid, why)
        self.counters.restarts[how] = self.counters.restarts.get(how, 0) + 1
        self._run(self._renew(link))

    async def _renew(self, link: _Link) -> None:
        _kill(link.pid)
        for waiting, answer in list(self._probes.values()):
            if waiting is link and not answer.done():
                answer.set_exception(ConnectionError("the worker ended while the check ran"))
        await self._spawn(link.place)
        if link.transport is not None:
            link.transport.abort()
        placed = [
            self._results.numbers[number]
            for number, place in self._placed.items()
            if place == link.place and number in self._results.numbers
        ]
        self._hand_out(self._links[link.place], [self._order(record) for record in placed])

    async def _spawn(self, place: int) -> None:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        link = _Link(self, place)
        link.pid = await self._fork(theirs)
        theirs.close()
        await self._loop.create_connection(lambda: link, sock=ours)
        self._links[place] = link

    async def _fork(self, theirs: socket.socket) -> int:
        async with self._birth:
            for _ in range(2):
                try:
                    assert self._control is not None
                    socket.send_fds(self._control, [b"f"], [theirs.fileno()])
                    line = await asyncio.wait_for(self._loop.sock_recv(self._control, 64), STARTS_WITHIN)
                    return int(line)
                except (OSError, ValueError, TimeoutError):
                    log.error("the process that starts workers is gone; starting another")
                    await self._open_nursery()
        raise RuntimeError("no worker could be started")

    async def _open_nursery(self) -> None:
        if self._control is not None:
            self._control.close()
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        self._nursery = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "pacs_monitor.nursery",
            str(theirs.fileno()),
            str(self._level),
            pass_fds=[theirs.fileno()],
            stdin=asyncio.subprocess.DEVNULL,
        )
        theirs.close()
        self._control = ours
        line = await asyncio.wait_for(self._loop.sock_recv(ours, 64), 3 * STARTS_WITHIN)
        if line != b"ready\n":
            raise RuntimeError("the process that starts workers did not come up")

    def _order(self, record: Record) -> Order:
        configured = record.configured
        node, name = configured.key
        return Order(
            record.number,
            f"{node}/{name}" if node else name,
            str(configured.source),
            configured.settings,
            configured.node,
            dict(configured.labels).get("site", ""),
            {key: value for key, (value, _) in self._memory.get(configured.key, {}).items()},
            scheduled=self._scheduled,
        )

    def _hand_out(self, link: _Link, orders: list[Order]) -> None:
        for start in range(0, len(orders), BATCH):
            link.send((wire.LOAD, pickle.dumps(orders[start : start + BATCH])))

    def _run(self, work: Any) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _kill(pid: int) -> None:
    if pid:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
