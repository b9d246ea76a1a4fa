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
