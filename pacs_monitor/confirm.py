"""Results to confirmed states: a check is down after `down_after` failures in a row, and not before."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from pacs_monitor.results import Record, Results
from pacs_monitor.settings import Key
from pacs_monitor.state import State


@dataclass(slots=True)
class Confirmed:
    """The confirmed state of one check. Times are Unix times in seconds."""

    healthy: bool | None = None
    """None before the first verdict."""
    since: float = 0.0
    """When it became so."""
    streak: int = 0
    """How many runs in a row have said otherwise (or, before the first verdict, have failed)."""
    as_of: float = 0.0
    """The last run, or until when the agent is known to have watched before a restart."""
    stale_saved: bool = False


Listener = Callable[[Record, Confirmed], None]
Row = tuple[Key, bool | None, float, float | None, float | None, bool]
"""(key, healthy, since, last run, last success, stale)"""


class Confirmation:
    """Confirmed states of all checks, persisted at each change."""

    def __init__(self, results: Results, state: State | None, wall: Callable[[], float] = time.time) -> None:
        self._results = results
        self._state = state
        self._wall = wall
        self._stored: dict[Key, dict[str, Any]] = state.load_confirmed() if state else {}
        self.states: dict[Key, Confirmed] = {}
        self._unsaved: set[Key] = set()
        self.listeners: list[Listener] = []
        """Called after each change of a confirmed state."""
        results.listeners.append(self.take)

    def configure(self) -> None:
        """Follow the results' configuration: forget what is gone, restore what was known before a restart."""
        records = self._results.records
        for key in [key for key in self.states if key not in records]:
            del self.states[key]
        for key, record in records.items():
            if key not in self.states:
                self.states[key] = self._restore(record)
            self._export(record, self.states[key])
        # A check that comes back later begins anew: its row is gone from the file by then.
        self._stored.clear()

    def _restore(self, record: Record) -> Confirmed:
        stored = self._stored.pop(record.key, None)
        if stored is None:
            return Confirmed()
        record.last_success = record.last_success or stored["last_success"]
        # A clock that was set back must not make an old state look new.
        as_of = min(stored["as_of"] or 0.0, self._wall())
        return Confirmed(stored["healthy"], stored["since"], as_of=as_of)

    def take(self, record: Record) -> None:
        """A result has come."""
        confirmed = self.states.get(record.key)
        if confirmed is None or record.last_run is None:
            return
        confirmed.as_of = record.last_run
        confirmed.stale_saved = False
        up = record.up
        if up is confirmed.healthy:
            confirmed.streak = 0
            return
        if confirmed.healthy is None and up:
            confirmed.streak = 0
        else:
            confirmed.streak += 1
        check = record.configured.check
        if confirmed.streak >= (check.up_after if up else check.down_after) or (up and confirmed.healthy is None):
            confirmed.healthy, confirmed.since, confirmed.streak = up, record.last_run, 0
            self._export(record, confirmed)
            self._save([self._row(record, confirmed)])
            for listener in self.listeners:
                listener(record, confirmed)

    def is_stale(self, record: Record, now: float) -> bool:
        """Whether the check has given nothing for 3 intervals and its timeout: then its state is not to be trusted."""
        check, confirmed = record.configured.check, self.states[record.key]
        # A clock that was set back must not keep a state fresh.
        confirmed.as_of = min(confirmed.as_of, now)
        return now - confirmed.as_of > 3 * check.interval + check.effective_timeout

    def save_alive(self) -> None:
        """Note that the agent watches: after a kill, states count as known until now. Every few seconds."""
        if self._state is None:
            return
        now = self._wall()
        rows = []
        for key, confirmed in self.states.items():
            record = self._results.records[key]
            if confirmed.healthy is not None and not confirmed.stale_saved and self.is_stale(record, now):
                confirmed.stale_saved = True
                rows.append((*self._row(record, confirmed)[:-1], True))
        unsaved, self._unsaved = self._unsaved, set()
        told = {row[0] for row in rows}
        rows += [
            self._row(self._results.records[key], self.states[key])
            for key in unsaved
            if key not in told and key in self.states
        ]
        self._save(rows)
        self._state.submit(self._state.save_fact("alive", repr(now)))

    def _save(self, rows: list[Row]) -> None:
        """Write these rows; those that could not be written are tried again with the next sign of life."""
        if self._state is None or not rows:
            return

        def written(done: Future[Any]) -> None:
            # Called by the writer's thread; the next sign of life takes the set away whole.
            if done.exception() is not None:
                self._unsaved = self._unsaved | {row[0] for row in rows}

        self._state.submit(self._state.save_confirmed(rows)).add_done_callback(written)

    def save_all(self) -> None:
        """Write every state, at the end."""
        if self._state is None:
            return
        rows = [
            self._row(self._results.records[key], confirmed)
            for key, confirmed in self.states.items()
            if confirmed.healthy is not None
        ]
        self._state.submit(self._state.save_confirmed(rows))
        self._state.submit(self._state.save_fact("alive", repr(self._wall())))

    def _row(self, record: Record, confirmed: Confirmed) -> Row:
        return (
            record.key,
            confirmed.healthy,
            confirmed.since,
            confirmed.as_of,
            record.last_success,
            confirmed.stale_saved,
        )

    def _export(self, record: Record, confirmed: Confirmed) -> None:
        value = None if confirmed.healthy is None else float(confirmed.healthy)
        self._results.set_flag(record, "pacs_check_healthy", value)
        if record.last_success is not None:
            self._results.set_flag(record, "pacs_check_last_success_timestamp_seconds", record.last_success)
