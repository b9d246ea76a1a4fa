"""The workers, seen from the main process: starts them, hands out checks, notices when one dies or hangs."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import Callable
from typing import Any

from pacs_monitor import wire
from pacs_monitor.asking import ProbeReport, Probes
from pacs_monitor.births import Births, NurseryError
from pacs_monitor.blame import Blame, accusation
from pacs_monitor.counters import Counters
from pacs_monitor.endings import Ending
from pacs_monitor.keeping import Keeping
from pacs_monitor.links import Link
from pacs_monitor.memory import NotSaved
from pacs_monitor.placing import Placing, name_of
from pacs_monitor.results import Record, Results
from pacs_monitor.settings import Key
from pacs_monitor.state import State
from pacs_monitor.worker import RELEASE_WITHIN

__all__ = ["NODES_PER_WORKER", "Counters", "ProbeReport", "Workers"]

log = logging.getLogger(__name__)

HANGS_AFTER = 0.6
"""Seconds without a sign of life after which a worker is replaced; it gives one every 0.2 s."""
STARTS_WITHIN = 10.0
"""Seconds that a worker has for its first sign of life; it is forked in some milliseconds."""
SHORT_LIFE = 0.5
"""Seconds; after two workers in a row that lived no longer, each next one is started later: it may go as well."""
LONGEST_PAUSE = 5.0
RETIRES_WITHIN = 5.0
"""Seconds that the runs of a worker with too many threads that hang have to end by themselves."""
WATCH_EVERY = 0.1
NODES_PER_WORKER = 5_000


class Workers:
    """All workers. A check's node is always on the same one, since the budget of associations lives there."""

    def __init__(
        self,
        results: Results,
        state: State | None,
        level: int = logging.WARNING,
        *,
        scheduled: bool = True,
        births: Births | None = None,
    ) -> None:
        """`level` is the workers' log level; without `scheduled` checks run only when `probe` asks.

        Raises StateError.
        """
        self._results = results
        self._loop = asyncio.get_running_loop()
        self._births = births or Births(level)
        self._blame = Blame()
        self._links: dict[int, Link] = {}
        self._keeping = Keeping(state)
        self._placing = Placing(self._keeping, scheduled)
        self._probes = Probes()
        self._watch: asyncio.TimerHandle | None = None
        self._watched = 0.0
        self._stopping = False
        self._tasks: set[asyncio.Task[None]] = set()
        self.counters = Counters()
        self.lateness: Callable[[float], None] = lambda seconds: None
        """Called with each run's lateness in seconds."""

    async def start(self, count: int) -> None:
        """Start so many workers."""
        await self._births.open()
        for place in range(count):
            await self._spawn(place)
        self._watched = self._loop.time()
        self._watch = self._loop.call_later(WATCH_EVERY, self._look)

    def place_of(self, record: Record) -> int:
        """Which worker a check belongs to."""
        return self._placing.place_of(record, len(self._links))

    def order(self, records: list[Record]) -> None:
        """Start these checks, or start them anew with what the configuration says now."""
        by_place: dict[int, list[Record]] = {}
        for record in records:
            place, old = self._placing.put(record, len(self._links))
            if old is not None and old != place:
                self._links[old].send((wire.DROP, (record.number,)))
            self._blame.clear(record.number)
            by_place.setdefault(place, []).append(record)
        for place, ordered in by_place.items():
            self._placing.hand_out(self._links[place], ordered)

    def drop(self, numbers: list[int]) -> None:
        """Stop these checks."""
        by_place: dict[int, list[int]] = {}
        for number in numbers:
            self._blame.clear(number)
            place = self._placing.take_out(number)
            if place is not None:
                by_place.setdefault(place, []).append(number)
        for place, gone in by_place.items():
            self._links[place].send((wire.DROP, tuple(gone)))

    def forget_memory(self, configured: set[Key]) -> None:
        """Checks left the configuration: what the state file forgets of them is forgotten here, too."""
        self._keeping.forget(configured)

    def kept(self, record: Record) -> dict[str, Any]:
        """What a check keeps."""
        return self._keeping.of(record.key)

    async def keep(self, record: Record, key: str, value: str) -> None:
        """Put JSON text into a check's memory, and start the check anew with it. Raises NotSaved."""
        error = await self._keeping.commit(record.key, key, value, False)
        if error:
            raise NotSaved(error)
        self.order([record])

    async def probe(self, record: Record) -> ProbeReport:
        """Run a check now. Raises ConnectionError if its worker ends meanwhile, KeyError if it was never ordered."""
        if self._blame.withheld(record.number):
            return ProbeReport(record.last_run or 0.0, 0.0, record.reason, record.message, [])
        return await self._probes.ask(self._links[self._placing.where(record.number)], record.number)

    async def stop(self, within: float) -> bool:
        """Have all workers release their associations and end; kill what is left after `within` seconds."""
        self._stopping = True
        if self._watch is not None:
            self._watch.cancel()
        links = list(self._links.values())
        for link in links:
            link.send((wire.STOP, 0.0))
        clean = not links or not (await asyncio.wait([link.ended for link in links], timeout=within))[1]
        for link in links:
            if not link.ended.done():
                link.kill()
            link.hang_up()
            self._probes.fail(link, "the agent ended while the check ran")
        await self._births.close()
        return clean

    @property
    def pids(self) -> list[int]:
        """Process ids: the nursery's and the workers'."""
        nursery = [self._births.pid] if self._births.pid else []
        return nursery + [link.pid for link in self._links.values()]

    @property
    def abandoned(self) -> int:
        """Threads of checks that hang."""
        return sum(link.abandoned for link in self._links.values())

    @property
    def alive(self) -> int:
        """Workers that give signs of life."""
        return sum(1 for link in self._links.values() if link.seen and (link.retiring or not link.replaced))

    # From the workers.

    def received(self, link: Link, message: tuple[Any, ...]) -> None:
        """A message has come over the pipe."""
        kind = message[0]
        if kind == wire.RESULT:
            self._blame.clear(message[1])
            if self._results.take(link, message) is not None:
                self.lateness(message[4])
        elif kind == wire.DEFINE:
            self._results.define(link, message[1], message[2], message[3], message[4])
        elif kind == wire.BEAT:
            link.seen = self._loop.time()
            link.abandoned = message[1]
            self.counters.beat(link, message)
        elif kind == wire.REMEMBER:
            self._run(self._remember(link, *message[1:]))
        elif kind == wire.PROBED:
            self._probes.answered(message)
        elif kind == wire.SKIPPED:
            self.counters.skip(message[2])
        elif kind == wire.BROKEN:
            self.counters.broken += 1
            log.error("%s: %s", message[2], message[3])
        elif kind == wire.REPLACE:
            self._replace(link, "abandoned", message[1])
        elif kind == wire.STOPPED:
            link.end()

    def lost(self, link: Link) -> None:
        """A worker's pipe is closed: the worker is gone."""
        self._results.forget(link)
        link.end()
        self._replace(link, "crashed")

    async def _remember(self, link: Link, request: int, number: int, key: str, value: str | None, keep: bool) -> None:
        record, error = self._results.numbers.get(number), "the check is not configured any more"
        if record is not None:
            error = await self._keeping.commit(record.key, key, value, keep)
        link.send((wire.COMMITTED, request, error))

    # Birth and death.

    def _look(self) -> None:
        """Replace what hangs. If we ourselves were held up, nobody is to blame yet."""
        now = self._loop.time()
        self._watch = self._loop.call_later(WATCH_EVERY, self._look)
        late, self._watched = now - self._watched > 3 * WATCH_EVERY, now
        for link in list(self._links.values()):
            if late:
                link.seen = link.seen and now
                link.born = now
            elif link.seen is None and now - link.born > STARTS_WITHIN:
                self._replace(link, "hung", f"no sign of life for {STARTS_WITHIN:g} s after its start")
            elif link.seen is not None and now - link.seen > HANGS_AFTER:
                self._replace(link, "hung", f"no sign of life for {now - link.seen:.1f} s")
        for number in self._blame.pardoned(now):
            self._placing.hand_out(self._links[self._placing.where(number)], [self._results.numbers[number]])

    def _replace(self, link: Link, how: str, why: str = "") -> None:
        """Put another in its place; the nursery knows why one has crashed."""
        if link.replaced or self._stopping:
            return
        link.replaced = True
        self.counters.restarted(how)
        link.retiring = how == "abandoned"
        if not link.retiring:
            self._probes.fail(link, "the worker ended while the check ran")
        self._run(self._renew(link, how, why))

    async def _renew(self, link: Link, how: str, why: str) -> None:
        ending = await self._births.ending(link.pid) if how == "crashed" else Ending(stood_still=how == "hung")
        log.error("worker %d is replaced: %s", link.pid, why or f"it {ending.how}")
        if link.retiring:
            await self._retire(link)
        if ending.status is None:
            link.kill()
        if how != "abandoned":
            self._blame_for(link, how, ending)
        early = link.early + 1 if self._loop.time() - link.born < SHORT_LIFE else 0
        if early > 1:
            await asyncio.sleep(min(SHORT_LIFE * (early - 1), LONGEST_PAUSE))
        while not self._stopping:
            try:
                await self._spawn(link.place, early)
            except (NurseryError, OSError) as error:
                log.error("%s; trying again", error)
                await asyncio.sleep(1.0)
            else:
                break
        link.hang_up()
        if self._stopping:
            return
        numbers = self._results.numbers
        allowed = [number for number in self._placing.at(link.place) if not self._blame.withheld(number)]
        self._placing.hand_out(self._links[link.place], [numbers[number] for number in allowed if number in numbers])
        self._probes.hand_over(link, self._links[link.place])

    @staticmethod
    async def _retire(link: Link) -> None:
        """Let its runs come to an end: each association is released, or at least aborted."""
        link.send((wire.STOP, RETIRES_WITHIN))
        await asyncio.wait([link.ended], timeout=RETIRES_WITHIN + RELEASE_WITHIN + 0.5)
        link.retiring = False

    def _blame_for(self, link: Link, how: str, ending: Ending) -> None:
        """Tell of the check whose code ran when the worker went down: else nobody would hear of it."""
        # A thread can end the process; it can hardly make it stand still.
        board = link.board.suspects(threads=how == "crashed")
        suspects = [number for number in board if number in self._results.numbers]
        for number in suspects:
            self._blame.strike(number, self._loop.time())
            if (not ending.its_own or len(suspects) > 1) and not self._blame.withheld(number):
                continue  # it may have had nothing to do with it
            name = name_of(self._results.numbers[number])
            if ending.its_own:
                log.error("%s is broken: it took worker %d down", name, link.pid)
            else:
                log.error("%s is withheld: worker %d %s while it ran, as the one before it", name, link.pid, ending.how)
            why = accusation(name, ending)
            self._results.take(link, (wire.RESULT, number, time.time(), 0.0, 0.0, "broken", why))

    async def _spawn(self, place: int, early: int = 0) -> None:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            link = Link(self, place, early)
            try:
                link.pid = await self._births.fork(theirs.fileno(), link.board.descriptor)
            finally:
                link.board.handed_over()
            ours.setblocking(False)
            await self._loop.create_connection(lambda: link, sock=ours.dup())
        if self._stopping:
            link.kill()
            link.hang_up()
        else:
            self._links[place] = link

    def _run(self, work: Any) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
