"""Routes at work: alerts go into groups, groups fall due, and what they have to say goes into the outbox.

Nothing here waits or knows of threads; every step is given the time. See `dispatcher` for who calls it.
"""

from __future__ import annotations

import logging
from collections.abc import Container, Iterable, Mapping
from dataclasses import replace
from functools import partial

from pacs_monitor.routing import routed, silences
from pacs_monitor.routing.acknowledging import Acknowledgement
from pacs_monitor.routing.definitions import GROUP_INTERVAL, Routing
from pacs_monitor.routing.deliveries import ROW
from pacs_monitor.routing.groups import GROUP, Group, Groups, Timing
from pacs_monitor.routing.mirror import Mirror
from pacs_monitor.routing.mistake import place_of
from pacs_monitor.routing.notificationlog import ENTRY
from pacs_monitor.routing.recounting import World, recount
from pacs_monitor.routing.reminding import REMINDED, Reminders
from pacs_monitor.routing.routed import RoutedAlert
from pacs_monitor.routing.silences import Silence, Silences
from pacs_monitor.routing.stages import Moment, Stages
from pacs_monitor.routing.teller import Teller

log = logging.getLogger(__name__)

ALERT, SILENCE, ACK = "alert", "silence", "ack"


class Engine:
    """Alerts, silences and acknowledgements; the groups they make, and whoever tells of them."""

    def __init__(self, routing: Routing, mirror: Mirror, at: Moment) -> None:
        """Reads what is known from before. Raises StateError."""
        self.alerts: dict[str, RoutedAlert] = {}
        """By fingerprint."""
        self.acknowledged: dict[str, Acknowledgement] = {}
        self.unsaved = False
        """Whether the last step could not be written."""
        self._mirror = mirror
        self._now = at
        known = mirror.load()
        self.silences = Silences(silences.restored(raw) for raw in known.get(SILENCE, {}).values())
        self.acknowledged.update((name, Acknowledgement(**raw)) for name, raw in known.get(ACK, {}).items())
        self.teller = Teller(mirror, self._fate, self.acknowledged.__contains__)
        for raw in known.get(ALERT, {}).values():
            alert = routed.restored(raw, at.wall, at.mono)
            self.alerts[alert.fingerprint] = alert
        self._reminders = Reminders(mirror, known.get(REMINDED, {}))
        self.teller.restore(known.get(ENTRY, {}), known.get(ROW, {}), at)
        self._take(routing)
        raw_groups = known.get(GROUP, {})
        before = self.groups.restored(raw_groups, at)
        self._place_all(before, at)

    # What comes in.

    def put(self, incoming: Iterable[RoutedAlert], at: Moment) -> None:
        """Alerts that are new, have changed, or are over."""
        self._now = at
        for alert in incoming:
            known = self.alerts.get(alert.fingerprint)
            if known is not None and alert.origin == routed.API:
                alert = known.merged(alert, at.mono)
            alert.heard(at.wall, at.mono, known)
            if known is not None and _begins_anew(known, alert, at):
                self._begin_anew(alert.fingerprint)
            self.alerts[alert.fingerprint] = alert
            if (
                known is None
                or known.starts_at != alert.starts_at
                or known.resolved(at.mono) != alert.resolved(at.mono)
            ):
                self._mirror.put(ALERT, alert.fingerprint, alert)
            self.stages.inhibitor.take(alert)
            self.groups.place(alert, at)

    def end(self, alerts: Iterable[RoutedAlert], but: Container[str], at: Moment) -> None:
        """Have alerts be over by now, but those of some fingerprints, and those that are."""
        over = [one for one in alerts if one.fingerprint not in but and not one.resolved(at.mono)]
        self.put([replace(one, ends_at=at.wall, expires=at.mono) for one in over], at)

    def follow(self, routing: Routing, at: Moment) -> None:
        """Route by this from now on. Groups that it has, too, keep their timers, and what was told stays told."""
        self._now = at
        before = self.groups.timings()
        self._take(routing)
        self._place_all(before, at)

    def silence(self, wanted: Silence, at: Moment) -> str:
        """Make or edit a silence; its id. Raises BadSilence and NoSilence."""
        changed = self.silences.put(wanted, at.wall)
        for one in changed:
            self._mirror.put(SILENCE, one.id, one)
        return changed[0].id

    def expire(self, id: str, at: Moment) -> None:
        """End a silence. Raises BadSilence and NoSilence."""
        self._mirror.put(SILENCE, id, self.silences.expire(id, at.wall))

    def acknowledge(self, fingerprint: str, by: str, comment: str, at: Moment) -> Acknowledgement:
        """Somebody takes an alert on: no repeats and no escalation until it is over. Raises KeyError."""
        if self.alerts[fingerprint].resolved(at.mono):
            raise KeyError(fingerprint)
        made = self.acknowledged[fingerprint] = Acknowledgement(fingerprint, by, comment, at.wall)
        self._mirror.put(ACK, fingerprint, made)
        return made

    def unacknowledge(self, fingerprint: str) -> Acknowledgement:
        """Nobody has taken the alert on any more: it is repeated and escalated as others are. Raises KeyError."""
        gone = self.acknowledged.pop(fingerprint)
        self._mirror.drop(ACK, fingerprint)
        return gone

    # What falls due.

    def next(self) -> float | None:
        """When something falls due, on the monotonic clock; None: never."""
        return min((due for due in (self.groups.next(), self.teller.next()) if due is not None), default=None)

    def flush_due(self, at: Moment) -> None:
        """Have the groups that are due say what they have to say."""
        self._now = at
        for group in self.groups.take_due(at):
            try:
                self._flush(group, at)
            except Exception as error:  # noqa: BLE001 - a mistake of ours in one group must not silence the others
                log.error("a mistake in a group; it is flushed again after its interval: %s", place_of(error))

    def commit(self) -> bool:
        """Write what has changed. False if that failed: what is new in the outbox is then told from memory."""
        self.unsaved = not self._mirror.commit()
        self.teller.written(not self.unsaved)
        return not self.unsaved

    def tidy(self, at: Moment) -> None:
        """Now and then: alarm of what is stuck, forget what is old."""
        self._now = at
        self.groups.keep_to_the_clock(at)
        self.teller.tidy(at, self.groups.__contains__)
        self._reminders.look(self, at)
        for id in self.silences.forget_old(at.wall):
            self._mirror.drop(SILENCE, id)

    def _flush(self, group: Group, at: Moment) -> None:
        members = list(group.alerts.values())
        over = [alert for alert in members if alert.resolved(at.mono)]
        audible = self.stages.audible(group.route, members, at)
        if audible:
            self.teller.tell(group, audible, at)
        kept = frozenset[str]()
        if group.route.keeps and self.stages.muted_by(group.route, at.wall):
            kept = self.teller.owes(group)
        for alert in over:
            if alert.fingerprint in kept:
                continue
            self.teller.forget(group, alert.fingerprint)
            if self.groups.leave(group, alert.fingerprint):
                self._drop(alert)

    def _take(self, routing: Routing) -> None:
        self.routing = routing
        self.stages = Stages(routing, self.silences, self.acknowledged.__contains__)
        self.groups: Groups = Groups(routing.route, self._mirror, routing.time_zone)
        self.teller.follow(routing)
        self.teller.siblings = self.groups.siblings
        world = World(routing, self.groups.of, self.alerts, self.teller.log, self.acknowledged, self._is_muted)
        self.teller.recount = partial(recount, world)

    def _is_muted(self, group: Group, at: int) -> bool:
        return bool(self.stages.muted_by(group.route, at))

    def _place_all(self, before: Mapping[str, Timing], at: Moment) -> None:
        for alert in list(self.alerts.values()):
            self.stages.inhibitor.take(alert)
            self.groups.place(alert, at, before)
            if not self.groups.of(alert.fingerprint):
                self._drop(alert)
        for name in before:
            if name not in self.groups:
                self._mirror.drop(GROUP, name)

        self.teller.forget_strangers(self.groups.__contains__)

    def _begin_anew(self, fingerprint: str) -> None:
        if fingerprint in self.acknowledged:
            self.unacknowledge(fingerprint)
        for group in self.groups.of(fingerprint):
            self.teller.forget(group, fingerprint)

    def _drop(self, alert: RoutedAlert) -> None:
        self.alerts.pop(alert.fingerprint, None)
        self.stages.inhibitor.forget(alert)
        self._mirror.drop(ALERT, alert.fingerprint)
        if self.acknowledged.pop(alert.fingerprint, None) is not None:
            self._mirror.drop(ACK, alert.fingerprint)

    def _fate(self, fingerprint: str) -> int | None:
        alert = self.alerts.get(fingerprint)
        if alert is None:
            return self._now.wall
        return alert.ends_at if alert.resolved(self._now.mono) else None


def _begins_anew(before: RoutedAlert, now: RoutedAlert, at: Moment) -> bool:
    """Whether it fires again after so long that whoever took it on believes it over, though its group still has it."""
    if now.resolved(at.mono) or not before.resolved(at.mono):
        return False
    return (at.mono - (before.expires or at.mono)) * 1000 > GROUP_INTERVAL
