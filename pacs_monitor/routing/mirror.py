"""What routing must know after a restart: kept in memory, and written to the state file in one transaction a step."""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Mapping
from concurrent.futures import TimeoutError as TooLong
from typing import Any, Protocol

from pacs_monitor.state import State

log = logging.getLogger(__name__)

LONGEST_COMMIT = 7.0
"""Seconds that delivery waits for the state file (SQLite itself waits 5 for a lock): then it goes on from memory."""
Value = Mapping[str, Any]


class Kept(Protocol):
    """Something that can be written."""

    def to_json(self) -> Value:
        """What is written of it."""
        ...


class Mirror:
    """Rows of (kind, name, value). What could not be written is written with the next step."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._dirty: dict[tuple[str, str], Kept | Value | None] = {}

    def put(self, kind: str, name: str, value: Kept | Value) -> None:
        """Write this with the next commit, as it is by then."""
        self._dirty[kind, name] = value

    def drop(self, kind: str, name: str) -> None:
        """Take it out with the next commit."""
        self._dirty[kind, name] = None

    @property
    def dirty(self) -> bool:
        """Whether there is anything to write."""
        return bool(self._dirty)

    def commit(self) -> bool:
        """Write all in one transaction. False if that failed or took too long."""
        if not self._dirty:
            return True
        changes, self._dirty = self._dirty, {}
        site = self._state.site
        rows = [(site, kind, name, _text(value)) for (kind, name), value in changes.items() if value is not None]
        gone = [(site, kind, name) for (kind, name), value in changes.items() if value is None]

        def work(connection: sqlite3.Connection) -> None:
            connection.executemany("DELETE FROM routing WHERE site = ? AND kind = ? AND name = ?", gone)
            connection.executemany("INSERT OR REPLACE INTO routing VALUES (?, ?, ?, ?)", rows)

        try:
            self._state.submit(work).result(LONGEST_COMMIT)
        except (sqlite3.Error, TooLong) as error:
            log.error("what is to be told is not being saved, and told from memory: %s", _said(error))
            self._dirty = {**changes, **self._dirty}
            return False
        return True

    def load(self) -> dict[str, dict[str, Any]]:
        """All values by kind and name. Raises StateError."""
        found: dict[str, dict[str, Any]] = {}
        for kind, name, text in self._state.load_routing():
            found.setdefault(kind, {})[name] = json.loads(text)
        return found


def _said(error: Exception) -> str:
    return "writing takes too long" if isinstance(error, TooLong) else str(error)


def _text(value: Kept | Value) -> str:
    raw = value if isinstance(value, Mapping) else value.to_json()
    return json.dumps(raw, ensure_ascii=False, separators=(",", ":"))
