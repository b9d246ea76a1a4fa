"""Lists of checks: read, named, and merged by check name, the later over the earlier, key by key."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from pacs_monitor.check import NodeCheck
from pacs_monitor.configuring.fields import nearest, suggestion
from pacs_monitor.configuring.findings import Findings
from pacs_monitor.configuring.tree import Entry, Items, Map, Place, Scalar, Value, below, is_null
from pacs_monitor.loader import CheckKind
from pacs_monitor.units import name_fault


@dataclass(frozen=True, eq=False)
class Wanted:
    """A check that a profile or a node asks for, its settings not validated yet."""

    name: str
    kind: str
    """As written: one that there is not has a complaint already."""
    settings: Map
    whole: bool = True
    """Whether all its settings could be read: else nothing is said of those that are missing."""


@dataclass(frozen=True, eq=False)
class Profile:
    """What to run against a kind of node, and what such nodes have in common."""

    name: str
    checks: Value | None
    defaults: Map | None = None


@dataclass(frozen=True)
class Checks:
    """The checks that some lists ask for, by name."""

    wanted: dict[str, Wanted] = field(default_factory=dict)
    whole: bool = True
    """Whether all lists could be read: else what seems to be missing may stand in another."""


class _Item(NamedTuple):
    key: str
    settings: Map | None
    """None takes the check out."""
    whole: bool = True


class CheckLists:
    """Reads lists of checks against the kinds there are. `broken` kinds have their complaint already."""

    def __init__(self, kinds: Mapping[str, CheckKind], broken: Collection[str], findings: Findings) -> None:
        self._kinds = kinds
        self._broken = broken
        self._findings = findings

    def merged(self, inherited: Checks, value: Value | None, *, last: bool = True, of_node: bool = True) -> Checks:
        """The checks of `inherited` and of one more list.

        `last`: no other list comes before this one, so what it takes out must be there. `of_node`: whether it is the
        list of a node or of a profile.
        """
        if is_null(value):
            return inherited
        if not isinstance(value, Items):
            self._complain(value, "is not a list of checks; begin each with '- ', as in `- c_echo: {interval: 1m}`")
            return Checks(inherited.wanted, whole=False)
        result = Checks(dict(inherited.wanted), inherited.whole)
        seen: dict[str, int] = {}
        for item in value.items:
            found = self._item(item)
            if found is None:
                self._findings.unread.add(item)
            elif found.settings is None:
                self._take_out(found.key, item, result, last)
            else:
                self._add(found, found.settings, result, seen, of_node)
        return result

    def _item(self, item: Value) -> _Item | None:
        """An item of a list; after a complaint as much of it as can be told."""
        if isinstance(item, Scalar) and item.text is not None:
            shown = f"${{{item.variable}}}" if item.variable else item.text
            return _Item(item.text, Map(item.file, item.line, f"{item.path}.{shown}", {}))
        if not isinstance(item, Map) or not item.entries:
            self._complain(item, "is not a check; write its kind and settings, as in `- c_echo: {interval: 1m}`")
            return None
        key, (line, value) = next(iter(item.entries.items()))
        settings = value if isinstance(value, Map) else Map(value.file, line, value.path, {})
        if len(item.entries) > 1:
            others = ", ".join(list(item.entries)[1:])
            self._complain(item, f"holds {others} beside {key}; indent settings below the kind, one check to an item")
            self._findings.unread.add(item)
            return _Item(key, settings, whole=False)
        if is_null(value):
            return _Item(key, None)
        if not isinstance(value, Map):
            message = f"is not a mapping of settings; write `{key}: {{interval: 1m}}`"
            self._complain(Place(value.file, line, value.path), message)
        return _Item(key, settings, whole=isinstance(value, Map))

    def _take_out(self, name: str, item: Value, result: Checks, last: bool) -> None:
        known = result.wanted.pop(name, None) is not None or not result.whole or self._findings.unread.may_hold(name)
        if last and not known:
            place = below(item, name) if isinstance(item, Map) else item
            if name in self._kinds and not result.wanted:
                message = f"is empty, which takes out a check of a profile; write `{name}: {{}}` to run it"
            else:
                message = f"takes out a check that no profile here has; {suggestion(name, result.wanted)}"
            self._complain(place, message)

    def _add(self, item: _Item, settings: Map, result: Checks, seen: dict[str, int], of_node: bool) -> None:
        wanted = self._wanted(item, settings, result, of_node)
        if wanted is None or (wanted.name in seen and not item.whole):
            return
        if wanted.name in seen:
            first = seen[wanted.name]
            message = f"is the second check named {wanted.name}, after line {first}; give it a `name` of its own"
            self._complain(settings, message)
            return
        seen[wanted.name] = settings.line
        result.wanted[wanted.name] = wanted

    def _wanted(self, item: _Item, settings: Map, so_far: Checks, of_node: bool) -> Wanted | None:
        before = so_far.wanted.get(item.key)
        kind = item.key if item.key in self._kinds or before is None else before.kind
        if kind == item.key and kind not in self._kinds:
            self._complain_of_unknown(kind, settings, so_far)
        typed = settings.get("name")
        name = typed.text if isinstance(typed, Scalar) and typed.text else item.key
        whole = so_far.whole and item.whole
        before = so_far.wanted.get(name)
        if before is None:
            self._check_belongs(kind, settings, of_node)
            return Wanted(name, kind, settings, whole)
        if before.kind != kind and {before.kind, kind} <= self._kinds.keys():
            message = f"{name} is a check of the kind {before.kind} already; give this one another `name`"
            self._complain(settings, message)
            return None
        return Wanted(name, kind, over(before.settings, settings), whole and before.whole)

    def _complain_of_unknown(self, key: str, settings: Map, so_far: Checks) -> None:
        unread = self._findings.unread
        # A folder that is not there may hold any kind; but hardly one that looks like another with a slip of the pen.
        elsewhere = unread.folders_of_checks and not nearest(key, self._kinds, 0.8)
        if so_far.whole and key not in self._broken and not elsewhere and not unread.may_hold(key):
            self._complain(settings, f"there is no check of this kind; {suggestion(key, self._kinds)}")

    def _check_belongs(self, kind: str, settings: Map, of_node: bool) -> None:
        cls = self._kinds[kind].cls if kind in self._kinds else None
        if cls is not None and not (of_node and cls.anywhere) and issubclass(cls, NodeCheck) is not of_node:
            message = f"{kind} belongs to no node; move it to the section `checks`"
            if not of_node:
                message = f"{kind} measures a node; move it to the `checks` of a node or of a profile"
            self._complain(settings, message)

    def _complain(self, place: Place | Value | None, message: str) -> None:
        assert place is not None
        self._findings.complain(place, message)


def over(earlier: Map, later: Map, *, nulls: bool = True) -> Map:
    """The settings of both, the later's where both have one; without `nulls` its nulls give way."""
    entries = dict(earlier.entries)
    for key, entry in later.entries.items():
        if nulls or key not in entries or not is_null(entry.value):
            entries[key] = entry
    return Map(later.file, later.line, later.path, entries)


def read_profiles(tree: Value | None, findings: Findings) -> dict[str, Profile]:
    """The section `profiles`: each a list of checks, or a mapping of `checks` and of what its nodes have in common."""
    if is_null(tree):
        return {}
    if not isinstance(tree, Map):
        assert tree is not None
        findings.complain(tree, "is not a mapping; write `name: [c_echo, ...]` lines below it")
        findings.unread.add(tree)
        return {}
    profiles = {}
    for name, (line, value) in tree.entries.items():
        fault = name_fault(name)  # it becomes the role of its nodes
        if fault:
            findings.complain(below(tree, name), fault)
        if isinstance(value, Map):
            rest: dict[str, Entry] = {key: entry for key, entry in value.entries.items() if key != "checks"}
            defaults = Map(value.file, line, value.path, rest)
            profiles[name] = Profile(name, value.get("checks"), defaults)
        else:
            profiles[name] = Profile(name, value)
    return profiles
