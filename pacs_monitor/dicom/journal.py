"""The journal of synthetic studies: what is in it may be in the archive, and only what is in it is ever deleted."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from pacs_monitor.check import CheckFailed, Memory

DAY = 86400.0
_PREFIX = "study:"
_SENT = "sent"


class Journal:
    """Studies by UID in a check's memory: UIDs and times, kept even if the check leaves the configuration."""

    def __init__(self, memory: Memory, wall: Callable[[], float] = time.time) -> None:
        """`wall` gives Unix time."""
        self._memory = memory
        self._wall = wall

    def __contains__(self, uid: str) -> bool:
        return self._memory.get(_PREFIX + uid) is not None

    @property
    def left(self) -> int:
        """How many studies may still be in the archive."""
        return sum(not entry["absent"] for _, entry in self._entries())

    def due(self) -> list[str]:
        """The UIDs that are to be looked for now, the oldest first."""
        now = self._wall()
        due = [(entry["at"], uid) for uid, entry in self._entries() if entry["look"] <= now]
        return [uid for _, uid in sorted(due)]

    async def count(self, most: int, interval: float) -> None:
        """Count one more study. Raises CheckFailed if that makes more than `most` in 24 hours, at one an interval."""
        now = self._wall()
        # Half an interval less than a day, so that the last of a regular schedule does not meet the first.
        sent = [at for at in self._memory.get(_SENT, []) if at > now - DAY + interval / 2]
        if len(sent) >= most:
            raise CheckFailed(
                "threshold",
                f"{len(sent)} synthetic studies were sent in 24 hours, and studies_per_day allows no more: nothing was "
                f"sent; wait, or raise studies_per_day",
            )
        await self._put(_SENT, [*sent, round(now)])

    async def enter(self, uid: str) -> None:
        """Return once it is on disk; only then may the study be sent. Raises CheckFailed if it cannot be."""
        await self._put(_PREFIX + uid, {"at": self._wall(), "absent": False, "look": 0.0})

    async def absent(self, uid: str) -> None:
        """It is not there, as far as we know: look ever more rarely, for a day, in case an import queue is slow."""
        entry = self._memory.get(_PREFIX + uid)
        age = self._wall() - entry["at"]
        if age > DAY:
            await self.forget(uid)
        else:
            await self._put(_PREFIX + uid, {**entry, "absent": True, "look": self._wall() + max(age, 60.0)})

    async def forget(self, uid: str) -> None:
        """It was deleted, or never sent."""
        await self._memory.delete(_PREFIX + uid)

    def _entries(self) -> list[tuple[str, dict[str, Any]]]:
        items = self._memory.items()
        return [(key.removeprefix(_PREFIX), entry) for key, entry in items if key.startswith(_PREFIX)]

    async def _put(self, key: str, value: Any) -> None:
        try:
            await self._memory.put(key, value, keep=True)
        except OSError as error:
            why = error.strerror or str(error)
            raise CheckFailed(
                "broken",
                f"the agent cannot write its journal of synthetic studies ({why}), and without it sends none; "
                f"look at data_dir",
            ) from None
