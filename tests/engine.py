"""Configured checks without a configuration file, and results as a worker would send them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pacs_monitor import wire
from pacs_monitor.check import Check, Metric
from pacs_monitor.loader import load_file
from pacs_monitor.metrics import Exposition
from pacs_monitor.node import Node
from pacs_monitor.results import Record, Results
from pacs_monitor.settings import ConfiguredCheck, Key

ODD_CHECKS = Path(__file__).parent / "data/odd_checks"
CHECKS = Path(__file__).parents[1] / "checks"


def labels_of(node: Node | None, name: str, kind: str, site: str = "test") -> tuple[tuple[str, str], ...]:
    own = (("check", name), ("kind", kind))
    if node is None:
        return (("site", site), *own)
    return (("site", site), ("node", node.name), *own, ("role", node.role), ("importance", node.importance))


def from_file(path: Path, node: Node | None = None, name: str = "", **settings: Any) -> ConfiguredCheck:
    """A check as the configuration would give it."""
    kind = load_file(path)
    name = name or kind.kind
    data = {**settings, "name": name}
    return ConfiguredCheck(
        node=node,
        name=name,
        kind=kind.kind,
        source=kind.source,
        settings=data,
        check=kind.cls.model_validate(data),
        labels=labels_of(node, name, kind.kind),
        metrics=kind.metrics,
        fingerprint=repr((kind.digest, data, node)),
    )


class Plain(Check):
    """A check that never runs here."""

    limit: float | None = None

    thresholds = ("limit",)


def plain(
    name: str = "ping", node: Node | None = None, metrics: Iterable[Metric] = (), **settings: Any
) -> ConfiguredCheck:
    """A check for results that a test makes up."""
    return ConfiguredCheck(
        node=node,
        name=name,
        kind="plain",
        source=Path("plain.py"),
        settings={},
        check=Plain(name=name, **settings),
        labels=labels_of(node, name, "plain"),
        metrics=tuple(metrics),
    )


@dataclass
class Sender:
    """A worker's end: gives its series numbers as a worker does."""

    results: Results
    known: dict[Key, dict[tuple[str, tuple[str, ...]], int]] = field(default_factory=dict)

    def send(
        self, key: Key, *samples: tuple[Any, ...], reason: str = "", message: str = "", started: float = 1000.0
    ) -> Record | None:
        """A run's result. Samples are `METRIC(value)`."""
        record = self.results.records[key]
        known = self.known.setdefault(key, {})
        out: list[Any] = [wire.RESULT, record.number, started, 0.25, 0.001, reason, message]
        for metric, value, labels in samples:
            series = known.get((metric.name, labels))
            if series is None:
                series = known[metric.name, labels] = len(known) + 1
                self.results.define(self, series, record.number, metric.name, labels)
            out += [series, value]
        return self.results.take(self, tuple(out))

    def __hash__(self) -> int:
        return id(self)


def results_of(*checks: ConfiguredCheck) -> Results:
    """Results for these checks."""
    results = Results(Exposition())
    configure(results, *checks)
    return results


def configure(results: Results, *checks: ConfiguredCheck) -> None:
    """Take in these checks as the whole configuration."""
    nodes = {check.node.name: check.node for check in checks if check.node}
    results.configure({check.key: check for check in checks}, nodes, "test")
