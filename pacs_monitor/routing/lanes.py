"""Places for deliveries: a receiver that hangs takes none from others, and each row has its turn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from pacs_monitor.routing.outbox import Row

MOST_AT_ONCE, MOST_PER_INTEGRATION = 32, 4
"""Deliveries under way. Beyond the first number each integration still has one place."""
Whom = tuple[str, str]
"""Receiver and integration."""


class Lanes:
    """One for each integration; whoever finds no place waits in it."""

    def __init__(self) -> None:
        self.total = 0
        """How many are under way."""
        self._under_way: Counter[Whom] = Counter()
        self._waiting: dict[Whom, dict[str, Row]] = {}

    def line_up(self, row: Row) -> None:
        """Have a row wait for its turn; one that waits already keeps its place."""
        self._waiting.setdefault(whom(row), {})[row.name] = row

    def ready(self) -> Iterator[Row]:
        """Those whose turn it is, one of each integration after the other. Whoever takes one enters, or not."""
        found = True
        while found:
            found = False
            for lane in [lane for lane in self._waiting if self._is_free(lane)]:
                if self._is_free(lane):
                    found = True
                    yield self._first(lane)

    def enter(self, lane: Whom) -> None:
        """Take a place."""
        self._under_way[lane] += 1
        self.total += 1

    def leave(self, lane: Whom) -> None:
        """Give it back."""
        self._under_way[lane] -= 1
        self.total -= 1

    def _is_free(self, lane: Whom) -> bool:
        mine = self._under_way[lane]
        return mine == 0 or (mine < MOST_PER_INTEGRATION and self.total < MOST_AT_ONCE)

    def _first(self, lane: Whom) -> Row:
        rows = self._waiting.pop(lane)
        row = rows.pop(next(iter(rows)))
        if rows:
            self._waiting[lane] = rows  # at the end: it is the others' turn
        return row


def whom(row: Row) -> Whom:
    """The lane that a row waits in."""
    return row.content.receiver, row.content.integration
