"""Maintenance that somebody has started by hand, node by node; it ends by itself, and outlives a restart."""

from __future__ import annotations

import json
from collections.abc import Callable, Container, Mapping
from dataclasses import asdict, dataclass
from typing import Any

FACT = "maintained"


@dataclass(frozen=True, slots=True)
class Maintained:
    """One node's maintenance. Unix times in seconds."""

    since: float
    until: float
    by: str = ""
    comment: str = ""


class ByHand:
    """All nodes that are maintained now."""

    def __init__(self, text: str | None, save: Callable[[Mapping[str, Any]], None]) -> None:
        """`text` is what `save` was given last, as JSON."""
        self._all = {node: Maintained(**raw) for node, raw in json.loads(text or "{}").items()}
        self._save = save

    @property
    def all(self) -> dict[str, Maintained]:
        """By node."""
        return dict(self._all)

    def since(self, node: str) -> float | None:
        """Since when a node is maintained; None if it is not."""
        found = self._all.get(node)
        return found.since if found else None

    def start(self, node: str, until: float, by: str, comment: str, now: float) -> None:
        """Begin it, or change how long it lasts."""
        known = self._all.get(node)
        self._all[node] = Maintained(known.since if known else now, until, by, comment)
        self._keep()

    def end(self, node: str) -> bool:
        """End it. False if there was none."""
        if self._all.pop(node, None) is None:
            return False
        self._keep()
        return True

    def take_over(self, now: float) -> list[str]:
        """The nodes whose maintenance has run out, which is over then."""
        over = [node for node, one in self._all.items() if one.until <= now]
        for node in over:
            self.end(node)
        return over

    def only(self, nodes: Container[str]) -> None:
        """Forget nodes that are not configured any more."""
        for node in [node for node in self._all if node not in nodes]:
            del self._all[node]

    def _keep(self) -> None:
        self._save({node: asdict(one) for node, one in self._all.items()})
