"""What waits to be delivered: it is tried, put off, taken, told to others, or given up. Nothing goes in silence."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from pacs_monitor.notify.notification import DeliveryFailed, Notification
from pacs_monitor.routing import outbox as outboxes
from pacs_monitor.routing.definitions import Integration, Receiver, Routing
from pacs_monitor.routing.mirror import Mirror
from pacs_monitor.routing.notificationlog import NotificationLog, instead_of
from pacs_monitor.routing.outbox import Fate, Outbox, Row
from pacs_monitor.routing.stages import Moment
from pacs_monitor.routing.stuck import KEPT_FOR, look_for_stuck
from pacs_monitor.routing.timers import Timers

log = logging.getLogger(__name__)

ROW = "outbox"
Integrations = Callable[[Receiver, int], Iterable[tuple[str, Integration]]]
"""Whom a receiver means at a time (milliseconds since 1970), by the names that logs and rows have for them."""


def reached(receiver: Receiver, at: int) -> Iterator[tuple[str, Integration]]:
    """Whom a receiver means by itself."""
    return receiver.reached(at)


class Deliveries:
    """The outbox, and what becomes of it in the notification log."""

    def __init__(self, mirror: Mirror, fate: Fate) -> None:
        self.integrations: Integrations = reached
        self.fallback = ""
        """The receiver that hears of what cannot be delivered to others; "" finds one."""
        self.external_url = ""
        self._told = NotificationLog(mirror)
        self.log = self._told.entries
        self.outbox = Outbox()
        self.abandoned = 0
        """Notifications that were given up: their receiver was taken out, or five days had passed."""
        self.routing: Routing
        self._mirror = mirror
        self._fate = fate
        self._retries = Timers()
        self._fresh: set[str] = set()
        """Rows that say what is not in the file yet."""

    def restore(self, entries: Mapping[str, Any], rows: Mapping[str, Any], at: Moment) -> None:
        """Take in what is known from before a restart. Raises ValueError, TypeError and KeyError."""
        self._told.restore(entries, at)
        for name, raw in rows.items():
            row = self.outbox.rows[name] = outboxes.restored(name, raw, self._fate, at.mono)
            self._try_at(row, at.mono)

    def follow(self, routing: Routing) -> None:
        """Tell the receivers of this from now on."""
        self.routing = routing
        for row in list(self.outbox.rows.values()):
            if self._receiver(row) is None and not row.sending:
                self.abandon(row, "its receiver was taken out")

    def queue(self, name: str, content: Notification, at: Moment) -> None:
        """Have something be told that is not in the log."""
        self._queue(name, replace(content, external_url=self.external_url), at)

    def _queue(self, name: str, content: Notification, at: Moment) -> Row:
        row = self.outbox.put(name, content, at.mono, self._fate)
        self._changed(row)
        if not row.sending:
            self._try_at(row, row.due)
        return row

    # Delivery.

    def next(self) -> float | None:
        """When something can be tried, on the monotonic clock."""
        return self._retries.next()

    def take_due(self, at: Moment) -> list[Row]:
        """What can be delivered now. Whoever takes it delivers it, or puts it off."""
        rows = [self.outbox.rows[name] for name in self._retries.take(at.mono) if name in self.outbox.rows]
        return [row for row in rows if not row.sending]

    def waits(self, row: Row) -> bool:
        """Whether a row that was taken is still to be delivered."""
        return self._is_here(row) and not row.sending

    def put_off(self, row: Row, due: float) -> None:
        """Have it be tried later."""
        self._try_at(row, due)

    def integration(self, row: Row, at: Moment) -> Integration | None:
        """How a row's receiver is reached; None if that was taken out."""
        receiver = self._receiver(row)
        if receiver is None:
            return None
        # Whoever was on call when it was queued is told, whoever is by now.
        every = (*self.integrations(receiver, at.wall), *receiver.named())
        return next((one for name, one in every if name == row.content.integration), None)

    def written(self, saved: bool) -> None:
        """Whether all is in the file by now; what is not, is marked, as it may come twice, or never again."""
        for name in self._fresh:
            row = self.outbox.rows.get(name)
            # A try that was made has been seen: it is said again as it was.
            if row is not None and not row.sending and not (saved and row.attempts):
                row.content = replace(row.content, unsaved=not saved)
        if saved:
            self._fresh.clear()

    def delivered(self, row: Row, answer: str, took: float, at: Moment) -> None:
        """A receiver has taken it."""
        self._attempted(row, {"at": at.wall, "took": round(took, 3), "answer": answer, "reason": ""}, at.wall)
        if not self._is_here(row):
            return
        following = self.outbox.delivered(row, at.mono)
        if following is None:
            self._mirror.drop(ROW, row.name)
        else:
            self._changed(following)
            self._try_at(following, following.due)

    def failed(self, row: Row, error: DeliveryFailed, took: float, at: Moment) -> None:
        """A receiver has not taken it."""
        self._attempted(row, {"at": at.wall, "took": round(took, 3), "answer": str(error), "reason": error.reason})
        if not self._is_here(row):
            return
        row.done = tuple(dict.fromkeys((*row.done, *getattr(error, "delivered", ()))))
        row.failed(error, at.mono, self._fate)
        self._mirror.put(ROW, row.name, row)
        self._try_at(row, row.due)

    def give_up(self, row: Row) -> None:
        """Take out what cannot be delivered as there is nobody to deliver it to."""
        self.abandon(row, "it has no such integration any more")

    def _is_here(self, row: Row) -> bool:
        """Whether it was not taken out meanwhile, and another of its name put in."""
        return self.outbox.rows.get(row.name) is row

    def _changed(self, row: Row) -> None:
        self._fresh.add(row.name)
        self._mirror.put(ROW, row.name, row)

    def _attempted(self, row: Row, attempt: dict[str, Any], delivered_at: int | None = None) -> None:
        self._told.attempted(row.name, attempt, delivered_at)

    def _try_at(self, row: Row, due: float) -> None:
        row.due = due
        self._retries.set(row.name, due)

    # What cannot be delivered: what `stuck` asks for.

    def tidy(self, at: Moment, alive: Callable[[str], bool]) -> None:
        """Alarm of what is stuck, and forget what is old; `alive` tells of a name whether there is such a group."""
        look_for_stuck(self, at)
        for name in self._told.older(at.mono - KEPT_FOR / 1000):
            if not alive(name.partition("\n")[0]):
                self._told.drop(name)

    def rows(self) -> list[Row]:
        """All that waits."""
        return list(self.outbox.rows.values())

    def ways(self, at: Moment) -> Iterator[tuple[str, str]]:
        """To whom it can go instead: as configured, then whom the root route names, then anybody."""
        every = [one.name for one in self.routing.receivers]
        for name in dict.fromkeys((self.fallback, self.routing.route.receiver, *every)):
            if name in every:
                yield from ((name, way) for way, _ in self.integrations(self.routing.receiver(name), at.wall))

    def note(self, row: Row) -> None:
        """Write a row."""
        self._mirror.put(ROW, row.name, row)

    def refresh(self, row: Row) -> None:
        """Have a row that no group follows up say what is by now."""
        if row.refresh(self._fate):
            self._changed(row)

    def tell_instead(self, row: Row, content: Notification, at: Moment) -> None:
        """Queue what tells of a row that cannot be delivered."""
        name = instead_of(row.name, content.receiver, content.integration)
        if self._told.note_instead(name, content, row.content.queued_at, at):
            self._queue(name, content, at).fallback = True

    def abandon(self, row: Row, why: str) -> None:
        """Take a row out, not in silence."""
        self.abandoned += 1
        content = row.content
        names = ", ".join(sorted({alert.labels.get("alertname", "") for alert in content.alerts}))
        log.error("given up for %s (%s): %s: %s", content.receiver, content.integration, names, why)
        self.outbox.rows.pop(row.name, None)
        self._retries.forget(row.name)
        self._mirror.drop(ROW, row.name)
        # If it still fires, whoever takes the receiver's place hears of it.
        self._told.drop(row.name)

    def _receiver(self, row: Row) -> Receiver | None:
        try:
            return self.routing.receiver(row.content.receiver)
        except KeyError:
            return None
