"""Results to confirmed states: a check is down after `down_after` failures in a row, and not before.

Where a switch fails, what is behind it may be checked more often than the switch. So a check that is reached through
others is confirmed down only when their next runs have told whether it is they that have failed.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Protocol

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
    failing_from: float = 0.0
    """When the first of the failures in a row had ended."""
    as_of: float = 0.0
    """The last run, or until when the agent is known to have watched before a restart."""
    stale_saved: bool = False


Listener = Callable[[Record, Confirmed], None]
Row = tuple[Key, bool | None, float, float | None, float | None, bool]
"""(key, healthy, since, last run, last success, stale)"""

HOLD = 600.0
"""For how long, in seconds, a check waits to be confirmed down until its network parents are known to work or not."""


class Parents(Protocol):
    """What is known of the network parents of a check."""

    def in_doubt(self, record: Record, since: float) -> bool:
        """Whether they may be what has failed, as none of their runs since then has told."""

    def is_one(self, record: Record) -> bool:
        """Whether anything is reached through the check's node."""


def progress(record: Record, confirmed: Confirmed) -> str:
    """On a check that fails and is not down: `failing 2 of 5`, or for which network parents it waits."""
    streak, enough = confirmed.streak, record.configured.check.down_after
    if streak >= enough and record.node and record.up is False:
        return f"failing; awaiting {' and '.join(record.node.reached_through)}"
    return f"failing {streak} of {enough}"


class Confirmation:
    """Confirmed states of all checks, persisted at each change."""

    def __init__(self, results: Results, state: State | None, wall: Callable[[], float] = time.time) -> None:
        self._results = results
        self._state = state
        self._wall = wall
        self._stored: dict[Key, dict[str, Any]] = state.load_confirmed() if state else {}
        self.states: dict[Key, Confirmed] = {}
        self._unsaved: set[Key] = set()
        self._held: dict[Key, float] = {}
        self.parents: Parents | None = None
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
        self._held = {key: since for key, since in self._held.items() if key in records}
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
        if record.up is confirmed.healthy:
            confirmed.streak = 0
        else:
            self._count(record, confirmed, record.up)
        if self._held:
            if record.up:
                self._held.pop(record.key, None)
            if self.parents is not None and self.parents.is_one(record):
                self.review()

    def _count(self, record: Record, confirmed: Confirmed, up: bool | None) -> None:
        """A run has said otherwise than the confirmed state, or there is none yet."""
        confirmed.streak = 0 if confirmed.healthy is None and up else confirmed.streak + 1
        if confirmed.streak == 1:
            confirmed.failing_from = (record.last_run or 0.0) + record.duration
        check = record.configured.check
        if up and (confirmed.healthy is None or (not confirmed.healthy and confirmed.streak >= check.up_after)):
            self._confirm(record, confirmed, record.last_run or 0.0)
        elif not up and confirmed.healthy is not False and confirmed.streak >= check.down_after:
            if self._may_be_the_parents(record, confirmed):
                self._held.setdefault(record.key, self._wall())
            else:
                # What waited is down from now on: after its parents, which is what tells after a restart.
                waited = self._held.pop(record.key, None) is not None
                self._confirm(record, confirmed, self._wall() if waited else record.last_run or 0.0)

    def review(self) -> None:
        """Confirm what waited for its network parents and need wait no more; after their runs, and now and then."""
        now = self._wall()
        for key, since in list(self._held.items()):
            record, confirmed = self._results.records[key], self.states[key]
            if not 0 <= now - since < HOLD or not self._may_be_the_parents(record, confirmed):
                del self._held[key]
                self._confirm(record, confirmed, now)

    def _may_be_the_parents(self, record: Record, confirmed: Confirmed) -> bool:
        return self.parents is not None and self.parents.in_doubt(record, confirmed.failing_from)

    def _confirm(self, record: Record, confirmed: Confirmed, since: float) -> None:
        confirmed.healthy, confirmed.since, confirmed.streak = record.up, since, 0
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
