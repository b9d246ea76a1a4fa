"""What waits to be delivered: one row for each group and integration. Nothing leaves it but what was delivered."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pacs_monitor.notify.notification import DeliveryFailed, Notification, ToldAlert, from_json

FIRST_RETRY, LONGEST_RETRY, REFUSED_RETRY = 1.0, 120.0, 300.0
"""Seconds until what failed is tried again: doubled each time; and once a receiver has refused it for good."""
JITTER = 0.2
Fate = Callable[[str], int | None]
"""When the alert of a fingerprint ended, in milliseconds since 1970; None while it fires."""


@dataclass(slots=True)
class Row:
    """One notification that was not delivered yet."""

    name: str
    """Of the group, the receiver and the integration: there is one row of a name at most."""
    content: Notification
    attempts: int = 0
    done: tuple[str, ...] = ()
    """Addresses that have taken it, while others of the same integration have not."""
    error: str = ""
    reason: str = ""
    refused: bool = False
    """Whether the receiver will not take it until somebody has changed something."""
    due: float = 0.0
    """When it is tried next, on the monotonic clock."""
    sending: bool = False
    following: Notification | None = None
    """What the group has to say by now, while this is being sent."""
    alarmed: bool = False
    """Whether somebody else was told that this cannot be delivered."""
    fallback: bool = False
    """Whether this tells of another that cannot be delivered."""
    since: float = 0.0
    """When it was queued, or last failed, on the monotonic clock."""
    waited: float = 0.0
    """Seconds that it had waited by then: steps of the other clock give nothing up."""

    def age(self, now: float) -> float:
        """For how many seconds it has not been delivered, while the agent ran."""
        return self.waited + now - self.since

    def to_json(self) -> dict[str, Any]:
        """What `restored` takes."""
        return {
            "content": self.content.to_json(),
            "following": self.following.to_json() if self.following is not None else None,
            "attempts": self.attempts,
            "done": list(self.done),
            "error": self.error,
            "reason": self.reason,
            "refused": self.refused,
            "alarmed": self.alarmed,
            "fallback": self.fallback,
            "waited": round(self.waited, 1),
        }

    def failed(
        self, error: DeliveryFailed, now: float, fate: Fate, spread: Callable[[], float] = random.random
    ) -> None:
        """Take note of a failure, and when to try again."""
        self.sending = False
        self.waited, self.since = self.age(now), now
        self.error, self.reason, self.refused = str(error), error.reason, not error.retry
        wait = min(LONGEST_RETRY, FIRST_RETRY * 2 ** min(self.attempts - 1, 16))
        if error.after is not None:
            wait = max(wait, min(error.after, 3600.0))
        if self.refused:
            wait = max(wait, REFUSED_RETRY)
        self.due = now + wait * (1 + JITTER * (2 * spread() - 1))
        if self.following is not None:
            self.replace(self.following, fate)
            self.following = None

    def replace(self, content: Notification, fate: Fate) -> None:
        """Say this instead, and all that is still to be told.

        The key stays only if nobody can have seen it: a receiver that has it would take the new content for a repeat.
        """
        merged = merge(self.content, content, fate)
        key = merged.key if self.attempts else self.content.key
        self.content = replace(merged, key=key, queued_at=self.content.queued_at)
        # Whoever was told that it cannot be delivered does not know of what is new in it.
        self.alarmed = False
        if self.attempts:
            self.done = ()

    def refresh(self, fate: Fate) -> bool:
        """Say of alerts that are over by now that they are. Whether there are any."""
        alerts = tuple(_as_it_is_now(alert, fate(alert.fingerprint)) for alert in self.content.alerts)
        if alerts == self.content.alerts:
            return False
        key = new_key() if self.attempts else self.content.key
        self.content, self.done = replace(self.content, alerts=alerts, key=key), ()
        return True


def restored(name: str, raw: Mapping[str, Any], fate: Fate, now: float) -> Row:
    """A row from before a restart, which is in the file. Raises ValueError, TypeError and KeyError if it is none."""
    content = replace(from_json(raw["content"]), unsaved=False)
    # It may have been under way when the agent ended.
    attempts = max(1, raw["attempts"])
    rest = {key: raw[key] for key in ("error", "reason", "refused", "alarmed", "fallback")}
    row = Row(name, content, attempts, tuple(raw["done"]), since=now, waited=raw.get("waited", 0.0), **rest)
    if raw["following"] is not None:
        row.replace(replace(from_json(raw["following"]), unsaved=False), fate)
    return row


def new_key() -> str:
    """A key that no other notification has."""
    return uuid.uuid4().hex


def merge(undelivered: Notification, later: Notification, fate: Fate) -> Notification:
    """What `later` says, and what of `undelivered` nobody has heard yet."""
    unheard = {alert.fingerprint: alert for alert in undelivered.alerts}
    told = [_with_its_beginning(alert, unheard.pop(alert.fingerprint, None)) for alert in later.alerts]
    left = [_as_it_is_now(alert, fate(alert.fingerprint)) for alert in unheard.values()]
    return replace(later, alerts=(*told, *left))


def _with_its_beginning(alert: ToldAlert, before: ToldAlert | None) -> ToldAlert:
    """An alert of which nobody may have heard yet that it began."""
    if before is None or not (before.new or before.late):
        return alert
    if alert.status == "firing":
        return replace(alert, new=True)
    if before.status == "resolved" and not before.late:
        return alert
    return replace(alert, late=True, starts_at=min(alert.starts_at, before.starts_at))


def _as_it_is_now(alert: ToldAlert, ended: int | None) -> ToldAlert:
    if alert.status == "resolved" or ended is None:
        return alert
    return replace(alert, status="resolved", ends_at=ended, late=alert.new or alert.late)


@dataclass
class Outbox:
    """All rows, by name."""

    rows: dict[str, Row] = field(default_factory=dict)

    def put(self, name: str, content: Notification, now: float, fate: Fate) -> Row:
        """Queue it; if something of this name waits, it is said with it."""
        row = self.rows.get(name)
        if row is None:
            row = self.rows[name] = Row(name, content, due=now, since=now)
        elif row.sending:
            row.following = merge(row.following, content, fate) if row.following is not None else content
        else:
            row.replace(content, fate)
        return row

    def delivered(self, row: Row, now: float) -> Row | None:
        """Take out what was delivered; the row of what the group says by now, if that is more."""
        row.sending = False
        # Of an end that the receiver does not want to hear there is nothing left to say.
        if row.following is None or not row.following.alerts:
            del self.rows[row.name]
            return None
        fresh = self.rows[row.name] = Row(row.name, row.following, due=now, since=now)
        return fresh
