"""What clients say of the same real servers: how long a C-ECHO takes.

DCMTK writes an answer in two segments, and its Nagle algorithm holds back the second until the first is
acknowledged, which an ordinary client does 40 ms later. Such a client reports its own delay as the server's.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from bench.common import Goal, figure, goals_data, goals_table, load, machine, program, progress, table
from bench.configuration import Device, write_configuration
from bench.node import CALLING
from bench.pynetdicom_threads import associate
from pacs_monitor import config
from pacs_monitor.check import Sample, Surroundings
from pacs_monitor.dicom import clock
from pacs_monitor.dicom.budget import Budget
from pacs_monitor.memory import CheckMemory
from pacs_monitor.resolve import Resolver
from pacs_monitor.runner import Runner
from tests.peers.dcmtk import run_dcmqrscp, run_storescp
from tests.peers.orthanc import run_orthanc

# Local time in seconds and microseconds, then the message: DCMTK's own log tells the phases apart.
LOG = """\
log4cplus.rootLogger = INFO, console
log4cplus.appender.console = log4cplus::ConsoleAppender
log4cplus.appender.console.layout = log4cplus::PatternLayout
log4cplus.appender.console.layout.ConversionPattern = %D{%s.%q} %m%n
"""


@dataclass(frozen=True)
class Server:
    """A real server that runs."""

    name: str
    port: int
    ae_title: str


@dataclass(frozen=True)
class Times:
    """What a client says of one association, in ms; NaN for what it cannot tell."""

    echo: float
    association: float


Client = Callable[[Server], Times]


@contextmanager
def servers(folder: Path) -> Iterator[list[Server]]:
    """Those that are installed, running."""
    with ExitStack() as stack:
        running = []
        if program("Orthanc"):
            (folder / "orthanc").mkdir()
            orthanc = stack.enter_context(run_orthanc(folder / "orthanc"))
            running.append(Server("Orthanc", orthanc.dicom_port, orthanc.ae_title))
        if program("storescp"):
            (folder / "storescp").mkdir()
            storescp = stack.enter_context(run_storescp(folder / "storescp"))
            running.append(Server("storescp", storescp.port, storescp.ae_title))
        if program("dcmqrscp"):
            (folder / "dcmqrscp").mkdir()
            dcmqrscp = stack.enter_context(run_dcmqrscp(folder / "dcmqrscp"))
            running.append(Server("dcmqrscp", dcmqrscp.port, dcmqrscp.ae_title))
        yield running


class Ours:
    """The shipped check, run as a worker runs it."""

    def __init__(self, loop: asyncio.AbstractEventLoop, folder: Path, running: list[Server]) -> None:
        self._loop = loop
        self._stamping = clock.keep_stamping()
        devices = [Device(server.name, "127.0.0.1", server.port, server.ae_title) for server in running]
        configuration = config.load(write_configuration(folder, devices, "15s"))
        self._runners: dict[str, Runner] = {}
        self._given: list[tuple[str, float, list[Sample]]] = []
        loop.run_until_complete(self._prepare(configuration.checks.values()))

    async def _prepare(self, checks: Any) -> None:
        resolver, budget = Resolver(), Budget()
        for number, configured in enumerate(checks):
            surroundings = Surroundings(configured.node, CheckMemory({}, _forget), resolver, budget)
            runner = Runner(number, configured.node.name, configured.check, surroundings, self._deliver)
            self._runners[configured.node.name] = runner

    def _deliver(
        self, runner: Runner, at: float, duration: float, late: float, reason: str, message: str, samples: list[Sample]
    ) -> None:
        self._given.append((message, duration, samples))

    def __call__(self, server: Server) -> Times:
        self._loop.run_until_complete(self._run(self._runners[server.name]))
        message, duration, samples = self._given.pop()
        if message:
            raise RuntimeError(message)
        phases = {sample.labels[0]: sample.value for sample in samples if sample.metric.labelnames == ("phase",)}
        return Times(phases["dimse"] * 1e3, duration * 1e3)

    async def _run(self, runner: Runner) -> None:
        runner.start(self._loop.time())
        assert runner.task is not None
        await runner.task


async def _forget(key: str, value: str | None, keep: bool) -> None:
    """c_echo remembers nothing."""


def by_pynetdicom(server: Server) -> Times:
    """AE.associate, send_c_echo, release."""
    given = associate("127.0.0.1", server.port, server.ae_title)
    if given is None:
        raise RuntimeError(f"pynetdicom could not reach {server.name}")
    return Times(given[0] * 1e3, given[1] * 1e3)


class Echoscu:
    """A process each; the times are those of its own log, which has milliseconds."""

    def __init__(self, folder: Path, echoscu: str) -> None:
        self._layout = folder / "log.cfg"
        self._layout.write_text(LOG)
        self._echoscu = echoscu

    def __call__(self, server: Server) -> Times:
        words = ["-lc", str(self._layout), "-aet", CALLING, "-aec", server.ae_title, "127.0.0.1", str(server.port)]
        done = subprocess.run([self._echoscu, *words], capture_output=True, text=True, check=True)
        times = {}
        for line in (done.stdout + done.stderr).splitlines():
            at, _, message = line.partition(" ")
            times[" ".join(message.split()[:2])] = float(at) * 1e3
        echo = times["Received Echo"] - times["Sending Echo"]
        return Times(echo, times["Releasing Association"] - times["Requesting Association"])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="three echoes each: whether it works, not how fast")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    asked = parser.parse_args()
    count, busy = 3 if asked.quick else 30, load()
    given: dict[tuple[str, str], list[Times]] = {}
    with tempfile.TemporaryDirectory() as name, servers(Path(name)) as running:
        if not running:
            print("none of Orthanc, storescp and dcmqrscp is installed: nothing to measure")
            return 0
        loop = asyncio.new_event_loop()
        clients: dict[str, Client] = {"pacs-monitor": Ours(loop, Path(name), running), "pynetdicom": by_pynetdicom}
        if echoscu := program("echoscu"):
            clients["echoscu"] = Echoscu(Path(name), echoscu)
        for repetition in range(count + 1):
            for server in running:
                for client, ask in clients.items():
                    progress(f"{server.name} by {client}")
                    times = ask(server)
                    if repetition:  # the first one warms up both sides
                        given.setdefault((server.name, client), []).append(times)
        loop.close()
    progress("")
    return tell(given, asked.json, busy)


def tell(given: dict[tuple[str, str], list[Times]], as_json: bool, busy: str) -> int:
    """Print what was measured."""
    medians = {
        key: Times(median(one.echo for one in all_), median(one.association for one in all_))
        for key, all_ in given.items()
    }
    goals = [
        Goal(f"C-ECHO of {server} as pacs-monitor reports it", medians[server, client].echo, 1.0, " ms")
        for server, client in medians
        if client == "pacs-monitor"
    ]
    if as_json:
        rows = [
            {"server": server, "client": client, "count": len(given[server, client]), **vars(times)}
            for (server, client), times in medians.items()
        ]
        print(json.dumps({"machine": machine(), "medians_ms": rows, "goals": goals_data(goals)}, indent=2))
        return 0
    rows_text = [
        [
            f"{server} by {client}",
            figure(times.echo),
            figure(times.echo / medians[server, "pacs-monitor"].echo, 3, "x"),
            figure(times.association),
            str(len(given[server, client])),
        ]
        for (server, client), times in medians.items()
    ]
    print(machine(), busy, sep="\n")
    head = ["server and client", "C-ECHO ms", "x ours", "association ms", "echoes"]
    print(table("What each client reports (medians)", head, rows_text))
    print("\nechoscu reports no times: these are the milliseconds in its log, without starting the process.")
    print(goals_table(goals))
    return 0


if __name__ == "__main__":
    sys.exit(main())
