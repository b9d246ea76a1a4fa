"""A small configuration with results by hand, a clock by hand, and everything that stands between them and the web."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pacs_monitor.check import Check, Counter, Gauge, Histogram, Metric
from pacs_monitor.confirm import Confirmation
from pacs_monitor.context import Context
from pacs_monitor.health import Health
from pacs_monitor.node import Node
from pacs_monitor.results import Record, Results
from pacs_monitor.settings import AgentSettings, Configuration, ConfiguredCheck, Key
from pacs_monitor.state import State

NOW = 1_795_521_600.0  # Tuesday 24 November 2026, 12:00 UTC

PHASE = Gauge("pacs_dicom_phase_seconds", "Time of a phase.", ("phase",))
FOUND = Counter("pacs_find_studies_total", "Studies found.")
TOOK = Histogram("pacs_find_seconds", "Time to find.", buckets=(0.1, 1.0))
METRICS: tuple[Metric, ...] = (PHASE, FOUND, TOOK)


def node(name: str, **settings: Any) -> Node:
    return Node.model_validate({"name": name, "host": "10.0.0.1", **settings})


def check(node: Node | None, name: str = "c_echo", **settings: Any) -> ConfiguredCheck:
    settings = {"interval": 15.0, "affects_health": name == "c_echo", "down_after": 1, **settings}
    pairs = [("site", "north")]
    if node:
        pairs.append(("node", node.name))
    pairs += [("check", name), ("kind", name)]
    if node:
        pairs += [("role", node.role), ("importance", node.importance)]
    return ConfiguredCheck(
        node, name, name, Path(f"{name}.py"), settings, Check.model_validate(settings), tuple(pairs), METRICS
    )


def configuration(nodes: list[Node], checks: list[ConfiguredCheck], **agent: Any) -> Configuration:
    settings = AgentSettings.model_validate({"site": "north", "time_zone": "Europe/Bucharest", **agent})
    return Configuration(
        Path("pacs-monitor.yml"), settings, {one.name: one for one in nodes}, {one.key: one for one in checks}
    )


def hospital(*nodes: Node, **agent: Any) -> Configuration:
    """Each node with one c_echo."""
    return configuration(list(nodes), [check(one) for one in nodes], **agent)


class Site:
    """The parts, wired as the agent wires them."""

    def __init__(self, configuration: Configuration, state: State | None = None, now: float = NOW) -> None:
        self.now = now
        self.results = Results()
        self.confirmation = Confirmation(self.results, state, wall=lambda: self.now)
        self.context = Context(self.results, self.confirmation, state, wall=lambda: self.now)
        self.health = Health(self.results, self.confirmation, self.context, wall=lambda: self.now)
        self.configure(configuration)

    def configure(self, configuration: Configuration) -> None:
        self.configuration = configuration
        self.results.configure(configuration.checks, configuration.nodes, configuration.agent.site)
        self.confirmation.configure()
        self.context.configure(configuration)

    def record(self, node: str, name: str = "c_echo") -> Record:
        return self.results.records[node, name]

    def give(self, node: str, reason: str = "", message: str = "", name: str = "c_echo", **values: float) -> None:
        """A run ends now: "" for success, or a reason. `values` are phases in seconds."""
        number = self.record(node, name).number
        series: list[Any] = []
        for place, (phase, value) in enumerate(values.items(), start=1):
            self.results.define(self, number * 100 + place, number, PHASE.name, (phase,))
            series += [number * 100 + place, value]
        self.results.take(self, (0, number, self.now, 0.01, 0.0, reason, message, *series))

    def up(self, *nodes: str) -> None:
        for one in nodes:
            self.give(one)

    def down(self, *nodes: str) -> None:
        for one in nodes:
            self.give(one, "timeout", "does not answer; look at its network cable")

    def tick(self, seconds: float = 1.0) -> None:
        self.now += seconds
        self.context.tick(self.now)

    def healthy(self, node: str, name: str = "c_echo") -> bool | None:
        """The confirmed state."""
        return self.confirmation.states[node, name].healthy

    def suppressed(self, node: str, name: str = "c_echo") -> tuple[str, ...]:
        """By what, as the exported series say; AssertionError if the two series disagree."""
        key: Key = (node, name)
        pairs = f'check="{name}"' if not node else f'node="{node}",check="{name}"'
        lines = [line for line in self.results.exposition.render().splitlines() if pairs in line]
        flags = [line for line in lines if line.startswith("pacs_check_suppressed{")]
        infos = [line for line in lines if line.startswith("pacs_check_suppression_info{")]
        by = tuple(line.split('by="')[1].split('"')[0] for line in infos)
        assert [line.rsplit(" ", 1)[1] for line in flags] == [str(int(bool(by)))]
        assert by == self.context.suppressed_by(key)
        return by

    def line(self, start: str) -> str:
        """The value of the one series that starts so; "" if there is none."""
        found = [line for line in self.results.exposition.render().splitlines() if line.startswith(start)]
        assert len(found) <= 1, found
        return found[0].rsplit(" ", 1)[1] if found else ""
