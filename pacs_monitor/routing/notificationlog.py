"""What everybody was told: by group, receiver and integration, and of those who heard instead of one that is stuck."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from pacs_monitor.notify.notification import Notification
from pacs_monitor.routing import telling
from pacs_monitor.routing.definitions import Routing
from pacs_monitor.routing.mirror import Mirror
from pacs_monitor.routing.stages import Moment
from pacs_monitor.routing.telling import Entry

ENTRY = "log"
MOST_ATTEMPTS_KEPT = 20
_INSTEAD = "fallback"


def name_of(group: str, receiver: str, integration: str) -> str:
    """What an entry, and what waits in the outbox, is called."""
    return "\n".join((group, receiver, integration))


def instead_of(name: str, receiver: str, integration: str) -> str:
    """The same of who is told as another cannot be."""
    return "\n".join((name, _INSTEAD, receiver, integration))


def whom(name: str) -> tuple[str, str]:
    """The receiver and the integration that a name ends with."""
    receiver, integration = name.split("\n")[-2:]
    return receiver, integration


class NotificationLog:
    """Entries by name."""

    def __init__(self, mirror: Mirror) -> None:
        self.entries: dict[str, Entry] = {}
        self._mirror = mirror
        self._instead: dict[str, set[str]] = {}

    def restore(self, raw: Mapping[str, Any], at: Moment) -> None:
        """Take in what is known from before a restart. Raises TypeError and KeyError."""
        for name, value in raw.items():
            self._put(name, telling.restored(value, at.wall, at.mono))

    def note(self, name: str, entry: Entry) -> None:
        """Somebody is told this."""
        before = self.entries.get(name)
        if before is not None:
            entry.delivered_at, entry.attempts = before.delivered_at, before.attempts
        self._put(name, entry)
        self._mirror.put(ENTRY, name, entry)

    def attempted(self, name: str, attempt: dict[str, Any], delivered_at: int | None) -> None:
        """Somebody has taken it, or has not."""
        entry = self.entries.get(name)
        if entry is None:
            return
        entry.attempts = [*entry.attempts[1 - MOST_ATTEMPTS_KEPT :], attempt]
        entry.delivered_at = delivered_at or entry.delivered_at
        self._mirror.put(ENTRY, name, entry)

    def drop(self, name: str) -> None:
        """Forget all of it."""
        if self.entries.pop(name, None) is not None:
            self._mirror.drop(ENTRY, name)

    def hearing_instead(self, name: str) -> list[str]:
        """Entries of those who were told as this one could not be."""
        return sorted(one for one in self._instead.get(name, ()) if one in self.entries)

    def note_instead(self, name: str, content: Notification, since: int, at: Moment) -> bool:
        """Somebody is to be told this instead; False if that was done since a time in milliseconds since 1970."""
        firing = frozenset(one.fingerprint for one in content.alerts if one.status == "firing")
        over = frozenset(one.fingerprint for one in content.alerts) - firing
        known = self.entries.get(name) or Entry()
        if known.queued_at >= since and firing <= known.firing and over <= known.resolved:
            return False
        knows, knows_over = known.firing - over | firing, known.resolved - firing | over
        self.note(name, Entry(knows, knows_over, at.wall, told_since=at.mono))
        return True

    def forget(self, name: str, fingerprints: Collection[str]) -> None:
        """Have these be news, for it and for who hears instead."""
        for one in (name, *self.hearing_instead(name)):
            entry = self.entries.get(one)
            if entry is not None and not entry.firing.isdisjoint(fingerprints):
                entry.firing -= frozenset(fingerprints)
                self._mirror.put(ENTRY, one, entry)

    def forget_strangers(self, routing: Routing, alive: Callable[[str], bool]) -> None:
        """Have all be news of groups and ways to people that rules of `notify` no longer have: they may come back."""
        if not any(route.rule for route in routing.route.routes):
            return
        ways = {one.name: {way for way, _ in one.named()} for one in routing.receivers}
        for name, entry in self.entries.items():
            group, receiver, way = name.split("\n")[:3]
            if not alive(group) or way not in ways.get(receiver, ()):
                self.forget(name, entry.firing)

    def older(self, than: float) -> Iterator[str]:
        """Names of what was told before a time on the monotonic clock."""
        yield from [name for name, entry in self.entries.items() if entry.told_since < than]

    def _put(self, name: str, entry: Entry) -> None:
        self.entries[name] = entry
        of, instead, _ = name.partition(f"\n{_INSTEAD}\n")
        if instead:
            self._instead.setdefault(of, set()).add(name)
