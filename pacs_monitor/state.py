"""The SQLite file: what must outlive a restart. One writer thread, and nothing on the loop waits for it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import queue
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

from pacs_monitor.settings import Key
from pacs_monitor.statefile import MIGRATIONS, StateError, identity, is_the_files_fault, open_file, unusable

__all__ = ["MIGRATIONS", "Kept", "State", "StateError", "Work"]

log = logging.getLogger(__name__)

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], Any]
Kept = tuple[Any, bool]
"""A value that a check keeps, and whether it stays when the check is taken out."""

_GONE = "the file was deleted, moved or replaced; put it back, or restart pacs-monitor, which then begins anew"

_Job = tuple[Work, Future[Any]]


class State:
    """Opens or makes the file. Every change is a function on the connection; those that wait share a transaction."""

    def __init__(self, path: Path, site: str) -> None:
        """Raises StateError."""
        self.path = path
        self.site = site
        self.failing = ""
        """Why the last transaction failed; "" while all is well."""
        self._queue: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._closing = False
        self._thread = threading.Thread(target=self._write, name="state", daemon=True)
        self._connection = open_file(path)
        self._opened = identity(path)
        self._thread.start()

    def submit(self, work: Callable[[sqlite3.Connection], T]) -> Future[T]:
        """Have a function run in the next transaction; the future is done once that is committed or has failed."""
        future: Future[T] = Future()
        if self._closing:
            future.set_exception(sqlite3.ProgrammingError("the state file is closed"))
        else:
            self._queue.put((work, future))
        return future

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """As `submit`, awaited. Raises sqlite3.Error."""
        return await asyncio.wrap_future(self.submit(work))

    def close(self, timeout: float = 2.0) -> bool:
        """Write what is queued and close. False if that took longer than `timeout` seconds."""
        self._closing = True
        self._queue.put(None)
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _write(self) -> None:
        while True:
            batch = [self._queue.get()]
            while batch[-1] is not None and not self._queue.empty():
                batch.append(self._queue.get())
            # From here on nobody can take a job back.
            jobs = [job for job in batch if job is not None and job[1].set_running_or_notify_cancel()]
            while jobs:
                jobs = self._commit(jobs)
            if batch[-1] is None:
                self._connection.close()
                return

    def _commit(self, jobs: list[_Job]) -> list[_Job]:
        """All in one transaction, or all fail: each is small, and the next try is the caller's.

        Returns what is to be tried again: the others, if one failed by a mistake of its own.
        """
        answers: list[Any] = []
        try:
            self._look()
            self._connection.execute("BEGIN IMMEDIATE")
            for work, _ in jobs:
                answers.append(work(self._connection))
            self._connection.execute("COMMIT")
        except Exception as error:  # noqa: BLE001 - carried over to whoever submitted it, and the writer lives on
            with contextlib.suppress(sqlite3.Error):  # SQLite may have done it by itself
                self._connection.execute("ROLLBACK")
            if len(answers) < len(jobs) and not is_the_files_fault(error):
                jobs[len(answers)][1].set_exception(error)
                return [*jobs[: len(answers)], *jobs[len(answers) + 1 :]]
            if not self.failing:
                log.error("state is not being saved: %s: %s", self.path, error)
            self.failing = str(error)
            for _, future in jobs:
                future.set_exception(error)
            return []
        if self.failing:
            log.warning("state is being saved again: %s", self.path)
        self.failing = ""
        for (_, future), answer in zip(jobs, answers, strict=True):
            future.set_result(answer)
        return []

    def _look(self) -> None:
        """Raise sqlite3.OperationalError if another file is at the path, or none: SQLite would write to nowhere."""
        if identity(self.path) != self._opened:
            raise sqlite3.OperationalError(_GONE)

    def _load(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """What a function reads, at once. Raises StateError."""
        try:
            return self.submit(work).result(timeout=30)
        except (sqlite3.Error, TimeoutError, ValueError) as error:
            raise StateError(unusable(self.path, error)) from None

    # What is kept. Each returns a function for `submit` or `run`.

    def load_confirmed(self) -> dict[Key, dict[str, Any]]:
        """Confirmed states by check, with `as_of`: until when the agent is known to have watched."""

        def work(connection: sqlite3.Connection) -> dict[Key, dict[str, Any]]:
            row = connection.execute("SELECT value FROM facts WHERE name = 'alive'").fetchone()
            alive = float(row[0]) if row else 0.0
            rows = connection.execute(
                "SELECT node, check_name, healthy, since, last_run, last_success, stale FROM confirmed WHERE site = ?",
                (self.site,),
            )
            return {
                (node, check): {
                    "healthy": None if healthy is None else bool(healthy),
                    "since": since,
                    "last_run": last_run,
                    "last_success": last_success,
                    "as_of": last_run if stale else max(alive, last_run or 0.0),
                }
                for node, check, healthy, since, last_run, last_success, stale in rows
            }

        return self._load(work)

    def save_confirmed(self, rows: list[tuple[Key, bool | None, float, float | None, float | None, bool]]) -> Work:
        """Rows of (key, healthy, since, last run, last success, stale)."""
        values = [(self.site, *key, *rest) for key, *rest in rows]

        def work(connection: sqlite3.Connection) -> None:
            connection.executemany("INSERT OR REPLACE INTO confirmed VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)

        return work

    def save_fact(self, name: str, value: str) -> Work:
        """One line of text under a name, such as when the agent was last known to be alive."""

        def work(connection: sqlite3.Connection) -> None:
            connection.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))

        return work

    def load_fact(self, name: str) -> str | None:
        """The text under a name."""

        def work(connection: sqlite3.Connection) -> str | None:
            row = connection.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
            return row[0] if row else None

        return self._load(work)

    def load_routing(self) -> list[tuple[str, str, str]]:
        """What routing keeps: kind, name and JSON text."""

        def work(connection: sqlite3.Connection) -> list[tuple[str, str, str]]:
            rows = connection.execute("SELECT kind, name, value FROM routing WHERE site = ?", (self.site,))
            return rows.fetchall()

        return self._load(work)

    def load_memory(self) -> dict[Key, dict[str, Kept]]:
        """What the checks keep, by check and key."""

        def work(connection: sqlite3.Connection) -> dict[Key, dict[str, Kept]]:
            kept: dict[Key, dict[str, Kept]] = {}
            rows = connection.execute(
                "SELECT node, check_name, key, value, keep FROM memory WHERE site = ?", (self.site,)
            )
            for node, check, key, value, keep in rows:
                kept.setdefault((node, check), {})[key] = (json.loads(value), bool(keep))
            return kept

        return self._load(work)

    def remember(self, check: Key, key: str, value: str | None, keep: bool) -> Work:
        """Put a key's JSON text, or take the key out with None."""

        def work(connection: sqlite3.Connection) -> None:
            if value is None:
                connection.execute(
                    "DELETE FROM memory WHERE site = ? AND node = ? AND check_name = ? AND key = ?",
                    (self.site, *check, key),
                )
            else:
                connection.execute(
                    "INSERT OR REPLACE INTO memory VALUES (?, ?, ?, ?, ?, ?)", (self.site, *check, key, value, keep)
                )

        return work

    def prune(self, configured: set[Key]) -> Work:
        """Drop what belongs to checks that are not configured any more; the function returns what stays of them.

        Entries marked `keep` (a journal of synthetic studies, say) stay until their check takes them out.
        """

        def work(connection: sqlite3.Connection) -> list[tuple[str, str, int]]:
            for table, condition in (("confirmed", ""), ("memory", " AND keep = 0")):
                found = connection.execute(
                    f"SELECT DISTINCT node, check_name FROM {table} WHERE site = ?", (self.site,)
                )
                gone = [(self.site, *key) for key in found if tuple(key) not in configured]
                connection.executemany(
                    f"DELETE FROM {table} WHERE site = ? AND node = ? AND check_name = ?{condition}", gone
                )
            rows = connection.execute(
                "SELECT node, check_name, count(*) FROM memory WHERE site = ? GROUP BY node, check_name", (self.site,)
            )
            return [(node, check, count) for node, check, count in rows if (node, check) not in configured]

        return work
