"""Silences that are about to end while what they silence still fires: whoever would be told is told of that once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from pacs_monitor.notify.notification import Notification
from pacs_monitor.notify.words import LANGUAGES, moment_in_words
from pacs_monitor.routing import outbox, routed, telling
from pacs_monitor.routing.definitions import Email, Integration
from pacs_monitor.routing.groups import Group
from pacs_monitor.routing.mirror import Mirror
from pacs_monitor.routing.routed import RoutedAlert
from pacs_monitor.routing.silences import Silence
from pacs_monitor.routing.stages import Moment

if TYPE_CHECKING:
    from pacs_monitor.routing.engine import Engine

REMINDED = "reminded"
BEFORE, LONG = 15 * 60_000, 3_600_000
"""Milliseconds before its end, and how long a silence must last to be worth it."""
_NOTES = {
    "en": "The silence “{comment}” by {by} ends at {time}, and this still fires: extend it, or you are told again "
    "then.",
    "de": "Die Stummschaltung „{comment}“ von {by} endet um {time}, und das hier besteht noch: verlängern Sie sie, "
    "sonst wird es dann wieder gemeldet.",
}


class Reminders:
    """Which silences somebody was reminded of, by id: until when they were to last."""

    def __init__(self, mirror: Mirror, known: Mapping[str, Any]) -> None:
        self._mirror = mirror
        self._reminded: dict[str, int] = {id: raw["ends_at"] for id, raw in known.items()}

    def look(self, engine: Engine, at: Moment) -> None:
        """Remind of those that end soon; of one that was extended meanwhile anew."""
        present = {silence.id: silence for silence in engine.silences}
        for id in [id for id in self._reminded if id not in present]:
            del self._reminded[id]
            self._mirror.drop(REMINDED, id)
        for silence in present.values():
            if _ends_soon(silence, at.wall) and self._reminded.get(silence.id) != silence.ends_at:
                self._remind(engine, silence, at)

    def _remind(self, engine: Engine, silence: Silence, at: Moment) -> None:
        alerts = [alert for alert in engine.alerts.values() if not alert.resolved(at.mono) and _is_of(silence, alert)]
        for name, content in _notifications(engine, silence, alerts, at):
            engine.teller.queue(name, content, at)
            # Without anybody to tell it is looked at again: an alert may still come.
            self._reminded[silence.id] = silence.ends_at
            self._mirror.put(REMINDED, silence.id, {"ends_at": silence.ends_at})


def _ends_soon(silence: Silence, now: int) -> bool:
    lasts_long = silence.ends_at - silence.starts_at > LONG
    return lasts_long and silence.state(now) == "active" and silence.ends_at - now <= BEFORE


def _is_of(silence: Silence, alert: RoutedAlert) -> bool:
    return all(matcher.matches(alert.labels.get(matcher.name, "")) for matcher in silence.matchers)


def _notifications(
    engine: Engine, silence: Silence, alerts: Iterable[RoutedAlert], at: Moment
) -> Iterator[tuple[str, Notification]]:
    """One for each way to somebody who would be told, with all alerts."""
    by_way: dict[tuple[str, str], tuple[Integration, Group, dict[str, RoutedAlert]]] = {}
    for alert in sorted(alerts, key=routed.sort_key):
        for group in engine.groups.of(alert.fingerprint):
            route = group.route
            if route.minimum_age or route.digest or engine.stages.muted_by(route, at.wall):
                continue
            for way, integration in engine.routing.receiver(route.receiver).reached(at.wall):
                by_way.setdefault((route.receiver, way), (integration, group, {}))[2][alert.fingerprint] = alert
    for (receiver, way), (integration, group, told) in by_way.items():
        entry = engine.teller.log.get("\n".join((group.name, receiver, way)))
        content = Notification(
            key=outbox.new_key(),
            receiver=receiver,
            integration=way,
            group_key=group.key,
            group_labels=group.labels,
            alerts=tuple(telling.as_told(alert, entry, at) for alert in told.values()),
            queued_at=at.wall,
            reason="reminder",
            note=_note(silence, integration, engine.routing.time_zone, at.wall),
        )
        yield "\n".join((group.name, receiver, way, "reminder", silence.id)), content


def _note(silence: Silence, integration: Integration, zone: str, now: int) -> str:
    language = integration.language if isinstance(integration, Email) and integration.language in _NOTES else "en"
    then, here = (datetime.fromtimestamp(each / 1000, ZoneInfo(zone)) for each in (silence.ends_at, now))
    time = moment_in_words(then, here, LANGUAGES[language])
    return _NOTES[language].format(comment=silence.comment, by=silence.created_by, time=time)
