"""The agent with rules, watched from outside: how late its probes start, and how long /health takes."""

from __future__ import annotations

import http.client
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.agent_process import AgentProcess, Scrape
from bench.common import percentile, progress
from bench.configuration import Device, write_configuration
from bench.node import host
from bench.rule_load import write_rules
from tests.peers.ports import free_port

INTERVAL = 15.0
WARM_UP = 5 * INTERVAL
"""Seconds: each check has run, and rules have seen a few samples of it."""
ASKS_EVERY = 0.02
LATENESS = "pacs_monitor_schedule_lateness_seconds"
EVERY_NODE = 'job="pacs-monitor"'


@dataclass(frozen=True)
class Watched:
    """What was seen in some seconds."""

    rate: float
    """Runs a second."""
    late: dict[float, float]
    """Runs that started at most so late, by seconds."""
    cpu_percent: float
    evaluations: float
    """Of single rules."""
    evaluation_seconds: float
    health: list[float] = field(repr=False)
    """Seconds of each answer of /health."""

    def late_ms(self, share: float) -> float:
        """How late this share of the runs started at most; between two bounds they count as evenly spread."""
        wanted, below, low = share * self.late[float("inf")], 0.0, 0.0
        for bound, count in self.late.items():
            if count >= wanted:
                return (low + (bound - low) * (wanted - below) / (count - below)) * 1e3 if count > below else low * 1e3
            below, low = count, bound
        return float("nan")

    def within(self, seconds: float) -> float:
        """The share of runs that started at most so late."""
        return self.late[seconds] / self.late[float("inf")]

    def health_ms(self, share: float) -> float:
        """How long this share of the answers took at most."""
        return percentile(self.health, share) * 1e3

    def data(self) -> dict[str, Any]:
        """As plain data, without each single answer."""
        late = {share: self.late_ms(share) for share in (0.5, 0.99)}
        health = {share: self.health_ms(share) for share in (0.5, 0.99, 1.0)}
        rest = {"rate": self.rate, "cpu_percent": self.cpu_percent, "evaluations": self.evaluations}
        return {**rest, "late_ms": late, "health_ms": health}


class Asker(threading.Thread):
    """Asks for /health again and again, over a connection that stays."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self._port = port
        self._ended = threading.Event()
        self.seconds: list[float] = []

    def run(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        while not self._ended.wait(ASKS_EVERY):
            began = time.perf_counter()
            connection.request("GET", "/health")
            connection.getresponse().read()
            self.seconds.append(time.perf_counter() - began)
        connection.close()

    def end(self) -> list[float]:
        """The seconds of all answers."""
        self._ended.set()
        self.join()
        return self.seconds


def watch_agent(home: Path, scp: int, nodes: int, seconds: float, rules: bool, what: str) -> Watched:
    """Run the agent on a fleet that answers at this port, with rules that see each node or without any."""
    home.mkdir()
    port = free_port()
    file = write_rules(home / "rules.yml", EVERY_NODE, f"{INTERVAL:g}s") if rules else None
    devices = [Device(f"node-{number}", host(number), scp) for number in range(nodes)]
    with AgentProcess(write_configuration(home, devices, f"{INTERVAL:g}s", port, file), port) as agent:
        progress(f"the agent {what}: warming up")
        time.sleep(WARM_UP)
        asker, before = Asker(port), agent.scrape()
        asker.start()
        spent, began = agent.cpu(), time.monotonic()
        progress(f"the agent {what}: {seconds:g} s")
        time.sleep(seconds)
        spent, took = agent.cpu() - spent, time.monotonic() - began
        health, after = asker.end(), agent.scrape()
    late = {bound: count - _late(before)[bound] for bound, count in _late(after).items()}
    evaluations = r"pacs_monitor_rule_evaluations_total\{[^}]*\}"
    return Watched(
        rate=late[float("inf")] / (after.at - before.at),
        late=late,
        cpu_percent=spent / took * 100,
        evaluations=after.total(evaluations) - before.total(evaluations),
        evaluation_seconds=after.total(r"pacs_monitor_rule_group_last_duration_seconds\{[^}]*\}"),
        health=health,
    )


def _late(scrape: Scrape) -> dict[float, float]:
    return {float(found[1]): float(found[2]) for found in scrape.values(LATENESS + r'_bucket\{le="([^"]+)"\} (\S+)')}
