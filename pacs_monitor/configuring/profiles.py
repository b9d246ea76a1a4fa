"""Lists of checks: read, named, and merged by check name, the later over the earlier, key by key."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from pacs_monitor.configuring.fields import suggestion
from pacs_monitor.configuring.findings import Findings
from pacs_monitor.configuring.tree import Entry, Items, Map, Place, Scalar, Value, below, is_null
from pacs_monitor.loader import CheckKind
from pacs_monitor.units import name_fault


@dataclass(frozen=True, eq=False)
class Wanted:
    """A check that a profile or a node asks for, its settings not validated yet."""

    name: str
    kind: str
    settings: Map


@dataclass(frozen=True, eq=False)
class Profile:
    """What to run against a kind of node, and what such nodes have in common."""

    name: str
    checks: Value | None
    defaults: Map | None = None


class CheckLists:
    """Reads lists of checks against the kinds there are. `broken` kinds have their complaint already."""

    def __init__(self, kinds: Mapping[str, CheckKind], broken: Collection[str], findings: Findings) -> None:
        self._kinds = kinds
        self._broken = broken
        self._findings = findings

    def merged(self, inherited: Mapping[str, Wanted], value: Value | None, *, last: bool = True) -> dict[str, Wanted]:
        """The checks of `inherited` and of one more list, by name.

        `last`: no other list comes before this one, so what it takes out must be there.
        """
        result = dict(inherited)
        if is_null(value):
            return result
        if not isinstance(value, Items):
            self._complain(value, "is not a list of checks; begin each with '- ', as in `- c_echo: {interval: 1m}`")
            return result
        seen: dict[str, int] = {}
        for item in value.items:
            found = self._item(item)
            if found is None:
                continue
            key, settings = found
            if settings is None:
                self._take_out(key, item, result, last)
                continue
            wanted = self._wanted(key, settings, result)
            if wanted is None:
                continue
            if wanted.name in seen:
                first = seen[wanted.name]
                message = f"is the second check named {wanted.name}, after line {first}; give it a `name` of its own"
                self._complain(settings, message)
                continue
            seen[wanted.name] = settings.line
            result[wanted.name] = wanted
        return result

    def _item(self, item: Value) -> tuple[str, Map | None] | None:
        """The key of a list's item and its settings, None to take the check out; no pair after a complaint."""
        if isinstance(item, Scalar) and item.text is not None:
            shown = f"${{{item.variable}}}" if item.variable else item.text
            return item.text, Map(item.file, item.line, f"{item.path}.{shown}", {})
        if not isinstance(item, Map) or not item.entries:
            self._complain(item, "is not a check; write its kind and settings, as in `- c_echo: {interval: 1m}`")
            return None
        key, (line, value) = next(iter(item.entries.items()))
        if len(item.entries) > 1:
            others = ", ".join(list(item.entries)[1:])
            self._complain(item, f"holds {others} beside {key}; indent settings below the kind, one check to an item")
            return None
        if is_null(value):
            return key, None
        if not isinstance(value, Map):
            message = f"is not a mapping of settings; write `{key}: {{interval: 1m}}`"
            self._complain(Place(value.file, line, value.path), message)
            return None
        return key, Map(value.file, line, value.path, value.entries)

    def _take_out(self, name: str, item: Value, result: dict[str, Wanted], last: bool) -> None:
        if result.pop(name, None) is None and last:
            place = below(item, name) if isinstance(item, Map) else item
            if name in self._kinds and not result:
                message = f"is empty, which takes out a check of a profile; write `{name}: {{}}` to run it"
            else:
                message = f"takes out a check that no profile here has; {suggestion(name, result)}"
            self._complain(place, message)

    def _wanted(self, key: str, settings: Map, so_far: Mapping[str, Wanted]) -> Wanted | None:
        if key in self._broken:
            return None
        if key not in self._kinds and key not in so_far:
            self._complain(settings, f"there is no check of this kind; {suggestion(key, self._kinds)}")
            return None
        typed = settings.get("name")
        name = typed.text if isinstance(typed, Scalar) and typed.text else key
        kind = key if key in self._kinds else so_far[key].kind
        before = so_far.get(name)
        if before is None:
            return Wanted(name, kind, settings)
        if before.kind != kind:
            message = f"{name} is a check of the kind {before.kind} already; give this one another `name`"
            self._complain(settings, message)
            return None
        return Wanted(name, kind, over(before.settings, settings))

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
