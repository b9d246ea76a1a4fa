"""The main process's side of memory: what checks keep, on disk and as the copy that a new worker is handed."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from pacs_monitor.settings import Key
from pacs_monitor.state import Kept, State


class Keeping:
    """What all checks keep."""

    def __init__(self, state: State | None) -> None:
        """Raises StateError."""
        self._state = state
        self._kept: dict[Key, dict[str, Kept]] = state.load_memory() if state else {}

    def of(self, check: Key) -> dict[str, Any]:
        """What a check keeps."""
        return {key: value for key, (value, _) in self._kept.get(check, {}).items()}

    async def commit(self, check: Key, key: str, value: str | None, keep: bool) -> str:
        """Put a key's JSON text, or take the key out with None; "" once it is on disk, else why it is not."""
        if self._state is None:
            return "there is no state file; start the agent first, and probe as its user"
        try:
            await self._state.run(self._state.remember(check, key, value, keep))
        except (sqlite3.Error, ValueError) as failure:
            return str(failure)
        known = self._kept.setdefault(check, {})
        if value is None:
            known.pop(key, None)
        else:
            known[key] = (json.loads(value), keep)
        return ""

    def forget(self, configured: set[Key]) -> None:
        """Checks left the configuration: what the state file forgets of them is forgotten here, too."""
        for check in [check for check in self._kept if check not in configured]:
            staying = {key: kept for key, kept in self._kept[check].items() if kept[1]}
            if staying:
                self._kept[check] = staying
            else:
                del self._kept[check]
