"""Which nodes fail, and which can not be reached because all of their network parents fail."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pacs_monitor.confirm import Confirmed
from pacs_monitor.node import Node
from pacs_monitor.results import Record
from pacs_monitor.settings import Key


class Reach:
    """Failing nodes and network parents. A node fails while a check that affects its health is confirmed down."""

    def __init__(
        self, nodes: Mapping[str, Node], records: Mapping[str, list[Record]], states: Mapping[Key, Confirmed]
    ) -> None:
        """`records` are those of each node by its name."""
        self._parents = {name: node.reached_through for name, node in nodes.items() if node.reached_through}
        self._children: dict[str, list[str]] = {}
        for name, parents in self._parents.items():
            for parent in parents:
                self._children.setdefault(parent, []).append(name)
        self._records = records
        self._states = states

    def failing_since(self, name: str) -> float | None:
        """Since when the node fails, in Unix time; None if it does not."""
        since = None
        for record in self._records.get(name, ()):
            if record.configured.check.affects_health:
                state = self._states.get(record.key)
                if state is not None and state.healthy is False and (since is None or state.since < since):
                    since = state.since
        return since

    def all_failing_since(self, names: Iterable[str]) -> float | None:
        """Since when all of these nodes fail; None if one does not, or there are none."""
        return _latest(self.failing_since(name) for name in names)

    def cut_off_since(self, name: str, way: tuple[str, ...] = ()) -> float | None:
        """Since when none of the node's network parents works, or can itself be reached; None if one does."""
        if name in way:
            return None
        return _latest(self._gone_since(parent, (*way, name)) for parent in self._parents.get(name, ()))

    def _gone_since(self, name: str, way: tuple[str, ...]) -> float | None:
        own, above = self.failing_since(name), self.cut_off_since(name, way)
        if own is None or above is None:
            return above if own is None else own
        return min(own, above)

    def in_doubt(self, name: str, since: float) -> bool:
        """Whether the node may be out of reach, as far as the runs that started since then (Unix time) tell."""
        # Of nodes in a ring, each would wait for the other.
        ring = self.below(name) if name in self._children else ()
        parents = [one for one in self._parents.get(name, ()) if one not in ring]
        return bool(parents) and all(self._doubtful(parent, since) for parent in parents)

    def _doubtful(self, name: str, since: float) -> bool:
        if self._gone_since(name, ()) is not None:
            return True
        telling = [record for record in self._records.get(name, ()) if record.configured.check.affects_health]
        if not telling:
            return self.in_doubt(name, since)
        return not all(record.up and (record.last_run or 0.0) >= since for record in telling)

    def is_parent(self, name: str) -> bool:
        """Whether a node is reached through this one."""
        return name in self._children

    def below(self, name: str) -> set[str]:
        """All nodes that are reached through this one, directly or not."""
        found: set[str] = set()
        waiting = [name]
        while waiting:
            fresh = [child for child in self._children.get(waiting.pop(), ()) if child not in found]
            found.update(fresh)
            waiting.extend(fresh)
        return found


def _latest(times: Iterable[float | None]) -> float | None:
    latest = None
    for time in times:
        if time is None:
            return None
        latest = time if latest is None else max(latest, time)
    return latest
