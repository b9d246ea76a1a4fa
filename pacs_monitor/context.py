"""What suppresses alerts: network parents, maintenance, hours, drained nodes, and being cut off oneself.

Suppression keeps alerts from starting and never ends one: a check that was confirmed down before a cause began stays
unsuppressed through that cause.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress

from pacs_monitor.by_hand import FACT, ByHand
from pacs_monitor.confirm import Confirmation, Confirmed
from pacs_monitor.plans import Calendar, Plan
from pacs_monitor.reach import Reach
from pacs_monitor.results import Record, Results
from pacs_monitor.settings import Configuration, Key
from pacs_monitor.state import State

CAUSES = ("self_check", "parent", "drain", "maintenance", "hours")
"""The words of the label `by`, in the order in which they are told."""


class Context:
    """The causes in force for each node, and what they suppress. Times are Unix times in seconds."""

    def __init__(
        self,
        results: Results,
        confirmation: Confirmation,
        state: State | None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._results = results
        self._states = confirmation.states
        self._state = state
        self._wall = wall
        self.listeners: list[Callable[[Configuration], None]] = []
        """Called once a configuration is followed."""
        self._configuration: Configuration | None = None
        self._records: dict[str, list[Record]] = {}
        self._calendar = Calendar(results.exposition)
        self._reach = Reach({}, {}, {})
        self._self_check: tuple[str, ...] = ()
        self._cut_off_since: float | None = None
        self._causes: dict[str, dict[str, float]] = {}
        self._exempt: dict[Key, set[str]] = {}
        self._exempt_before: dict[Key, set[str]] = {}
        self._watched_until = 0.0
        self._drained: dict[str, float] = {}
        known = state.load_fact(FACT) if state is not None else None
        self.by_hand = ByHand(known, lambda kept: self._save(FACT, kept))
        """Maintenance that somebody has started, beside that of the configuration."""
        self._load()
        self._confirmation = confirmation
        confirmation.parents = self
        confirmation.listeners.append(self.confirmed_changed)

    def configure(self, configuration: Configuration) -> None:
        """Follow a configuration, after `results` and `confirmation` have."""
        first = self._configuration is None
        self._configuration = configuration
        self._records = {}
        for record in self._results:
            self._records.setdefault(record.node.name if record.node else "", []).append(record)
        self._reach = Reach(configuration.nodes, self._records, self._states)
        self._self_check = configuration.agent.self_check.nodes if configuration.agent.self_check else ()
        self._cut_off_since = self._reach.all_failing_since(self._self_check)
        for name in [name for name in self._drained if name not in configuration.nodes]:
            del self._drained[name]
        self.by_hand.only(configuration.nodes)
        nodes = {**configuration.nodes, **self._records}
        self._calendar.follow(configuration, nodes, self._wall())
        for node in [node for node in self._causes if node not in nodes]:
            del self._causes[node]
        for key in [key for key in self._exempt if key not in self._results.records]:
            del self._exempt[key]
        self._refresh(nodes, restored=first, export=True)
        for listener in self.listeners:
            listener(configuration)

    def tick(self, now: float) -> None:
        """Follow the calendar, and what waits for its network parents; each second."""
        self._confirmation.review()
        if over := self.by_hand.take_over(now):
            self._refresh(over)
        if turned := self._calendar.turn(now):
            self._refresh(turned)

    def confirmed_changed(self, record: Record, confirmed: Confirmed) -> None:
        """A confirmed state has changed: follow it to the nodes that are reached through its node."""
        if record.node is None or not record.configured.check.affects_health:
            return
        name = record.node.name
        if name in self._self_check:
            was, self._cut_off_since = self._cut_off_since, self._reach.all_failing_since(self._self_check)
            if (was is None) is not (self._cut_off_since is None):
                self._refresh({**self._configuration.nodes, **self._records} if self._configuration else ())
                return
        self._refresh(self._reach.below(name))

    def in_doubt(self, record: Record, since: float) -> bool:
        """Whether the check's network parents may have failed: not confirmed down, nor seen to work since then."""
        node = record.node.name if record.node else ""
        return self._reach.in_doubt(node, since) and self._reach.cut_off_since(node) is None

    def is_one(self, record: Record) -> bool:
        """Whether anything is reached through the check's node."""
        return record.node is not None and self._reach.is_parent(record.node.name)

    def drain(self, node: str) -> None:
        """Take a node out: it counts as unhealthy, and its alerts are suppressed. Raises LookupError."""
        self._require(node)
        if node not in self._drained:
            self._drained[node] = self._wall()
            self._save("drained", self._drained)
            self._refresh([node])

    def undrain(self, node: str) -> None:
        """Take a drained node back in. Raises LookupError."""
        self._require(node)
        if self._drained.pop(node, None) is not None:
            self._save("drained", self._drained)
            self._refresh([node])

    def maintain(self, node: str, until: float, by: str = "", comment: str = "") -> None:
        """Suppress a node's alerts as planned maintenance does, until then. Raises LookupError."""
        self._require(node)
        self.by_hand.start(node, until, by, comment, self._wall())
        self._refresh([node])

    def end_maintenance(self, node: str) -> bool:
        """End that. False if there was none. Raises LookupError."""
        self._require(node)
        ended = self.by_hand.end(node)
        self._refresh([node])
        return ended

    @property
    def plans(self) -> tuple[Plan, ...]:
        """Hours and maintenance of the configuration."""
        return tuple(self._calendar)

    @property
    def drained(self) -> dict[str, float]:
        """Drained nodes, and since when."""
        return dict(self._drained)

    def is_drained(self, node: str) -> bool:
        """Whether a node is drained."""
        return node in self._drained

    @property
    def cut_off(self) -> bool:
        """Whether every node of `self_check` fails, so that the fault is the agent's own."""
        return self._cut_off_since is not None

    def causes(self, node: str) -> dict[str, float]:
        """What is in force for a node ("" for checks without one), and since when."""
        return dict(self._causes.get(node, {}))

    def suppressed_by(self, key: Key) -> tuple[str, ...]:
        """What suppresses the check's alerts now."""
        causes = self._causes.get(key[0])
        if not causes:
            return ()
        exempt = self._exempt.get(key, ())
        return tuple(cause for cause in CAUSES if cause in causes and cause not in exempt)

    def _wanted(self, node: str) -> Iterator[tuple[str, float]]:
        """The causes that are in force for a node, and since when; the earliest of two of a kind last."""
        if self._cut_off_since is not None and node not in self._self_check:
            yield "self_check", self._cut_off_since
        since = self._reach.cut_off_since(node)
        if since is not None:
            yield "parent", since
        if node in self._drained:
            yield "drain", self._drained[node]
        begun = [(plan.cause, plan.phase.since) for plan in self._calendar.of(node) if plan.in_force]
        if (since := self.by_hand.since(node)) is not None:
            begun.append(("maintenance", since))
        yield from sorted(begun, key=lambda one: -one[1])

    def _refresh(self, nodes: Iterable[str], restored: bool = False, export: bool = False) -> None:
        """Bring causes and suppression of these nodes up to date; touch series only where something changed."""
        exempt_changed = restored
        for node in nodes:
            wanted, had = dict(self._wanted(node)), self._causes.get(node, {})
            if wanted.keys() != had.keys():
                # A cause that goes on keeps its beginning.
                self._causes[node] = {cause: had.get(cause, since) for cause, since in wanted.items()}
                exempt_changed |= self._latch(node, had, restored)
                if not wanted:
                    del self._causes[node]
            elif not export:
                continue
            for record in self._records.get(node, ()):
                self._results.set_suppression(record, self.suppressed_by(record.key))
        if exempt_changed:
            self._exempt_before = {}
            self._save("unsuppressed", [[*key, *sorted(causes)] for key, causes in self._exempt.items()])

    def _latch(self, node: str, had: dict[str, float], restored: bool) -> bool:
        """Exempt the checks that are down from what begins now, and forget what has ended; whether that changed any."""
        causes, changed = self._causes[node], False
        begun = {cause: since for cause, since in causes.items() if cause not in had}
        for record in self._records.get(node, ()):
            key = record.key
            old = self._exempt.get(key, set())
            exempt = old & causes.keys()
            state = self._states.get(key)
            if state is not None and state.healthy is False:
                exempt |= {
                    cause
                    for cause, since in begun.items()
                    # What begins while we watch finds the check down; after a restart the times tell.
                    if not restored or state.since < since
                }
            if restored:
                exempt |= {
                    cause for cause in self._exempt_before.get(key, ()) if begun.get(cause, 1e99) <= self._watched_until
                }
            if exempt != old:
                changed = True
                self._exempt[key] = exempt
                if not exempt:
                    del self._exempt[key]
        return changed

    def _require(self, node: str) -> None:
        if self._configuration is None or node not in self._configuration.nodes:
            raise LookupError(f"there is no node {node}")

    def _load(self) -> None:
        if self._state is None:
            return
        self._drained = json.loads(self._state.load_fact("drained") or "{}")
        stored = json.loads(self._state.load_fact("unsuppressed") or "[]")
        self._exempt_before = {(node, check): set(causes) for node, check, *causes in stored}
        with suppress(ValueError):
            self._watched_until = float(self._state.load_fact("alive") or 0.0)

    def _save(self, name: str, value: object) -> None:
        if self._state is not None:
            self._state.submit(self._state.save_fact(name, json.dumps(value)))
