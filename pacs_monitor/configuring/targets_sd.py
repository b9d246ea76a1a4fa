"""Nodes out of targets, as Prometheus' service discovery lists them in files and over HTTP."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping

from pacs_monitor.configuring import yamltree
from pacs_monitor.configuring.complaints import validate
from pacs_monitor.configuring.fields import suggestion
from pacs_monitor.configuring.filling import fill
from pacs_monitor.configuring.findings import Findings
from pacs_monitor.configuring.flatnode import COLUMNS, is_column, node_of
from pacs_monitor.configuring.tree import Items, Map, Place, Scalar, Value, below
from pacs_monitor.metric_rules import RESERVED_LABELS, is_label_name
from pacs_monitor.node import Node

_ADDRESS = re.compile(r"(?:\[([^\]]+)\]|([^:\[\]]+)):(\d+)|([^\[\]]+)")
_ADDED = {"profile"}


class Targets:
    """Nodes of one list. A target that cannot be a node is left out with a warning: machines write such lists."""

    def __init__(self, file: str, columns: Mapping[str, str], item: Map, findings: Findings) -> None:
        """`columns` say which label holds which setting of a node; without them labels are named as settings are."""
        self._file = file
        self._columns = columns
        self._item = item
        self._findings = findings

    def nodes(self, text: str) -> Iterator[Map]:
        """The nodes that the text lists."""
        # No variables: whoever writes the list may not ask for what the agent's environment holds.
        document = yamltree.read_string(text, self._file, {})
        self._findings.extend(document.complaints)
        root = document.root
        if not isinstance(root, Items):
            if not document.complaints:
                self._findings.complain(root, 'is no list of targets; write [{"targets": ["10.0.1.7:104"]}]')
            return
        found = [one for group in root.items for one in self._targets(group)]
        if not self._columns_are_right(found):
            return
        hosts = Counter(host for host, _, _, _ in found)
        taken: set[str] = set()
        for host, port, place, labels in found:
            name = host if hosts[host] == 1 or not port else f"{host}-{port}"
            node = self._node(re.sub(r"[^\w.-]", "-", name), host, port, place, labels)
            if self._is_one(node, taken):
                yield node

    def _targets(self, group: Value) -> Iterator[tuple[str, str, Scalar, Map | None]]:
        targets = group.get("targets") if isinstance(group, Map) else None
        if not isinstance(group, Map) or not isinstance(targets, Items):
            self._findings.warn(group, 'is no group of targets and left out; write {"targets": ["10.0.1.7:104"]}')
            return
        labels = group.get("labels")
        for target in targets.items:
            address = _ADDRESS.fullmatch(target.text or "") if isinstance(target, Scalar) else None
            if address is None or not isinstance(target, Scalar):
                self._findings.warn(target, "is no target and left out; write host:port")
                continue
            host = address[1] or address[2] or address[4]
            yield host, address[3] or "", target, labels if isinstance(labels, Map) else None

    def _columns_are_right(self, found: list[tuple[str, str, Scalar, Map | None]]) -> bool:
        there = {name for _, _, _, labels in found if labels for name in labels.entries}
        columns = self._item.get("columns")
        right = True
        for setting, label in self._columns.items():
            assert isinstance(columns, Map)
            if not is_column(setting):
                fault = f"is no setting of a node that a label may hold; {suggestion(setting, COLUMNS)}"
            elif found and label not in there:
                fault = f"no target of {self._file} has a label {label}; {suggestion(label, there)}"
            else:
                continue
            self._findings.complain(below(columns, setting), fault)
            right = False
        return right

    def _node(self, name: str, host: str, port: str, place: Scalar, labels: Map | None) -> Map:
        said: dict[str, Scalar] = {"name": self._scalar(place, name), "host": self._scalar(place, host)}
        if port:
            said["port"] = self._scalar(place, port)
        for label, entry in labels.entries.items() if labels else ():
            value = entry.value
            if not isinstance(value, Scalar) or not value.text:
                continue
            for setting in self._settings_of(label):
                said[setting] = value
        return node_of(self._file, place.line, said.items())

    def _settings_of(self, label: str) -> list[str]:
        if self._columns:
            return [setting for setting, named in self._columns.items() if named == label]
        if label in COLUMNS:
            return [label]
        usable = is_label_name(label) and not label.startswith("__") and label not in RESERVED_LABELS
        return [f"labels.{label}"] if usable else []

    def _scalar(self, place: Scalar, text: str) -> Scalar:
        return Scalar(self._file, place.line, place.path, text)

    def _is_one(self, node: Map, taken: set[str]) -> bool:
        trial = Findings()
        settings = Map(node.file, node.line, "", {k: entry for k, entry in node.entries.items() if k not in _ADDED})
        validate(Node, fill(Node, settings, trial), settings, trial)
        for complaint in trial.complaints:
            place = Place(complaint.file, complaint.line, complaint.setting)
            self._findings.warn(place, f"{complaint.message}; the target is left out")
        name = node.get("name")
        assert isinstance(name, Scalar)
        if (name.text or "") in taken:
            self._findings.warn(name, f"another target is named {name.text}; this one is left out")
            return False
        taken.add(name.text or "")
        return not trial.complaints
