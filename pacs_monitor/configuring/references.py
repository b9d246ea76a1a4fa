"""What one part of a configuration says of another: names that must exist, ways that must not lead back."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from zoneinfo import ZoneInfo, available_timezones

from pacs_monitor.configuring.fields import suggestion
from pacs_monitor.configuring.findings import Findings
from pacs_monitor.configuring.nodes import Described
from pacs_monitor.configuring.tree import Items, Map, Place, Scalar, Value, below
from pacs_monitor.metric_rules import RESERVED_LABELS
from pacs_monitor.node import Node, listener_of
from pacs_monitor.settings import AgentSettings, Maintenance

_OF_A_NODE = ("role", "importance", "site", "node")
_HOLIDAYS = re.compile(r"([A-Z]{2})(?:-([A-Za-z0-9]{1,4}))?", re.ASCII)


def check_references(
    agent: AgentSettings, described: Mapping[str, Described], names: set[str], root: Map, findings: Findings
) -> None:
    """Complain of each name that is nothing's. `names` are all nodes', those with complaints of their own too."""
    _Checker(agent, described, names, root, findings).check()


class _Checker:
    def __init__(
        self, agent: AgentSettings, described: Mapping[str, Described], names: set[str], root: Map, findings: Findings
    ) -> None:
        self._agent = agent
        self._described = described
        self._names = names
        self._root = root
        self._findings = findings
        self._seen: set[int] = set()

    def check(self) -> None:
        self._check_time_zone()
        self._check_holidays()
        for described in self._described.values():
            self._check_node(described)
        self._check_cycles()
        self._check_budgets()
        self._check_self_check()
        planned_names: set[str] = set()
        for number, planned in enumerate(self._agent.maintenance):
            tree = self._item("maintenance", number)
            self._check_maintenance(planned, tree)
            if planned.name in planned_names and tree is not None:
                message = f"there is another maintenance of the name {planned.name}; give each its own"
                self._findings.complain(below(tree, "name"), message)
            planned_names.add(planned.name)
        self._check_health()
        self._check_metric_labels()

    def _check_time_zone(self) -> None:
        place = below(self._root, "time_zone")
        zone = self._agent.time_zone
        try:
            ZoneInfo(zone)
        except (OSError, ValueError, KeyError):
            self._findings.complain(place, f"there is no time zone {zone}; {suggestion(zone, available_timezones())}")

    def _check_holidays(self) -> None:
        section = self._root.get("hours")
        for name, hours in self._agent.hours.items():
            plan = section.get(name) if isinstance(section, Map) else None
            if hours.holidays and isinstance(plan, Map):
                fault = holiday_fault(hours.holidays)
                if fault:
                    self._findings.complain(below(plan, "holidays"), fault)

    def _check_node(self, described: Described) -> None:
        for key in ("reached_through", "sends_to"):
            value = described.settings.get(key)
            # Ten thousand rows share their defaults' list: it is looked at once.
            if value is not None and id(value) not in self._seen:
                self._seen.add(id(value))
                self._check_names(value)
        hours = described.node.hours
        if hours is not None and hours not in self._agent.hours:
            message = f"there are no hours {hours}; {suggestion(hours, self._agent.hours)}"
            self._findings.complain(below(described.settings, "hours"), message)

    def _check_names(self, value: Value | None) -> None:
        for item in value.items if isinstance(value, Items) else ():
            if isinstance(item, Scalar) and item.text and item.text not in self._names:
                self._findings.complain(item, f"there is no node {item.text}; {suggestion(item.text, self._names)}")

    def _check_cycles(self) -> None:
        parents = {name: described.node.reached_through for name, described in self._described.items()}
        for ring in rings(parents):
            place = below(self._described[ring[0]].settings, "reached_through")
            self._findings.complain(place, f"leads back to itself: {' -> '.join(ring)}; remove one of these")

    def _check_budgets(self) -> None:
        listeners: dict[tuple[str, int], Described] = {}
        for described in self._described.values():
            node = described.node
            if node.host is None or node.port is None:
                continue
            first = listeners.setdefault(listener_of(node), described)
            limit = first.node.max_associations
            if node.max_associations != limit:
                message = (
                    f"is {node.max_associations} here and {limit} for {first.node.name}, which has the same listener "
                    f"{node.host}:{node.port}; give both the same"
                )
                self._findings.complain(below(described.settings, "max_associations"), message)

    def _check_self_check(self) -> None:
        section = self._root.get("self_check")
        if self._agent.self_check and isinstance(section, Map):
            self._check_names(section.get("nodes"))
            if not self._agent.self_check.nodes:
                self._findings.complain(below(section, "nodes"), "is empty; name at least one node")

    def _check_maintenance(self, planned: Maintenance, tree: Map | None) -> None:
        if tree is None:
            return
        if bool(planned.days) == bool(planned.on):
            problem = "has both days and on; keep one" if planned.days else "has neither days nor on; add one of them"
            self._findings.complain(tree, problem)
        if planned.for_ <= 0:
            self._findings.complain(below(tree, "for"), "is not longer than 0s; write for example 6h")
        nodes = tree.get("nodes")
        if isinstance(nodes, Map):
            for label in nodes.entries:
                self._check_label(label, below(nodes, label))
            if not any(_matches(labels, planned.nodes) for labels in self._all_labels()):
                self._findings.warn(below(tree, "nodes"), "no node matches this")
        else:
            self._check_names(nodes)

    def _check_health(self) -> None:
        section = self._root.get("health")
        if not isinstance(section, Map):
            return
        require, least = section.get("require"), section.get("min_healthy")
        for item in require.items if isinstance(require, Items) else ():
            if isinstance(item, Scalar) and item.text:
                self._check_matcher(item.text, Place(item.file, item.line, item.path), 1)
        for text, count in self._agent.health.min_healthy.items() if isinstance(least, Map) else ():
            assert isinstance(least, Map)
            self._check_matcher(text, below(least, text), count)

    def _check_matcher(self, text: str, place: Place, least: int) -> None:
        label, equals, value = text.partition("=")
        if not equals or not label or not value:
            self._findings.complain(place, f"{text} is not label=value; write for example importance=critical")
        elif self._check_label(label, place):
            count = sum(labels.get(label) == value for labels in self._all_labels())
            if count == 0:
                self._findings.warn(place, f"no node has {text}")
            elif count < least:
                self._findings.complain(place, f"{least} nodes cannot be healthy: only {count} have {text}; lower it")

    def _check_label(self, label: str, place: Place) -> bool:
        known = {name for labels in self._all_labels() for name in labels} | set(_OF_A_NODE)
        if label in known:
            return True
        self._findings.complain(place, f"no node has a label {label}; {suggestion(label, known)}")
        return False

    def _check_metric_labels(self) -> None:
        section = self._root.get("metrics")
        value = section.get("labels") if isinstance(section, Map) else None
        known = {name for described in self._described.values() for name in described.node.labels}
        for item in value.items if isinstance(value, Items) else ():
            if not isinstance(item, Scalar) or not item.text:
                continue
            if item.text in RESERVED_LABELS:
                self._findings.complain(item, f"the label {item.text} has a meaning of its own; remove it")
            elif item.text not in known:
                self._findings.warn(item, f"no node has a label {item.text}; {suggestion(item.text, known)}")

    def _all_labels(self) -> Iterator[dict[str, str]]:
        return (labels_of(described.node, self._agent.site) for described in self._described.values())

    def _item(self, section: str, number: int) -> Map | None:
        value = self._root.get(section)
        items = value.items if isinstance(value, Items) else []
        item = items[number] if number < len(items) else None
        return item if isinstance(item, Map) else None


def labels_of(node: Node, site: str) -> dict[str, str]:
    """All that health and maintenance may match a node by."""
    return {**node.labels, "role": node.role, "importance": node.importance, "site": site, "node": node.name}


def _matches(labels: Mapping[str, str], wanted: Mapping[str, str] | Iterable[str]) -> bool:
    return not isinstance(wanted, Mapping) or all(labels.get(key) == value for key, value in wanted.items())


def rings(parents: Mapping[str, Iterable[str]]) -> Iterator[list[str]]:
    """Each ring that can be walked from a name over its parents back to it, once: `[a, b, a]`."""
    done: set[str] = set()
    for start in parents:
        way: dict[str, Iterator[str]] = {}
        name: str | None = start
        while name is not None:
            if name in way:
                names = list(way)
                yield [*names[names.index(name) :], name]
            elif name not in done:
                way[name] = iter(parents.get(name, ()))
            name = None
            while way and name is None:
                last = next(reversed(way))
                name = next(way[last], None)
                if name is None:
                    done.add(last)
                    del way[last]


def holiday_fault(text: str) -> str:
    """What is wrong with a country or country-subdivision; nothing if its public holidays are known."""
    import holidays  # it takes a while, and few configurations use it

    found = _HOLIDAYS.fullmatch(text)
    countries = holidays.list_supported_countries()
    if not found or found[1] not in countries:
        return f"{text} is not a country whose holidays are known; write its two letters, for example RO or DE-BY"
    if found[2] and found[2] not in countries[found[1]]:
        return f"{found[2]} is not a part of {found[1]} whose holidays are known; write {found[1]} alone"
    return ""
