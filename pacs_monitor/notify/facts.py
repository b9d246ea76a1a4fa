"""What the agent knows of the check behind an alert, from its latest result: put into notifications as they are made.

Nothing of a patient is among it: only what the agent's own page shows as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pacs_monitor.confirm import Confirmed
from pacs_monitor.node import Node
from pacs_monitor.reach import Reach
from pacs_monitor.record import Record
from pacs_monitor.settings import Configuration, Key

Facts = Callable[[Mapping[str, str]], Mapping[str, Any]]
"""From an alert's labels to what is known; empty if it is about no check. Safe from any thread."""
PHASES = "pacs_dicom_phase_seconds"
USED = ("pacs_disk_used_ratio", "pacs_disk_inodes_used_ratio")
Series = tuple[tuple[str, tuple[str, ...]], Any]
_ORDER = ("dns", "connect", "tls", "associate", "dimse", "release")
MOST_AFFECTED = 200


def facts_of(
    records: Mapping[Key, Record], states: Mapping[Key, Confirmed], configuration: Callable[[], Configuration | None]
) -> Facts:
    """Facts out of `Results.records`, `Confirmation.states` and the configuration in force."""
    known = _Known(None)

    def tell(labels: Mapping[str, str]) -> Mapping[str, Any]:
        nonlocal known
        current = configuration()
        if known.configuration is not current:
            known = _Known(current)
        return known.tell(labels, records, states)

    return tell


class _Known:
    """What follows from one configuration."""

    def __init__(self, configuration: Configuration | None) -> None:
        self.configuration = configuration
        self._nodes: Mapping[str, Node] = configuration.nodes if configuration else {}
        self._site = configuration.agent.site if configuration else ""
        self._keys: dict[str, list[Key]] = {}
        for key in configuration.checks if configuration else ():
            self._keys.setdefault(key[0], []).append(key)
        self._reach = Reach(self._nodes, {}, {})
        self._senders: dict[str, list[str]] = {}
        for name, node in self._nodes.items():
            for target in node.sends_to:
                self._senders.setdefault(target, []).append(name)
        self._titles = {node.ae_title: node for node in self._nodes.values() if node.ae_title}

    def tell(
        self, labels: Mapping[str, str], records: Mapping[Key, Record], states: Mapping[Key, Confirmed]
    ) -> dict[str, Any]:
        name, check = labels.get("node", ""), labels.get("check", "")
        # Alerts of rules over other agents' metrics are not ours to explain.
        if labels.get("site", self._site) != self._site or not (name or check):
            return {}
        keys = [key for key in self._keys.get(name, ()) if not check or key[1] == check]
        found = [record for key in keys if (record := records.get(key)) is not None]
        node = self._nodes.get(name)
        if not found and node is None:
            return {}
        facts = self._of_source(labels["source"], node) if "source" in labels else {}
        if not facts and node:
            facts = _of_node(node, self._affected(name))
        if found:
            first = min(found, key=lambda record: _rank(record, states))
            facts |= _of_record(first, states.get(first.key))
            facts["failing"] = sorted(record.configured.name for record in found if record.up is False)
        return facts

    def _of_source(self, title: str, receiver: Node | None) -> dict[str, Any]:
        """Of an alert about what a node receives: who sends it, if that is a node, too, and where it sends."""
        sender = self._titles.get(title)
        if sender is None:
            return _of_node(receiver, []) if receiver else {}
        return _of_node(sender, sorted({*self._reach.below(sender.name), *sender.sends_to} - {sender.name}))

    def _affected(self, name: str) -> list[str]:
        """Nodes that are reached through it, and those that send to it."""
        return sorted({*self._reach.below(name), *self._senders.get(name, ())} - {name})


def _rank(record: Record, states: Mapping[Key, Confirmed]) -> tuple[int, bool, float]:
    """What explains an alert best: confirmed down, then failing, and what matters for the node's health."""
    state = states.get(record.key)
    down = state is not None and state.healthy is False
    rank = 0 if down and record.up is False else 1 if down or record.up is False else 2
    return rank, not record.configured.check.affects_health, state.since if down and state else 0.0


def _of_node(node: Node, affected: list[str]) -> dict[str, Any]:
    place = f"{node.host}:{node.port}" if node.host and node.port else node.host
    told = {
        "role": node.role,
        "importance": node.importance,
        "address": place,
        "ae_title": node.ae_title,
        "notes": node.notes,
        "affected": affected[:MOST_AFFECTED],
        "affected_count": len(affected),
    }
    return {name: fact for name, fact in told.items() if fact}


def _of_record(record: Record, state: Confirmed | None) -> dict[str, Any]:
    series = list(record.series.items())
    facts: dict[str, Any] = {
        "check": record.configured.name,
        "kind": record.configured.kind,
        "up": record.up,
        "reason": record.reason,
        "sentence": record.message if record.reason else "",
        "last_run": _milliseconds(record.last_run),
        "last_success": _milliseconds(record.last_success),
        "took": round(record.duration * 1000, 1) if record.last_run else None,
        "down_since": _milliseconds(state.since) if state and state.healthy is False else None,
        "phases": _phases(series),
        "free": _free(series),
    }
    return {name: fact for name, fact in facts.items() if fact not in (None, "", {})}


def _milliseconds(seconds: float | None) -> int | None:
    return round(seconds * 1000) if seconds else None


def _free(series: Iterable[Series]) -> float | None:
    """The free share of what is fullest: of the volumes, or of their inodes."""
    used = [slot.value for (name, _), slot in series if name in USED and slot.value is not None]
    return round(1 - max(used), 4) if used else None


def _phases(series: Iterable[Series]) -> dict[str, float]:
    """Milliseconds of each phase of the last run, in their order."""
    found = {values[0]: slot.value for (name, values), slot in series if name == PHASES}
    ordered = sorted(found.items(), key=lambda item: _ORDER.index(item[0]) if item[0] in _ORDER else len(_ORDER))
    return {phase: round(value * 1000, 2) for phase, value in ordered if value is not None}
