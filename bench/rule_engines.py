"""Who evaluates rules in the bench: the agent's own classes in this process, and a Prometheus beside it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import requests

from bench.rule_load import Series
from pacs_monitor.alerting.definitions import ranges
from pacs_monitor.alerting.groups import Group, World
from pacs_monitor.alerting.rulefile import read_rules
from pacs_monitor.history.labels import labels_of
from pacs_monitor.history.store import History
from pacs_monitor.promql.engine import Engine
from tests.peers.prometheus import Prometheus, run_prometheus
from tests.peers.remote_write import remote_write

IDLE = 2.0
"""Seconds without rules before each measurement."""
AT_ONCE = 1000
"""Series in one message."""
EVALUATED = "prometheus_rule_group_iterations_total"
NOTHING = '{"groups": []}'
MISSED = "prometheus_rule_group_iterations_missed_total"


@dataclass(frozen=True)
class Cost:
    """CPU of one evaluation of all rules, and how many alerts they had raised at the end."""

    ms: float
    alerts: int


class Ours:
    """History, engine and group as in the agent, in this thread."""

    def __init__(self) -> None:
        self._history = History()
        self._engine = Engine(self._history)

    def take(self, series: Iterable[Series]) -> None:
        """Keep samples that all come at the same times."""
        rows = [(labels_of(labels), samples) for labels, samples in series]
        source = self._history.source("scrape")
        kept = [self._history.series(labels, source) for labels, _ in rows]
        for place, (at, _) in enumerate(rows[0][1]):
            source.begin(at)
            for one, (_, samples) in zip(kept, rows, strict=True):
                self._history.put(one, source, samples[place][1])

    def measure(self, rules: Path, interval: float, count: int) -> Cost:
        """Evaluate so many times, as of times that lie an interval (s) apart, without waiting in between."""
        read = read_rules(rules)
        if read.complaints:
            raise RuntimeError("\n".join(map(str, read.complaints)))
        self._history.ranges = ranges(read.groups)
        group, now = Group(read.groups[0], World(self._history, self._engine)), time.time()
        times = [round((now + number * interval) * 1000) for number in range(count + 2)]
        group.evaluate(times[0])  # compiles the expressions
        spent = time.process_time()
        for at in times[1:-1]:
            group.evaluate(at)
        spent = time.process_time() - spent
        group.end(times[-1])
        if errors := {health.error for health in group.health if health.error}:
            raise RuntimeError("\n".join(errors))
        return Cost(spent / count * 1e3, sum(len(alerts.active) for alerts in group.alerts.values()))


class Beside:
    """A Prometheus that evaluates the same."""

    def __init__(self, server: Prometheus, rules: Path) -> None:
        self._server = server
        self._rules = rules
        self._process = psutil.Process(server.process.pid)

    def take(self, series: list[Series]) -> None:
        """Write samples into it."""
        for place in range(0, len(series), AT_ONCE):
            remote_write(self._server.url, series[place : place + AT_ONCE])

    def measure(self, rules: Path, interval: float, count: int) -> Cost:
        """Let it evaluate so many times, at the interval (s) that the rules have; less what it takes without rules."""
        seconds = interval * count
        idle = self._spent_in(IDLE) / IDLE
        self._load(rules.read_text())
        time.sleep(interval + 1)  # until the first one, when it opens what it reads
        before = self._counter(EVALUATED) - self._counter(MISSED)
        spent = self._spent_in(seconds) - idle * seconds
        evaluated = self._counter(EVALUATED) - self._counter(MISSED) - before
        alerts = len(self._server.get("alerts")["alerts"])
        self._load(NOTHING)
        if evaluated < 1:
            raise RuntimeError(f"Prometheus did not evaluate {rules} within {seconds:g} s")
        return Cost(spent / evaluated * 1e3, alerts)

    def _spent_in(self, seconds: float) -> float:
        """Seconds of CPU."""
        before = self._process.cpu_times()
        time.sleep(seconds)
        after = self._process.cpu_times()
        return after.user + after.system - before.user - before.system

    def _load(self, rules: str) -> None:
        self._rules.write_text(rules)
        requests.post(f"{self._server.url}/-/reload", timeout=60).raise_for_status()

    def _counter(self, name: str) -> float:
        lines = requests.get(f"{self._server.url}/metrics", timeout=10).text.splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name + "{"))


@contextmanager
def beside(folder: Path) -> Iterator[Beside]:
    """A Prometheus without rules and without anything to scrape."""
    rules = folder / "loaded.json"
    rules.write_text(NOTHING)
    config = {"rule_files": [str(rules)], "global": {"evaluation_interval": "1s"}}
    with run_prometheus(folder, config, "--web.enable-remote-write-receiver") as server:
        yield Beside(server, rules)
