"""Makes nodes of what files say of them: profile, defaults and the node's own settings, the later over the earlier."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pacs_monitor.configuring.complaints import right_part, validate
from pacs_monitor.configuring.fields import meant, nearest, settings_of, suggestion
from pacs_monitor.configuring.filling import fill
from pacs_monitor.configuring.findings import Findings
from pacs_monitor.configuring.nodes_from import Others, Source, items_of
from pacs_monitor.configuring.profiles import Profile, over
from pacs_monitor.configuring.tree import Entry, Items, Map, Place, Scalar, Value, below, is_null
from pacs_monitor.metric_rules import RESERVED_LABELS, is_label_name
from pacs_monitor.node import Node

MODALITY_MIN_INTERVAL = 30.0
_OF_THE_LIST = ("profile", "checks")
_KNOWN = {*settings_of(Node), *_OF_THE_LIST}
_NAMELESS = "a-node"


@dataclass(frozen=True, eq=False)
class Described:
    """A node with what its checks come from and where its settings stand."""

    node: Node
    """Without what is wrong with it."""
    data: dict[str, Any]
    """What the node was made of: plain data."""
    settings: Map
    """The same, with places."""
    profiles: tuple[str, ...]
    check_lists: tuple[Value, ...]
    """Lists of checks beside the profiles': the defaults' and the node's own."""
    doubtful: frozenset[str] = frozenset()
    """Settings that are wrong, or that a misspelt one may be."""
    whole: bool = True
    """Whether all was found that it takes settings and checks from."""


class NodeReader:
    """Reads the sections `nodes` and `nodes_from`."""

    def __init__(
        self,
        profiles: Mapping[str, Profile],
        calling_ae_title: str,
        label_owners: Mapping[str, str],
        others: Others,
        findings: Findings,
    ) -> None:
        """`label_owners` says which check declares a label that nodes may therefore not have."""
        self._profiles = profiles
        self._calling_ae_title = calling_ae_title
        self._label_owners = label_owners
        self._others = others
        self._findings = findings
        self.places: dict[str, Place] = {}
        """Where the name of each node stands, also of those with complaints."""
        self.shared: list[Map] = []
        """What profiles, and `nodes_from`, give to their nodes."""

    def read(self, nodes: Value | None, nodes_from: Value | None) -> list[Described]:
        """All nodes, those with complaints too."""
        for profile in self._profiles.values():
            if profile.defaults is not None:
                self._check_shared(profile.defaults, {"name", "profile"}, "has no place in a profile; remove it")
        found = []
        for source in self._sources(nodes, nodes_from):
            if source.spare and self._is_taken(source.tree):
                continue
            self._take_name(source.tree)
            found.append(self._describe(source))
        return found

    def _sources(self, nodes: Value | None, nodes_from: Value | None) -> Iterator[Source]:
        for item in items_of(nodes, "- {name: ct1, host: 10.0.1.7}", self._findings):
            if isinstance(item, Map):
                yield Source(item)
            else:
                self._findings.complain(item, "is not a node; write `- {name: ct1, host: 10.0.1.7}`")
                self._findings.unread.add(item, nodes=True)
        for table in self._others.tables(nodes_from):
            if table.defaults is not None:
                self._check_shared(table.defaults, {"name"}, "cannot be the same for all nodes; remove it")
            yield from table.sources

    def _check_shared(self, shared: Map, refused: Collection[str], why: str) -> None:
        """Complain of what is wrong in settings that nodes share, also if there is no node."""
        self.shared.append(shared)
        for key in refused & shared.entries.keys():
            self._findings.complain(below(shared, key), why)
        settings = Map(shared.file, shared.line, shared.path, dict(shared.entries))
        self._complain_of_unknown(settings)
        self._profile_names(settings.get("profile"))
        self._check_labels(settings.get("labels"))
        for key in _OF_THE_LIST:
            settings.entries.pop(key, None)
        data = {**fill(Node, settings, self._findings), "name": _NAMELESS}
        validate(Node, data, settings, self._findings, partial=True)

    def _is_taken(self, tree: Map) -> bool:
        name = tree.get("name")
        first = self.places.get(name.text or "") if isinstance(name, Scalar) else None
        if first is None:
            return False
        assert isinstance(name, Scalar)
        message = f"{name.text} is also the node in {first.file}:{first.line}; this one is left out"
        self._findings.warn(name, message)
        return True

    def _take_name(self, tree: Map) -> None:
        name = tree.get("name")
        if not isinstance(name, Scalar) or not name.text:
            self._findings.unread.add(tree)  # it may stand under another key
            return
        place = below(tree, "name")
        first = self.places.setdefault(name.text, place)
        if first is not place:
            message = f"{name.text} is also the node in {first.file}:{first.line}; rename one of the two"
            self._findings.complain(place, message)

    def _describe(self, source: Source) -> Described:
        own, defaults = source.tree, source.defaults
        profiles, whole = self._profile_names(own.get("profile") or (defaults and defaults.get("profile")))
        settings = self._merged(source, profiles)
        unknown = self._complain_of_unknown(settings)
        misspelt = meant(unknown, _KNOWN)
        self._check_labels(settings.get("labels"))
        data = self._data(settings, profiles)
        partial = not source.whole or "name" in misspelt
        node, wrong = validate(Node, data, settings, self._findings, partial=partial), frozenset[str]()
        if node is None:
            node, wrong = right_part(Node, data, name=_NAMELESS)
        lists = [layer.get("checks") for layer in (defaults, own) if layer is not None]
        return Described(
            node,
            data,
            settings,
            tuple(profiles),
            tuple(value for value in lists if value is not None),
            wrong | misspelt,
            whole and source.whole and "profile" not in (nearest(key, _KNOWN) for key in unknown),
        )

    def _data(self, settings: Map, profiles: list[str]) -> dict[str, Any]:
        data = fill(Node, settings, self._findings)
        data.setdefault("calling_ae_title", self._calling_ae_title)
        if profiles:
            data.setdefault("role", profiles[0])
        if data.get("role") == "modality":
            data.setdefault("min_interval", MODALITY_MIN_INTERVAL)
        return data

    def _profile_names(self, value: Value | None) -> tuple[list[str], bool]:
        """The profiles that there are, and whether that is all."""
        names: list[str] = []
        whole = True
        for item in value.items if isinstance(value, Items) else [value]:
            if is_null(item) or item is None:
                continue
            if not isinstance(item, Scalar) or not item.text:
                self._findings.complain(item, "is not the name of a profile; write `profile: archive`")
                whole = False
            elif item.text not in self._profiles:
                whole = False
                if not self._findings.unread.may_hold(item.text):
                    self._findings.complain(item, f"there is no profile {item.text}; {self._profile_hint(item.text)}")
            else:
                names.append(item.text)
        return names, whole

    def _profile_hint(self, name: str) -> str:
        if self._profiles:
            return suggestion(name, self._profiles)
        return f"define it in a section `profiles`, as in `profiles: {{{name}: [c_echo]}}`"

    def _merged(self, source: Source, profiles: list[str]) -> Map:
        result = Map(source.tree.file, source.tree.line, source.tree.path, {})
        layers = [layer for name in profiles if (layer := self._profiles[name].defaults)]
        layers += [source.defaults] if source.defaults else []
        for layer in (*layers, source.tree):
            labels = [value for value in (result.get("labels"), layer.get("labels")) if isinstance(value, Map)]
            result = over(result, layer, nulls=source.nulls or layer is not source.tree)
            if len(labels) == 2:
                result.entries["labels"] = Entry(labels[1].line, over(labels[0], labels[1]))
        for key in _OF_THE_LIST:
            result.entries.pop(key, None)
        return Map(source.tree.file, source.tree.line, source.tree.path, result.entries)

    def _complain_of_unknown(self, settings: Map) -> list[str]:
        """The settings that are none; they are taken out."""
        unknown = [key for key in settings.entries if key not in _KNOWN]
        for key in unknown:
            message = f"there is no such setting of a node; {suggestion(key, _KNOWN)}"
            self._findings.complain(below(settings, key), message)
            del settings.entries[key]
        return unknown

    def _check_labels(self, labels: Value | None) -> None:
        for key in labels.entries if isinstance(labels, Map) else ():
            assert isinstance(labels, Map)
            if not is_label_name(key):
                self._findings.complain(
                    below(labels, key),
                    f"{key} is not the name of a label; use a-z, A-Z, 0-9 and '_', not first a digit",
                )
            elif key in RESERVED_LABELS:
                self._findings.complain(below(labels, key), f"the label {key} has a meaning of its own; rename it")
            elif key in self._label_owners:
                owner = self._label_owners[key]
                self._findings.complain(
                    below(labels, key), f"the check {owner} gives its series a label {key} already; rename it"
                )
