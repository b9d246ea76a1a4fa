"""Moments at which something named falls due; ten thousand of them cost what those cost that are due."""

from __future__ import annotations

import heapq


class Timers:
    """One moment for each name, on the monotonic clock."""

    def __init__(self) -> None:
        self._due: dict[str, float] = {}
        self._heap: list[tuple[float, str]] = []

    def set(self, name: str, due: float) -> None:
        """Have it fall due then, and at no other time."""
        self._due[name] = due
        heapq.heappush(self._heap, (due, name))

    def forget(self, name: str) -> None:
        """Have it never fall due."""
        self._due.pop(name, None)

    def next(self) -> float | None:
        """When the next one falls due; None without any."""
        self._tidy()
        return self._heap[0][0] if self._heap else None

    def take(self, now: float) -> list[str]:
        """Those that are due, in the order of their moments; they do not fall due again until they are set."""
        found: list[str] = []
        while True:
            self._tidy()
            if not self._heap or self._heap[0][0] > now:
                return found
            _, name = heapq.heappop(self._heap)
            del self._due[name]
            found.append(name)

    def _tidy(self) -> None:
        while self._heap and self._due.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
