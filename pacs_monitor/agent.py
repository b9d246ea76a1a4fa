"""The agent: configuration, workers, results, state and web server, wired together, from start to stop."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import gc
import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger

from pacs_monitor import __version__, config
from pacs_monitor.confirm import Confirmation
from pacs_monitor.context import Context
from pacs_monitor.health import Health
from pacs_monitor.results import Results
from pacs_monitor.settings import Complaint, ConfigError, Configuration, Key
from pacs_monitor.state import State, StateError
from pacs_monitor.telemetry import Lateness, registry
from pacs_monitor.threads import in_thread
from pacs_monitor.web.app import Core
from pacs_monitor.web.server import WebServer
from pacs_monitor.workers import NODES_PER_WORKER, ProbeReport, Workers

log = logging.getLogger(__name__)

ALIVE_EVERY = 5.0
"""Seconds between notes in the state file that the agent watches."""
TICK_EVERY = 1.0
LOOK_FOR_CHANGES_EVERY = 2.0
STOP_WITHIN = 4.5
"""Seconds from SIGTERM to the end, whatever hangs."""


class AgentError(Exception):
    """The agent cannot start; the message says why and what to do."""


class Agent:
    """One running agent. `start` brings everything up, `stop` takes it down within STOP_WITHIN seconds."""

    def __init__(self, path: Path) -> None:
        """Reads the configuration. Raises ConfigError."""
        self.path = path
        before = time.time_ns()
        self.configuration: Configuration = config.load(path, data_dir=True, despite_broken=True)
        self._watched = _stamps(self.configuration.files, before)
        self.results = Results()
        self.lateness = Lateness()
        self.started = time.time()
        self.listeners: list[Callable[[], None]] = []
        """Called after each reload that changed something."""
        self.reloads = {"success": 0, "failure": 0}
        self.reloaded = self.started
        self.reload_works = True
        self.ended = asyncio.Event()
        """Set when the agent is asked to end."""
        self._lock: int | None = None
        self._reloading = asyncio.Lock()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._loop_lag = 0.0

    # Up.

    async def start(self) -> None:
        """Come up. Raises AgentError with one sentence; then nothing is left running."""
        settings = self.configuration.agent
        self._lock = _lock(settings.data_dir)
        try:
            self.state = State(settings.data_dir / "state.db", settings.site)
        except StateError as error:
            raise AgentError(str(error)) from None
        self.confirmation = Confirmation(self.results, self.state)
        self.context = Context(self.results, self.confirmation, self.state)
        self.health = Health(self.results, self.confirmation, self.context)
        self.workers = Workers(self.results, self.state, logging.getLogger().getEffectiveLevel())
        self.workers.lateness = self.lateness
        self.web = WebServer(self._core(), settings.web, settings.data_dir / "control.sock")
        try:
            await self.web.start()
        except BaseException:
            self.state.close()
            raise
        count = settings.workers or 1 + len(self.configuration.nodes) // NODES_PER_WORKER
        await self.workers.start(count)
        self._apply(self.configuration, list(self.configuration.checks))
        self._calendar = AsyncIOScheduler(timezone="UTC", event_loop=asyncio.get_running_loop())
        self._every(ALIVE_EVERY, self._save_alive)
        self._every(TICK_EVERY, self._tick)
        self._calendar.start()
        self._spawn(self._watch_files())
        gc.collect()
        gc.freeze()

    def _core(self) -> Core:
        return Core(
            results=self.results,
            confirmation=self.confirmation,
            context=self.context,
            health=self.health,
            exposition=self.results.exposition,
            registry=registry(self, self.lateness),
            configuration=lambda: self.configuration,
            reload=self.reload,
            probe=self.probe_json,
            ready=self.problems,
            version=__version__,
            started=self.started,
        )

    def _every(self, seconds: float, work: Callable[[], None]) -> None:
        async def job() -> None:
            work()

        trigger = IntervalTrigger(seconds=seconds, timezone="UTC")
        self._calendar.add_job(job, trigger, coalesce=True, misfire_grace_time=None, max_instances=1)

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _save_alive(self) -> None:
        self.confirmation.save_alive()

    def _tick(self) -> None:
        self.context.tick(time.time())

    # Configuration.

    def _apply(self, configuration: Configuration, restart: list[Key]) -> None:
        """Follow a configuration; `restart` are the checks that are new or changed."""
        gone = [record.number for key, record in self.results.records.items() if key not in configuration.checks]
        self.configuration = configuration
        self.workers.drop(gone)
        self.results.configure(configuration.checks, configuration.nodes, configuration.agent.site)
        self.confirmation.configure()
        self.context.configure(configuration)
        self.workers.order([self.results.records[key] for key in restart])
        self._prune(set(configuration.checks))
        for warning in configuration.warnings:
            log.warning("%s", warning)
        for fault in configuration.broken:
            log.error("%s; its checks are left out", fault)
        for listener in self.listeners:
            listener()

    def _prune(self, configured: set[Key]) -> None:
        self.workers.forget_memory(configured)

        def told(done: Any) -> None:
            if done.exception() is None:
                for node, check, count in done.result():
                    log.warning(
                        "%s/%s is not configured any more and left %d entries behind (synthetic studies that may still "
                        "be in the archive); configure it again to have them swept",
                        node,
                        check,
                        count,
                    )

        self.state.submit(self.state.prune(configured)).add_done_callback(told)

    async def reload(self) -> list[str]:
        """Read the configuration anew. The complaints, and then nothing has changed; none if it is in force."""
        async with self._reloading:
            old, before = self.configuration, time.time_ns()
            try:
                new = await in_thread(lambda: config.load(self.path, despite_broken=True))
            except ConfigError as error:
                self.reloads["failure"] += 1
                self.reload_works = False
                complaints = [str(complaint) for complaint in error.complaints]
                log.error("the configuration was not reloaded: %s", "; ".join(complaints))
                self._watched = _stamps(self._files(old, error.complaints), before)
                return complaints
            for complaint in _needs_restart(old, new):
                log.warning("%s", complaint)
            changed = [key for key, check in new.checks.items() if _changed(old, new, key, check)]
            # What has not changed keeps its very object: nobody need look at it again.
            for key, check in new.checks.items():
                if key in old.checks and key not in changed and _same_face(old.checks[key], check):
                    new.checks[key] = old.checks[key]
            self._apply(new, changed)
            self._watched = _stamps(new.files, before)
            self.reloads["success"] += 1
            self.reload_works = True
            self.reloaded = time.time()
            log.info("the configuration is reloaded: %d of %d checks are new or changed", len(changed), len(new.checks))
            return []

    def _files(self, old: Configuration, complaints: list[Complaint]) -> list[Path]:
        named = {Path(complaint.file) for complaint in complaints if complaint.file}
        return list(dict.fromkeys([*old.files, self.path, *(path for path in named if path.exists())]))

    async def _watch_files(self) -> None:
        """Reload when a file that the configuration was read from has changed."""
        while True:
            await asyncio.sleep(LOOK_FOR_CHANGES_EVERY)
            watched = self._watched
            now = await in_thread(lambda watched=watched: _stamps(watched))  # type: ignore[misc]
            if now != watched and watched is self._watched:
                # An editor may write in two steps: wait until it has settled.
                await asyncio.sleep(0.3)
                if (await in_thread(lambda watched=watched: _stamps(watched))) == now:  # type: ignore[misc]
                    await self.reload()

    # Probing by hand.

    async def probe(self, key: Key) -> ProbeReport:
        """Run a check now. Raises KeyError for one that is not configured, ConnectionError if its worker dies."""
        return await self.workers.probe(self.results.records[key])

    async def probe_json(self, key: Key) -> dict[str, Any]:
        """As `probe`, as plain data."""
        report = await self.probe(key)
        return {
            "node": key[0],
            "check": key[1],
            "started": report.started,
            "duration": report.duration,
            "reason": report.reason,
            "message": report.message,
            "samples": [{"name": name, "labels": labels, "value": value} for name, labels, value in report.samples],
        }

    # What it tells of itself.

    def problems(self) -> list[str]:
        """Why the agent is not ready; nothing if it is."""
        found = []
        if self.state.failing:
            found.append(f"state is not being saved: {self.state.failing}")
        if not self.workers.alive:
            found.append("no worker is running")
        return found

    def gauges(self) -> Iterator[tuple[str, str, float]]:
        """(name, help, value) of each."""
        configuration, counters = self.configuration, self.workers.counters
        yield "pacs_monitor_nodes", "Nodes in the configuration.", len(configuration.nodes)
        yield "pacs_monitor_checks", "Checks in the configuration.", len(configuration.checks)
        yield "pacs_monitor_workers", "Worker processes that give signs of life.", self.workers.alive
        yield (
            "pacs_monitor_broken_checks",
            "Check files that cannot be used, and checks that could not be started.",
            (counters.broken + len(configuration.broken)),
        )
        yield "pacs_monitor_abandoned_threads", "Threads of checks that hang and were left.", self.workers.abandoned
        yield (
            "pacs_monitor_config_last_reload_successful",
            "Whether the last attempt to reload the configuration succeeded.",
            float(self.reload_works),
        )
        yield (
            "pacs_monitor_config_last_reload_success_timestamp_seconds",
            "When the configuration in force was read, in Unix time.",
            self.reloaded,
        )
        yield "pacs_monitor_state_saved", "Whether the last change of state was saved.", float(not self.state.failing)
        yield "pacs_monitor_cut_off", "Whether the agent itself seems cut off.", float(self.context.cut_off)

    def counters(self) -> Iterator[tuple[str, str, str, dict[str, float]]]:
        """(name, help, label, values) of each."""
        counters = self.workers.counters
        restarts = {"crashed": 0.0, "hung": 0.0, "abandoned": 0.0} | {k: float(v) for k, v in counters.restarts.items()}
        yield "pacs_monitor_worker_restarts_total", "Workers that were replaced, and why.", "reason", restarts
        skipped = {"running": 0.0, "hanging": 0.0} | {k: float(v) for k, v in counters.skipped.items()}
        yield "pacs_monitor_runs_skipped_total", "Runs that were due and not started, and why.", "reason", skipped
        reloads = {k: float(v) for k, v in self.reloads.items()}
        yield "pacs_monitor_config_reloads_total", "Reloads of the configuration.", "outcome", reloads
        for name, help, value in (
            ("pacs_monitor_dns_failures_total", "Names that could not be resolved.", counters.dns_failures),
            ("pacs_monitor_missed_rounds_total", "Rounds that the machine slept through.", counters.missed_rounds),
            ("pacs_monitor_clock_steps_total", "Times that somebody set the clock.", counters.clock_steps),
            ("pacs_monitor_series_dropped_total", "Series that a check may not have.", self.results.dropped_series),
        ):
            yield name, help, "", {"": float(value)}

    # Down.

    def end(self) -> None:
        """Ask the agent to end: `run` stops it then."""
        self.ended.set()

    async def stop(self) -> None:
        """Release all associations, save state, end. Never longer than STOP_WITHIN seconds."""
        guard = threading.Timer(STOP_WITHIN, os._exit, (0,))
        guard.daemon = True
        guard.start()
        self._calendar.shutdown(wait=False)
        for task in self._tasks:
            task.cancel()
        # First what must not be lost, then what can hang.
        self.confirmation.save_all()
        if not await self.workers.stop(within=2.5):
            log.warning("a worker did not end in time and was killed")
        self.confirmation.save_all()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.web.stop(), 1.0)
        saved = await in_thread(lambda: self.state.close(1.0))
        if not saved:
            log.error("state was not saved to the end")
        if self._lock is not None:
            os.close(self._lock)
        guard.cancel()


async def run(agent: Agent, ready: Callable[[], None] = lambda: None) -> int:
    """Run an agent until SIGTERM, SIGINT or its `end`; SIGHUP reloads. The process's exit status."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, agent.end)
    pending: set[asyncio.Task[Any]] = set()

    def hangup() -> None:
        task = loop.create_task(agent.reload())
        pending.add(task)
        task.add_done_callback(pending.discard)

    loop.add_signal_handler(signal.SIGHUP, hangup)
    await agent.start()
    ready()
    await agent.ended.wait()
    await agent.stop()
    return 0


def _lock(data_dir: Path) -> int:
    """Keep a second agent from the same state. Raises AgentError."""
    descriptor = os.open(data_dir / "agent.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise AgentError(
            f"another pacs-monitor runs with data_dir {data_dir}; stop it, or give this one its own data_dir"
        ) from None
    return descriptor


def _stamps(files: Iterable[Path], read_at: int | None = None) -> dict[Path, tuple[int, int, int] | None]:
    """What tells that a file has changed, since it was read at this time (Unix, in nanoseconds) if that is given."""
    found: dict[Path, tuple[int, int, int] | None] = {}
    for path in files:
        try:
            stat = path.stat()
        except OSError:
            found[path] = None
        else:
            # A file written while it was read is looked at once more.
            late = read_at is not None and read_at <= stat.st_mtime_ns <= time.time_ns()
            found[path] = None if late else (stat.st_mtime_ns, stat.st_size, stat.st_ino)
    return found


def _changed(old: Configuration, new: Configuration, key: Key, check: Any) -> bool:
    before = old.checks.get(key)
    return before is None or before.fingerprint != check.fingerprint or before.labels != check.labels


def _same_face(before: Any, after: Any) -> bool:
    return bool(before.node == after.node and before.labels == after.labels)


def _needs_restart(old: Configuration, new: Configuration) -> Iterator[str]:
    for name in ("site", "data_dir", "web", "workers"):
        if getattr(old.agent, name) != getattr(new.agent, name):
            yield f"{new.path}: {name}: the change takes effect when pacs-monitor is restarted"
