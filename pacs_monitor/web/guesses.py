"""How many wrong links somebody may try. A right one always passes: others may come from the same address."""

from __future__ import annotations

PER_MINUTE = 20
MOST_CLIENTS = 1000


class Guesses:
    """Counts by client and minute."""

    def __init__(self) -> None:
        self._minute = 0
        self._counts: dict[str, int] = {}

    def may_go_on(self, client: str, now: float) -> bool:
        """Note a wrong one; whether there were few enough from there in this minute."""
        minute = int(now // 60)
        if minute != self._minute or len(self._counts) > MOST_CLIENTS:
            self._minute, self._counts = minute, {}
        self._counts[client] = self._counts.get(client, 0) + 1
        return self._counts[client] <= PER_MINUTE
