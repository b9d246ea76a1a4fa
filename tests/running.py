"""The engine with real workers, for tests."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from zlib import crc32

import psutil

from pacs_monitor import workers as workers_module
from pacs_monitor.confirm import Confirmation
from pacs_monitor.node import Node
from pacs_monitor.results import Record, Results
from pacs_monitor.settings import ConfiguredCheck
from pacs_monitor.state import State
from pacs_monitor.workers import Workers
from tests.engine import ODD_CHECKS, configure, from_file


def odd(kind: str, name: str = "", node: Node | None = None, **settings: object) -> ConfiguredCheck:
    """A check of tests/data/odd_checks; no run of it times out on a busy machine, unless that is asked for."""
    settings.setdefault("timeout", 20.0)
    return from_file(ODD_CHECKS / f"{kind}.py", node, name, **settings)


def name_at(place: int, stem: str, of: int = 2) -> str:
    """A check's name that belongs to the worker at this place."""
    return next(name for number in range(1000) if crc32((name := f"{stem}-{number}").encode()) % of == place)


@dataclass
class Engine:
    """Results, state and workers, wired as the agent wires them."""

    workers: Workers
    results: Results
    state: State | None
    confirmation: Confirmation
    configured: dict[tuple[str, str], ConfiguredCheck] = field(default_factory=dict)
    at: dict[str, list[float]] = field(default_factory=dict)
    """When results came, by the check's name, on the monotonic clock."""

    def apply(self, *checks: ConfiguredCheck) -> None:
        """Take in a configuration, as a reload does: only what is new or changed is started."""
        before, self.configured = self.configured, {check.key: check for check in checks}
        gone = [record.number for key, record in self.results.records.items() if key not in self.configured]
        self.workers.drop(gone)
        configure(self.results, *checks)
        self.confirmation.configure()
        changed = [
            key
            for key, check in self.configured.items()
            if key not in before or before[key].fingerprint != check.fingerprint
        ]
        self.workers.order([self.results.records[key] for key in changed])
        if self.state is not None:
            self.workers.forget_memory(set(self.configured))
            self.state.submit(self.state.prune(set(self.configured)))

    def record(self, name: str) -> Record:
        return self.results.records["", name]

    def value(self, metric: str, name: str) -> float:
        """The value of a check's series without labels of its own."""
        head = f'{metric}{{site="test",check="{name}",'
        found = [line for line in self.results.exposition.render().splitlines() if line.startswith(head)]
        assert len(found) == 1, found
        return float(found[0].rpartition(" ")[2])

    def heard(self, record: Record) -> None:
        self.at.setdefault(record.configured.name, []).append(time.monotonic())

    async def until(self, true: Callable[[], object], seconds: float = 60.0) -> float:
        """Wait until it is true: when that was, on the monotonic clock. AssertionError if it takes longer."""
        ends = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < ends, f"it did not come true; {self.workers.counters}"
            await asyncio.sleep(0.005)
        return time.monotonic()

    async def more_runs(self, *names: str, count: int = 2) -> None:
        """Wait for so many more results of each of these checks."""
        goals = [(self.record(name), self.record(name).runs + count) for name in names]
        await self.until(lambda: all(record.runs >= goal for record, goal in goals))

    @property
    def worker_pids(self) -> list[int]:
        return self.workers.pids[1:]


@contextmanager
def hanging_after(seconds: float) -> Iterator[None]:
    """Leave a worker that shows no sign of life alone for so long: on a busy machine it may be well."""
    usual, workers_module.HANGS_AFTER = workers_module.HANGS_AFTER, seconds
    try:
        yield
    finally:
        workers_module.HANGS_AFTER = usual


@asynccontextmanager
async def engine(
    folder: Path | None = None, count: int = 1, scheduled: bool = True, hangs_after: float = 20.0
) -> AsyncIterator[Engine]:
    """A running engine; with a folder, its state file is there."""
    state = State(folder / "state.db", "test") if folder else None
    results = Results()
    confirmation = Confirmation(results, state)
    workers = Workers(results, state, scheduled=scheduled)
    made = Engine(workers, results, state, confirmation)
    results.listeners.append(made.heard)
    try:
        with hanging_after(hangs_after):
            await workers.start(count)
            yield made
    finally:
        await workers.stop(2.5)
        if state is not None:
            state.close()


def ended(pid: int) -> bool:
    """Whether a process is gone; one that nobody buries has ended, too."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def wait_until_all_ended(pids: list[int], patience: float = 20.0) -> None:
    until = time.monotonic() + patience
    while not all(map(ended, pids)):
        assert time.monotonic() < until, f"{[pid for pid in pids if not ended(pid)]} live on"
        time.sleep(0.02)
