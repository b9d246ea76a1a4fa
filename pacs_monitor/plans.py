"""Hours and maintenance as they stand in the configuration: whom they concern, and whether they are in force."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from math import isfinite
from zoneinfo import ZoneInfo

from pacs_monitor.configuring.references import labels_of
from pacs_monitor.metrics import Exposition, number, series_name
from pacs_monitor.settings import Configuration, Maintenance
from pacs_monitor.timetable import Phase, hours_phase, maintenance_phase

_FAMILIES = {
    "hours": ("pacs_hours_active", "gauge", "Whether it is within these hours."),
    "maintenance": ("pacs_maintenance_active", "gauge", "Whether this maintenance is in force."),
}
CHANGED = (
    "pacs_hours_changed_timestamp_seconds",
    "gauge",
    "When these hours last began or ended, in Unix time; 0 if not within 400 days.",
)


@dataclass
class Plan:
    """One entry of `hours` or `maintenance`, with its phase at the moment."""

    cause: str
    """`hours` or `maintenance`."""
    name: str
    nodes: tuple[str, ...]
    """Whom it concerns; "" is what belongs to no node."""
    labels: tuple[tuple[str, str], ...]
    look: Callable[[float], Phase]
    phase: Phase

    def turn(self, now: float) -> bool:
        """Look again; whether it has begun or ended since."""
        was, self.phase = self.phase, self.look(now)
        return was.inside is not self.phase.inside

    @property
    def in_force(self) -> bool:
        """Whether it suppresses: maintenance inside its time, hours outside of theirs."""
        return self.phase.inside is (self.cause == "maintenance")

    @property
    def family(self) -> tuple[str, str, str]:
        """Name, type and help of its series."""
        return _FAMILIES[self.cause]

    def line(self, active: bool) -> str:
        """Its series, for rules to use."""
        return f"{series_name(self.family[0], self.labels)} {int(active)}\n"

    @property
    def changed_line(self) -> str:
        """The series that tells when it last began or ended; "" for maintenance."""
        if self.cause != "hours":
            return ""
        since = self.phase.since if isfinite(self.phase.since) else 0.0
        return f"{series_name(CHANGED[0], self.labels)} {number(since)}\n"


class Calendar:
    """All hours and maintenance of a configuration, each kept as a series."""

    def __init__(self, exposition: Exposition) -> None:
        self._exposition = exposition
        self._all: list[Plan] = []
        self._of_node: dict[str, list[Plan]] = {}

    def __iter__(self) -> Iterator[Plan]:
        return iter(self._all)

    def of(self, node: str) -> list[Plan]:
        """Those that concern a node."""
        return self._of_node.get(node, [])

    def follow(self, configuration: Configuration, everyone: Iterable[str], now: float) -> None:
        """Take those of a configuration; `everyone` as for `plans_of`."""
        for plan in self._all:
            for family in (plan.family, CHANGED):
                self._exposition.family(*family).lines.pop(plan.labels, None)
        self._all = plans_of(configuration, everyone, ZoneInfo(configuration.agent.time_zone), now)
        self._of_node = {}
        for plan in self._all:
            self._export(plan)
            for node in plan.nodes:
                self._of_node.setdefault(node, []).append(plan)

    def turn(self, now: float) -> dict[str, None]:
        """The nodes for which something has begun or ended."""
        turned = [plan for plan in self._all if not plan.phase.covers(now) and plan.turn(now)]
        for plan in turned:
            self._export(plan)
        return dict.fromkeys(node for plan in turned for node in plan.nodes)

    def _export(self, plan: Plan) -> None:
        # Two entries of one name are one series.
        active = any(other.phase.inside for other in self._all if other.labels == plan.labels)
        self._exposition.family(*plan.family).lines[plan.labels] = plan.line(active)
        if changed := plan.changed_line:
            self._exposition.family(*CHANGED).lines[plan.labels] = changed


def plans_of(configuration: Configuration, everyone: Iterable[str], zone: ZoneInfo, now: float) -> list[Plan]:
    """All hours and maintenance. `everyone` are the names of all nodes, and "" if there are checks without one."""
    agent, nodes = configuration.agent, configuration.nodes
    site = ("site", agent.site)
    plans = []
    for name, hours in agent.hours.items():
        look = partial(hours_phase, hours, zone)
        members = tuple(node.name for node in nodes.values() if node.hours == name)
        plans.append(Plan("hours", name, members, (site, ("hours", name)), look, look(now)))
    labels = {name: labels_of(node, agent.site) for name, node in nodes.items()} if agent.maintenance else {}
    for planned in agent.maintenance:
        look = partial(maintenance_phase, planned, zone)
        reason = (("reason", planned.reason),) if planned.reason else ()
        pairs = (site, ("maintenance", planned.name), *reason)
        members = tuple(_members(planned, labels, everyone))
        plans.append(Plan("maintenance", planned.name, members, pairs, look, look(now)))
    return plans


def _members(planned: Maintenance, labels: Mapping[str, Mapping[str, str]], everyone: Iterable[str]) -> list[str]:
    if not planned.nodes:
        return list(everyone)
    if not isinstance(planned.nodes, dict):
        return [name for name in planned.nodes if name in labels]
    wanted = planned.nodes.items()
    return [name for name, has in labels.items() if all(has.get(key) == value for key, value in wanted)]
