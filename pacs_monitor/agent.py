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
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pacs_monitor import __version__, config
from pacs_monitor.alerting.groups import World
from pacs_monitor.alerting.service import Alerting
from pacs_monitor.baselines import Baselines
from pacs_monitor.confirm import Confirmation
from pacs_monitor.context import Context
from pacs_monitor.discovery import lists_of
from pacs_monitor.discovery.asking import Discovery
from pacs_monitor.health import Health
from pacs_monitor.heartbeat import Heard
from pacs_monitor.history.sampling import Sampler
from pacs_monitor.history.store import History
from pacs_monitor.metrics import json_number
from pacs_monitor.notifying import Notifying
from pacs_monitor.promql.engine import Engine
from pacs_monitor.reloading import changes, needs_restart, refuse_other_identity
from pacs_monitor.results import Results
from pacs_monitor.settings import AgentSettings, Complaint, ConfigError, Configuration, Key
from pacs_monitor.state import State, StateError
from pacs_monitor.telemetry import Lateness, registry
from pacs_monitor.threads import in_thread
from pacs_monitor.vitals import Reloads, Vitals
from pacs_monitor.watching import WatchedFiles
from pacs_monitor.web.app import Core
from pacs_monitor.web.errors import WebError
from pacs_monitor.web.server import WebServer
from pacs_monitor.workers import NODES_PER_WORKER, ProbeReport, Workers

log = logging.getLogger(__name__)

ALIVE_EVERY = 5.0
"""Seconds between notes in the state file that the agent watches."""
TICK_EVERY = 1.0
LONGEST_QUERY = 10.0
"""Seconds that an expression may take."""
STOP_WITHIN = 4.5
"""Seconds from SIGTERM to the end, whatever hangs."""


class AgentError(Exception):
    """The agent cannot start; the message says why and what to do."""


class Agent:
    """One running agent. `start` brings everything up, `stop` takes it down within STOP_WITHIN seconds."""

    def __init__(self, path: Path) -> None:
        """Reads the configuration. Raises ConfigError."""
        self.path = path
        began = time.time_ns()
        self.configuration: Configuration = config.load(path, data_dir=True, despite_broken=True)
        self._files = WatchedFiles(self.configuration.files, began)
        self.results = Results()
        self.lateness = Lateness()
        self.started = time.time()
        self.listeners: list[Callable[[], None]] = []
        """Called after each reload that changed something."""
        self._reloads = Reloads()
        self.ended = asyncio.Event()
        """Set when the agent is asked to end."""
        self._up = asyncio.Event()
        self._stopping = False
        self._lock: int | None = None
        self._reloading = asyncio.Lock()
        self._tasks: set[asyncio.Task[Any]] = set()

    # Up.

    async def start(self) -> None:
        """Come up. Raises AgentError with one sentence; then nothing is left running."""
        async with contextlib.AsyncExitStack() as undo:
            await self._come_up(undo)
            undo.pop_all()
        self._up.set()
        gc.collect()
        gc.freeze()

    async def _come_up(self, undo: contextlib.AsyncExitStack) -> None:
        settings = self.configuration.agent
        self._lock = _lock(settings.data_dir)
        undo.callback(os.close, self._lock)
        try:
            self.state = State(settings.data_dir / "state.db", settings.site)
        except StateError as error:
            raise AgentError(str(error)) from None
        undo.callback(self.state.close)
        self.confirmation = Confirmation(self.results, self.state)
        self.context = Context(self.results, self.confirmation, self.state)
        self.health = Health(self.results, self.confirmation, self.context)
        self.workers = Workers(self.results, self.state, logging.getLogger().getEffectiveLevel())
        self.workers.lateness = self.lateness
        self.vitals = Vitals(
            lambda: self.configuration, self.results, self.context, self.state, self.workers, self._reloads
        )
        # What is known from before a restart is exported from the first answer on.
        self._follow(self.configuration)
        self._own = registry(self.vitals, self.lateness)
        self.alerting = self._make_alerting()
        self._own.register(self.alerting)
        self.notifying = Notifying(
            self.results, self.confirmation, lambda: self.configuration, self.state, self._problems
        )
        self.heard = Heard(lambda text: self.state.submit(self.state.save_fact("heard", text)))
        self._own.register(self.heard)
        self.heard.restore(await in_thread(lambda: self.state.load_fact("heard") or "[]"))
        self.alerting.listener = self.notifying
        self._own.register(self.notifying)
        undo.callback(self.notifying.stop, 1.0)
        self._discovery = Discovery(lists_of(settings.data_dir))
        self._own.register(self._discovery)
        undo.callback(self._discovery.stop)
        try:
            await in_thread(lambda: self._route(self.configuration))
        except StateError as error:
            raise AgentError(str(error)) from None
        if self.configuration.rules:
            await in_thread(lambda: self.alerting.start(self.configuration.rules))
            undo.callback(self.alerting.stop, 1.0)
        self.web = WebServer(self._core(), settings.web, settings.data_dir / "control.sock")
        await self.web.start()
        undo.push_async_callback(self.web.stop)
        count = settings.workers or 1 + len(self.configuration.nodes) // NODES_PER_WORKER
        undo.push_async_callback(self.workers.stop, 1.0)
        await self.workers.start(count)
        self._start_checks(list(self.configuration.checks))
        self._discovery.follow(self.configuration.servers)
        self._every(ALIVE_EVERY, self.confirmation.save_alive)
        self._every(TICK_EVERY, lambda: self.context.tick(time.time()))
        self._spawn(self._files.watch(self.reload))

    def _make_alerting(self) -> Alerting:
        settings, history = self.configuration.agent, History()
        engine, features = Engine(history, deadline=LONGEST_QUERY), settings.alerting.enable_features
        world = World(history, engine, {"site": settings.site}, _link(settings), features=features)
        target = (("job", "pacs-monitor"), ("instance", settings.web.listen))
        sampler = Sampler(history, self.results.exposition, self._own, target)
        file = settings.data_dir / "history.snapshot"
        return Alerting(world, sampler, self.state, file, settings.alerting.scrape_interval)

    def _core(self) -> Core:
        return Core(
            results=self.results,
            confirmation=self.confirmation,
            context=self.context,
            health=self.health,
            exposition=self.results.exposition,
            registry=self._own,
            alerting=self.alerting,
            routes=self.notifying.routes,
            configuration=lambda: self.configuration,
            reload=self.reload,
            probe=self.probe_json,
            ready=self.vitals.problems,
            hear=self.heard.hear,
            forget=self.heard.forget,
            version=__version__,
            started=self.started,
            baselines=Baselines(self.results, self.workers),
        )

    def _problems(self) -> list[str]:
        """Why a heartbeat must not say that all is well."""
        stalled = self.alerting.stalled
        return [*self.vitals.problems(), *([f"rules have not been evaluated for {stalled:.0f} s"] if stalled else [])]

    def _route(self, configuration: Configuration) -> None:
        self.notifying.follow(configuration, _link(configuration.agent))

    def _every(self, seconds: float, work: Callable[[], None]) -> None:
        """On the loop's clock: a job of APScheduler stands still for an hour when the wall clock steps back by one."""
        loop = asyncio.get_running_loop()

        def again() -> None:
            if not self._stopping:
                loop.call_later(seconds, again)
                work()

        loop.call_later(seconds, again)

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # Configuration.

    def _apply(self, configuration: Configuration, restart: list[Key]) -> None:
        """Follow a configuration; `restart` are the checks that are new or changed."""
        gone = [record.number for key, record in self.results.records.items() if key not in configuration.checks]
        self.configuration = configuration
        self.workers.drop(gone)
        self._follow(configuration)
        self._start_checks(restart)
        for listener in self.listeners:
            listener()

    def _follow(self, configuration: Configuration) -> None:
        self.results.configure(configuration.checks, configuration.nodes, configuration.agent.site)
        self.confirmation.configure()
        self.context.configure(configuration)

    def _start_checks(self, keys: list[Key]) -> None:
        self.workers.order([self.results.records[key] for key in keys])
        configuration = self.configuration
        if not configuration.broken:
            # Else what belongs to the checks that are left out would go with them.
            self._prune(set(configuration.checks))
        for warning in configuration.warnings:
            log.warning("%s", warning)
        for fault in configuration.broken:
            log.error("%s; its checks are left out", fault)

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
        await self._up.wait()
        async with self._reloading:
            old, began = self.configuration, time.time_ns()
            try:
                # A check file that breaks while its checks run is a mistake like any other, and changes nothing.
                new = await in_thread(lambda: config.load(self.path, despite_broken=bool(old.broken)))
                refuse_other_identity(old, new)
                # First, since only this can fail: where routes begin by it, what they kept is read.
                await in_thread(lambda: self._route(new))
            except (ConfigError, StateError) as error:
                self._reloads.note(worked=False)
                complained = error.complaints if isinstance(error, ConfigError) else []
                complaints = [str(complaint) for complaint in complained] or [str(error)]
                log.error("the configuration was not reloaded: %s", "; ".join(complaints))
                await in_thread(lambda: self._files.follow(self._named(old, complained), began))
                return complaints
            for complaint in needs_restart(old, new):
                log.warning("%s", complaint)
            changed = changes(old, new)
            self._apply(new, changed)
            alerting = new.agent.alerting
            await in_thread(
                lambda: self.alerting.follow(
                    new.rules, alerting.scrape_interval, _link(new.agent), alerting.enable_features
                )
            )
            await in_thread(lambda: self._files.follow(new.files, began))
            self._discovery.follow(new.servers)
            await self._refresh_web()
            self._reloads.note(worked=True)
            log.info("the configuration is reloaded: %d of %d checks are new or changed", len(changed), len(new.checks))
            return []

    def _named(self, old: Configuration, complaints: list[Complaint]) -> list[Path]:
        named = {Path(complaint.file) for complaint in complaints if complaint.file}
        return list(dict.fromkeys([*old.files, self.path, *(path for path in named if path.exists())]))

    async def _refresh_web(self) -> None:
        """Passwords, token and certificate may be new ones."""
        try:
            await in_thread(self.web.refresh)
        except WebError as error:
            log.error("%s; the old ones stay in force", error)

    # Probing by hand.

    async def probe(self, key: Key) -> ProbeReport:
        """Run a check now. Raises KeyError for one that is not configured, ConnectionError if its worker dies."""
        await self._up.wait()
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
            "samples": [
                {"name": name, "labels": labels, "value": json_number(value)} for name, labels, value in report.samples
            ],
        }

    # Down.

    def end(self) -> None:
        """Ask the agent to end: `run` stops it then."""
        self.ended.set()

    async def stop(self) -> None:
        """Release all associations, save state, end. Never longer than STOP_WITHIN seconds."""
        with _ends_in_time():
            await self._stop()

    async def _stop(self) -> None:
        self._stopping = True
        for task in self._tasks:
            task.cancel()
        self._discovery.stop()
        # First what must not be lost, then what can hang.
        self.confirmation.save_all()
        remembering = asyncio.ensure_future(in_thread(self._stop_alerting))
        if not await self.workers.stop(within=2.5):
            log.warning("a worker did not end in time and was killed")
        await remembering
        self.confirmation.save_all()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.web.stop(), 1.0)
        saved = await in_thread(lambda: self.state.close(1.0))
        if not saved:
            log.error("state was not saved to the end")
        if self._lock is not None:
            os.close(self._lock)

    def _stop_alerting(self) -> None:
        if not self.alerting.stop(2.0):
            log.warning("the history was not saved to the end")
        # After the rules, which tell of alerts until then. What is not under way is delivered after a restart.
        if not self.notifying.stop(1.0):
            log.warning("a notification was under way to the end; it may come twice")


@contextlib.contextmanager
def _ends_in_time() -> Iterator[None]:
    """End the process though what is done meanwhile hangs."""
    guard = threading.Timer(STOP_WITHIN, os._exit, (0,))
    guard.daemon = True
    guard.start()
    yield
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
    starting, ending = loop.create_task(agent.start()), loop.create_task(agent.ended.wait())
    await asyncio.wait([starting, ending], return_when=asyncio.FIRST_COMPLETED)
    if not starting.done():
        with _ends_in_time(), contextlib.suppress(asyncio.CancelledError):
            starting.cancel()
            await starting
        return 0
    starting.result()
    ready()
    await ending
    await agent.stop()
    return 0


def _link(settings: AgentSettings) -> str:
    """Where people reach the agent, for links in alerts."""
    return str(settings.external_url) if settings.external_url else f"http://{settings.web.listen}"


def _lock(data_dir: Path) -> int:
    """Keep a second agent from the same state. Raises AgentError."""
    path = data_dir / "agent.lock"
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        why = f"{path}: cannot be opened ({error.strerror}); give it to the user that runs pacs-monitor, or remove it"
        raise AgentError(why) from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise AgentError(
            f"another pacs-monitor runs with data_dir {data_dir}; stop it, or give this one its own data_dir"
        ) from None
    return descriptor
