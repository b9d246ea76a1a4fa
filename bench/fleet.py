"""A fleet of nodes under the real agent: are runs on time, are latencies true, and what does it all take?

Some nodes are dead (half refuse connections, half accept them and say nothing), some are slow, the rest answer in
10 ms. After a warm-up of two intervals everything is measured from outside.
"""

from __future__ import annotations

import argparse
import json
import math
import socket
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median

from bench.agent_process import AgentProcess, Scrape
from bench.blackbox import Asked, probe_all
from bench.common import (
    Goal,
    compile_yardsticks,
    figure,
    goals_data,
    goals_table,
    load,
    machine,
    middle,
    percentile,
    progress,
    raise_file_limit,
    table,
)
from bench.configuration import Device, write_configuration
from bench.echo import lateness
from bench.node import NEVER, Scp, host
from tests.peers.ports import free_port

INTERVAL = 15.0
WARM_UP = 2 * INTERVAL
"""Seconds: until each check has had its first run and a round."""
SCRAPE_EVERY = 5.0
USUAL = 0.010
SLOW = (0.2, 0.4, 0.6, 0.8)
ON_TIME = "0.025"
BLACKBOX_SECONDS = 15.0
MB = 1e6
LATENESS = "pacs_monitor_schedule_lateness_seconds"
ANSWERED = r'pacs_dicom_phase_seconds\{[^\n]*node="node-(\d+)"[^\n]*phase="dimse"[^\n]*\} (\S+)'


@dataclass(frozen=True)
class Fleet:
    """The nodes, and how long each takes to answer."""

    devices: list[Device]
    thinks: list[float]

    @classmethod
    def make(cls, size: int, scp: Scp, dead_port: int) -> Fleet:
        """Of 40 nodes one refuses, one is silent, eight are slow."""
        fleet = cls([], [])
        for number in range(size):
            place = number % 40
            delay = NEVER if place < 2 else SLOW[place % 4] if place < 10 else USUAL
            port = dead_port if place == 0 else scp.port(delay)
            fleet.devices.append(Device(f"node-{number}", host(number), port))
            fleet.thinks.append(delay)
        return fleet


@dataclass
class Taken:
    """What one repetition gave."""

    runs: float
    expected: float
    on_time: float
    cpu_percent: float
    """Of one core, all processes of the agent."""
    rss: int
    pss: int
    """Bytes of all processes of the agent."""
    scrapes_ms: list[float] = field(repr=False)
    scrape_bytes: int
    series: int
    errors_ms: dict[float, list[float]] = field(repr=False)
    """By the seconds that a node takes, how far each reported latency was off."""
    log: str

    def late_runs(self) -> float:
        """Runs that were not on time."""
        return self.runs * (1 - self.on_time)


def watch(agent: AgentProcess, fleet: Fleet, seconds: float) -> Taken:
    """Scrape the agent for so long and see what it takes."""
    scrapes = [agent.scrape()]
    cpu, began = agent.cpu(), time.monotonic()
    for number in range(1, math.ceil(seconds / SCRAPE_EVERY) + 1):
        time.sleep(max(0.0, began + number * SCRAPE_EVERY - time.monotonic()))
        progress(f"fleet: {number * SCRAPE_EVERY:g} of {seconds:g} s")
        scrapes.append(agent.scrape())
    cpu, took = agent.cpu() - cpu, time.monotonic() - began
    rss, pss = agent.memory()
    first, last = scrapes[0], scrapes[-1]
    runs = grown(first, last, f"{LATENESS}_count")
    return Taken(
        runs=runs,
        expected=len(fleet.devices) * (last.at - first.at) / INTERVAL,
        on_time=grown(first, last, rf'{LATENESS}_bucket\{{le="{ON_TIME}"\}}') / runs,
        cpu_percent=cpu / took * 100,
        rss=rss,
        pss=pss,
        scrapes_ms=[scrape.seconds * 1e3 for scrape in scrapes],
        scrape_bytes=len(last.text.encode()),
        series=sum(1 for line in last.text.splitlines() if not line.startswith("#")),
        errors_ms=errors(scrapes[:: math.ceil(INTERVAL / SCRAPE_EVERY)], fleet),
        log=agent.said(),
    )


def grown(first: Scrape, last: Scrape, pattern: str) -> float:
    """By how much a counter has grown."""
    return last.total(pattern) - first.total(pattern)


def errors(scrapes: Sequence[Scrape], fleet: Fleet) -> dict[float, list[float]]:
    """How far reported latencies were off, in ms, by the seconds that the node takes."""
    found: dict[float, list[float]] = {}
    for scrape in scrapes:
        for match in scrape.values(ANSWERED):
            thinks = fleet.thinks[int(match[1])]
            if thinks != NEVER:
                found.setdefault(thinks, []).append(abs(float(match[2]) - thinks) * 1e3)
    return found


def goals(taken: list[Taken]) -> list[Goal]:
    """The goals of this project, and what was measured."""
    usual = [one.errors_ms.get(USUAL, []) for one in taken]
    return [
        Goal("runs within 25 ms of their time", middle(one.on_time * 100 for one in taken), 99.9, " %", at_least=True),
        Goal("CPU of all processes, of one core", middle(one.cpu_percent for one in taken), 15, " %"),
        Goal("memory of all processes (PSS)", middle(one.pss / MB for one in taken), 180, " MB"),
        Goal("slowest scrape", middle(max(one.scrapes_ms) for one in taken), 100, " ms"),
        Goal(
            "error of the reported latency, p50, 10 ms nodes", middle(percentile(one, 0.5) for one in usual), 0.1, " ms"
        ),
        Goal(
            "error of the reported latency, p99, 10 ms nodes",
            middle(percentile(one, 0.99) for one in usual),
            0.5,
            " ms",
        ),
    ]


def taken_table(taken: list[Taken]) -> str:
    """A column for each repetition."""
    rows = [
        ["runs", *(f"{one.runs:,.0f} of {one.expected:,.0f}" for one in taken)],
        ["within 25 ms of their time", *(f"{one.on_time:.3%}" for one in taken)],
        ["later than that", *(f"{one.late_runs():.0f}" for one in taken)],
        ["CPU of all processes, % of one core", *(figure(one.cpu_percent) for one in taken)],
        ["RSS of all processes, MB", *(figure(one.rss / MB) for one in taken)],
        ["PSS of all processes, MB", *(figure(one.pss / MB) for one in taken)],
        ["scrape, median ms", *(figure(median(one.scrapes_ms)) for one in taken)],
        ["scrape, longest ms", *(figure(max(one.scrapes_ms)) for one in taken)],
        ["scrape, MB before gzip", *(figure(one.scrape_bytes / MB) for one in taken)],
        ["series", *(f"{one.series:,}" for one in taken)],
    ]
    return table("The agent", ["", *(f"run {number}" for number in range(1, len(taken) + 1))], rows)


def error_table(taken: list[Taken]) -> str:
    """How true latencies are, by the time that nodes take."""
    rows = []
    for thinks in (USUAL, *SLOW):
        values = [value for one in taken for value in one.errors_ms.get(thinks, [])]
        cells = [figure(percentile(values, share)) for share in (0.5, 0.99)]
        rows.append([f"{thinks * 1e3:g} ms", *cells, f"{len(values):,}"])
    return table("How far the reported latency is off", ["a node takes", "p50 ms", "p99 ms", "values"], rows)


def peer(asked: Asked | None, taken: list[Taken]) -> str:
    """The agent beside blackbox_exporter."""
    if asked is None:
        return "\nblackbox_exporter is not installed: nothing to compare with."
    ours = middle(one.cpu_percent for one in taken) or 0.0
    return (
        f"\nblackbox_exporter, {asked.probes:,} TCP probes of the same nodes at the same rate: "
        f"{asked.cpu_percent:.3g} % of one core, {asked.rss / MB:.3g} MB (without the Prometheus that asks it).\n"
        f"The agent takes {ours / asked.cpu_percent:.2g} times its CPU, C-ECHO, results and scrapes included."
    )


def repetitions(asked: argparse.Namespace, folder: Path, scp: Scp, fleet: Fleet) -> Iterator[Taken]:
    """Start the agent anew for each."""
    for number in range(asked.repeat):
        home = folder / f"run-{number}"
        home.mkdir()
        port = free_port()
        with AgentProcess(write_configuration(home, fleet.devices, f"{INTERVAL:g}s", port), port) as agent:
            progress("fleet: warming up")
            time.sleep(WARM_UP)
            yield watch(agent, fleet, asked.seconds)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--nodes", type=int, default=2_000)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long each repetition measures")
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    asked = parser.parse_args()
    raise_file_limit()
    busy = load()
    with tempfile.TemporaryDirectory() as name, socket.socket() as refusing:
        folder = Path(name)
        refusing.bind(("", 0))  # bound and not listening: nobody else takes the port, and it refuses
        with Scp(folder, compile_yardsticks(folder), (USUAL, *SLOW, NEVER)) as scp:
            fleet = Fleet.make(asked.nodes, scp, refusing.getsockname()[1])
            progress("blackbox_exporter")
            targets = [f"{device.host}:{device.port}" for device in fleet.devices]
            blackbox = probe_all(folder, targets, asked.nodes / INTERVAL, BLACKBOX_SECONDS)
            taken = list(repetitions(asked, folder, scp, fleet))
    progress("")
    found = goals(taken)
    if asked.json:
        told = {"machine": machine(), "nodes": asked.nodes, "interval": INTERVAL, "scp": scp.ended}
        parts = [{key: value for key, value in asdict(one).items() if key != "errors_ms"} for one in taken]
        beside = blackbox and asdict(blackbox)
        print(json.dumps({**told, "agent": parts, "blackbox": beside, "goals": goals_data(found)}, indent=2))
        return 0
    print(f"{machine()}; {asked.nodes:,} nodes every {INTERVAL:g} s for {asked.seconds:g} s", busy, sep="\n")
    print(taken_table(taken), error_table(taken), f"\n{lateness(scp.ended)}", peer(blackbox, taken), sep="\n")
    print(*{f"\nThe agent's log: {one.log}" for one in taken if one.log}, sep="")
    print(goals_table(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
