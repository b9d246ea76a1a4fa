"""Sections that match nodes by name or label: maintenance, health, self_check, metrics.

They are taken as typed, so that a wrong setting hides nothing of the others.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import cached_property
from typing import Any

from pacs_monitor.configuring.fields import meant, settings_of, suggestion
from pacs_monitor.configuring.findings import Findings
from pacs_monitor.configuring.nodes import Described
from pacs_monitor.configuring.references import check_names, labels_of, texts_in
from pacs_monitor.configuring.tree import Items, Map, Place, Scalar, below, plain
from pacs_monitor.metric_rules import RESERVED_LABELS
from pacs_monitor.settings import Maintenance

_OF_A_NODE = ("role", "importance", "site", "node")


def check_matching(
    site: str, described: Collection[Described], names: Collection[str], root: Map, findings: Findings
) -> None:
    """Complain of names and labels that no node has, and of what contradicts itself."""
    _Matching(site, described, names, root, findings).check()


class _Matching:
    def __init__(
        self, site: str, described: Collection[Described], names: Collection[str], root: Map, findings: Findings
    ) -> None:
        self._described = described
        self._names = names
        self._root = root
        self._findings = findings
        self._all_labels = [labels_of(found.node, site) for found in described]
        self._can_count = not findings.unread.nodes and all(found.whole and not found.doubtful for found in described)
        """Whether it is known of every node which labels it has."""

    def check(self) -> None:
        self._check_self_check(_section(self._root, "self_check"))
        planned = self._root.get("maintenance")
        seen: set[str] = set()
        for item in planned.items if isinstance(planned, Items) else ():
            if isinstance(item, Map):
                self._check_days(item)
                self._check_whom(item)
                self._check_its_name(item, seen)
        self._check_health(_section(self._root, "health"))
        self._check_metric_labels(_section(self._root, "metrics"))

    @cached_property
    def _labels(self) -> set[str]:
        """The labels of all nodes, those with wrong values too."""
        known = {name for labels in self._all_labels for name in labels}
        for found in self._described:
            typed = found.settings.get("labels")
            known.update(typed.entries if isinstance(typed, Map) else ())
        return known

    def _check_self_check(self, section: Map) -> None:
        nodes = section.get("nodes")
        check_names(nodes, self._names, self._findings)
        if isinstance(nodes, Items) and not nodes.items:
            self._findings.complain(below(section, "nodes"), "is empty; name at least one node")

    def _check_days(self, planned: Map) -> None:
        days, on = (_typed(planned, key) for key in ("days", "on"))
        if days and on:
            self._findings.complain(planned, "has both days and on; keep one")
        elif not days and not on and not meant(planned.entries, settings_of(Maintenance)) & {"days", "on"}:
            self._findings.complain(planned, "has neither days nor on; add one of them")

    def _check_whom(self, planned: Map) -> None:
        nodes = planned.get("nodes")
        check_names(nodes, self._names, self._findings)
        if not isinstance(nodes, Map):
            return
        for label in nodes.entries:
            self._check_label(label, below(nodes, label))
        wanted = plain(nodes).items()
        if self._can_count and not any(wanted <= labels.items() for labels in self._all_labels):
            self._findings.warn(below(planned, "nodes"), "no node matches this")

    def _check_its_name(self, planned: Map, seen: set[str]) -> None:
        name = planned.get("name")
        if not isinstance(name, Scalar) or not name.text:
            return
        if name.text in seen:
            message = f"there is another maintenance of the name {name.text}; give each its own"
            self._findings.complain(below(planned, "name"), message)
        seen.add(name.text)

    def _check_health(self, section: Map) -> None:
        for item in texts_in(section.get("require")):
            self._check_matcher(item.text or "", Place(item.file, item.line, item.path), 1)
        least = section.get("min_healthy")
        for text, (_, value) in least.entries.items() if isinstance(least, Map) else ():
            assert isinstance(least, Map)
            count = value.text if isinstance(value, Scalar) else None
            self._check_matcher(text, below(least, text), int(count) if count and count.isdecimal() else 1)

    def _check_matcher(self, text: str, place: Place, least: int) -> None:
        label, equals, value = text.partition("=")
        if not equals or not label or not value:
            self._findings.complain(place, f"{text} is not label=value; write for example importance=critical")
        elif self._check_label(label, place) and self._can_count:
            count = sum(labels.get(label) == value for labels in self._all_labels)
            if count == 0:
                self._findings.warn(place, f"no node has {text}")
            elif count < least:
                self._findings.complain(place, f"{least} nodes cannot be healthy: only {count} have {text}; lower it")

    def _check_label(self, label: str, place: Place) -> bool:
        known = self._labels | set(_OF_A_NODE)
        if label in known:
            return True
        if not self._findings.unread.may_hold_node(label):
            self._findings.complain(place, f"no node has a label {label}; {suggestion(label, known)}")
        return False

    def _check_metric_labels(self, section: Map) -> None:
        known = self._labels - set(_OF_A_NODE)
        for item in texts_in(section.get("labels")):
            text = item.text or ""
            if text in RESERVED_LABELS:
                self._findings.complain(item, f"the label {text} has a meaning of its own; remove it")
            elif text not in known and not self._findings.unread.may_hold_node(text):
                self._findings.warn(item, f"no node has a label {text}; {suggestion(text, known)}")


def _section(root: Map, name: str) -> Map:
    section = root.get(name)
    return section if isinstance(section, Map) else Map(root.file, root.line, name, {})


def _typed(tree: Map, key: str) -> Any:
    value = tree.get(key)
    return None if value is None else plain(value)
