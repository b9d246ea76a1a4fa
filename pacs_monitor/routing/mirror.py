"""What routing must know after a restart: kept in memory, and written to the state file in one transaction a step."""

from __future__ import annotations

import json
import logging
import sqlite3
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as TooLong
from typing import Any, Protocol

from pacs_monitor.routing.mistake import place_of
from pacs_monitor.state import State, StateError, Work
from pacs_monitor.statefile import unusable

log = logging.getLogger(__name__)

LONGEST_COMMIT, LONGEST_WHILE_FAILING = 7.0, 1.0
"""Seconds that delivery waits for the state file (SQLite itself waits 5 for a lock): then it goes on from memory."""
Value = Mapping[str, Any]


class Kept(Protocol):
    """Something that can be written."""

    def to_json(self) -> Value:
        """What is written of it."""
        ...


class Mirror:
    """Rows of (kind, name, value). What could not be written is written with the next step."""

    def __init__(self, state: State, clock: Callable[[], float] = time.monotonic) -> None:
        self.failing = ""
        """Why the last transaction was not known to be written in time; "" while all is well."""
        self._state = state
        self._clock = clock
        self._dirty: dict[tuple[str, str], Kept | Value | None] = {}
        self._late: Future[Any] | None = None
        """What took too long. It may still be written, which does no harm: all of it is written again after it."""

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
        try:
            self._write(self._clock() + (LONGEST_WHILE_FAILING if self.failing else LONGEST_COMMIT))
        except Exception as error:  # noqa: BLE001 - whatever it is, people are told from memory
            why = _said(error)
            if not self.failing:
                log.error("what is to be told is not being saved, and told from memory: %s", why)
            self.failing = why
            if isinstance(error, TooLong) and not self._state.failing:
                self._state.failing = why  # until the writer has written again
            return False
        if self.failing:
            log.warning("what is to be told is being saved again")
        self.failing = ""
        self._dirty.clear()
        return True

    def _write(self, until: float) -> None:
        # One at a time: a disk that hangs for an hour would gather thousands of copies.
        if self._late is not None:
            self._late.exception(max(0.0, until - self._clock()))
        self._late = None
        future = self._state.submit(self._work())
        try:
            future.result(max(0.0, until - self._clock()))
        except TooLong:
            self._late = future
            raise

    def _work(self) -> Work:
        site = self._state.site
        rows = [
            (site, kind, _safe(name), _text(value)) for (kind, name), value in self._dirty.items() if value is not None
        ]
        gone = [(site, kind, _safe(name)) for (kind, name), value in self._dirty.items() if value is None]

        def work(connection: sqlite3.Connection) -> None:
            connection.executemany("DELETE FROM routing WHERE site = ? AND kind = ? AND name = ?", gone)
            connection.executemany("INSERT OR REPLACE INTO routing VALUES (?, ?, ?, ?)", rows)

        return work

    def unreadable(self, error: Exception) -> StateError:
        """The complaint about a value that is none of ours; not its words, which may hold a patient's name."""
        what = sqlite3.DatabaseError(f"what routes keep in it cannot be read: {place_of(error)}")
        return StateError(unusable(self._state.path, what))

    def load(self) -> dict[str, dict[str, Any]]:
        """All values by kind and name. Raises StateError and ValueError."""
        found: dict[str, dict[str, Any]] = {}
        for kind, name, text in self._state.load_routing():
            found.setdefault(kind, {})[name] = json.loads(text)
        return found


def _said(error: Exception) -> str:
    """SQLite's words, which hold nothing of what is written; of a mistake of ours only its kind."""
    if isinstance(error, TooLong):
        return "writing takes too long"
    return str(error) if isinstance(error, sqlite3.Error) else f"a mistake of pacs-monitor ({type(error).__name__})"


def _text(value: Kept | Value) -> str:
    raw = value if isinstance(value, Mapping) else value.to_json()
    return _safe(json.dumps(raw, ensure_ascii=False, separators=(",", ":")))


def _safe(text: str) -> str:
    """Without halves of letters, which JSON from elsewhere may hold and SQLite does not take."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
