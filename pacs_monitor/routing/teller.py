"""Decides what a group's receivers are to hear, and queues it for delivery."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from pacs_monitor.notify.notification import Notification
from pacs_monitor.routing import outbox as outboxes
from pacs_monitor.routing import routed, telling
from pacs_monitor.routing.deciding import Decision, Listener, decide
from pacs_monitor.routing.definitions import Integration
from pacs_monitor.routing.deliveries import Deliveries
from pacs_monitor.routing.groups import Group
from pacs_monitor.routing.mirror import Mirror
from pacs_monitor.routing.notificationlog import name_of, whom
from pacs_monitor.routing.outbox import Fate
from pacs_monitor.routing.routed import RoutedAlert
from pacs_monitor.routing.stages import Moment
from pacs_monitor.routing.stuck import note_of
from pacs_monitor.routing.telling import Entry


@dataclass(frozen=True, slots=True)
class _Hearer:
    """One integration that is told of a group."""

    name: str
    """Of its entry in the log, and of what waits for it."""
    integration: Integration
    on_duty: bool
    instead_of: str = ""
    """The name of who could not be told, if it was told of that."""


class Teller(Deliveries):
    """Beside what waits: what groups have to tell, and to whom."""

    def __init__(self, mirror: Mirror, fate: Fate, acknowledged: Callable[[str], bool]) -> None:
        """`acknowledged` tells of an alert's fingerprint whether somebody has taken it on."""
        super().__init__(mirror, fate)
        self.recount: Callable[[Notification, Integration, Moment], Notification] = lambda content, *_: content
        """Adds to a notification who was told before, and what comes next."""
        self.siblings: Callable[[Group], Iterable[tuple[str, str]]] = lambda group: ()
        """What a group is called in other steps of its rule, and their receivers."""
        self._acknowledged = acknowledged

    def tell(self, group: Group, audible: list[RoutedAlert], at: Moment) -> None:
        """Queue what the receivers of a group do not know yet."""
        receiver = self.routing.receiver(group.route.receiver)
        on_duty = dict(self.integrations(receiver, at.wall))
        every = [
            _Hearer(name_of(group.name, receiver.name, way), integration, on_duty=way in on_duty)
            for way, integration in (dict(receiver.named()) | on_duty).items()
        ]
        for hearer in every:
            self._tell(group, hearer, audible, at)
        # Last: who has heard it in another way by then need not hear it twice.
        for hearer in every:
            for other in self._instead_of(hearer):
                self._tell(group, other, audible, at)

    def owes(self, group: Group) -> frozenset[str]:
        """Alerts of a group of which somebody knows that they fire, and not that they have ended; all of a digest."""
        if group.route.digest:
            return frozenset(group.alerts)
        receiver = self.routing.receiver(group.route.receiver)
        names = (name_of(group.name, receiver.name, way) for way, _ in receiver.named())
        return frozenset().union(*(self.log[name].firing for name in names if name in self.log))

    def forget(self, group: Group, fingerprint: str) -> None:
        """By rules of `notify`, what is over is news when it fires again, also to who has not heard that it was over.

        A file's routes go by what was told, as Alertmanager does.
        """
        if not group.route.rule:
            return
        receiver = self.routing.receiver(group.route.receiver)
        for way, _ in receiver.named():
            self._told.forget(name_of(group.name, receiver.name, way), {fingerprint})

    def forget_strangers(self, alive: Callable[[str], bool]) -> None:
        """The same of groups and ways to people that the configuration no longer has: they may come back."""
        self._told.forget_strangers(self.routing, alive)

    def _tell(self, group: Group, hearer: _Hearer, audible: list[RoutedAlert], at: Moment) -> None:
        name = hearer.name
        listener = Listener(self.log.get(name), hearer.integration.send_resolved, hearer.on_duty)
        decision = decide(group, listener, audible, self._acknowledged, at)
        if decision is None:
            return
        waits = name in self.outbox.rows
        if not waits and self._heard_elsewhere(group, hearer, listener.entry, decision, at):
            if decision.reason == "resolved":
                self._told.note(name, decision.entry)
            return
        self._told.note(name, decision.entry)
        if decision.told or waits:
            content = self._said(group, hearer, listener.entry, decision, at)
            row = self._queue(name, self.recount(content, hearer.integration, at), at)
            row.fallback = bool(hearer.instead_of)

    def _instead_of(self, hearer: _Hearer) -> Iterator[_Hearer]:
        """Those who heard as this one could not be told; they hear the end of that, and nothing else."""
        for name in self._told.hearing_instead(hearer.name):
            integration = self._integration(*whom(name))
            if integration is not None:
                yield _Hearer(name, integration, on_duty=False, instead_of=hearer.name)

    def _heard_elsewhere(
        self, group: Group, hearer: _Hearer, before: Entry | None, decision: Decision, at: Moment
    ) -> bool:
        receiver, way = whom(hearer.name)
        others = list(self.siblings(group))
        if hearer.instead_of:
            others.append((group.name, receiver))
        names = [name_of(name, told, way) for name, told in others]
        entries = [self.log[name] for name in names if name in self.log]
        repeat = group.route.repeat_interval / 1000
        return telling.heard_elsewhere(decision.reason, before, decision.entry, entries, repeat=repeat, at=at.mono)

    def _said(
        self, group: Group, hearer: _Hearer, before: Entry | None, decision: Decision, at: Moment
    ) -> Notification:
        receiver, way = whom(hearer.name)
        stuck, waiting = (self.outbox.rows.get(name) for name in (hearer.instead_of, hearer.name))
        note = note_of(stuck) if stuck is not None and stuck.reason else waiting.content.note if waiting else ""
        return Notification(
            key=outboxes.new_key(),
            receiver=receiver,
            integration=way,
            group_key=group.key,
            group_labels=group.labels,
            alerts=tuple(telling.as_told(alert, before, at) for alert in sorted(decision.told, key=routed.sort_key)),
            external_url=self.external_url,
            queued_at=at.wall,
            reason=decision.reason,
            note=note,
        )

    def _integration(self, receiver: str, way: str) -> Integration | None:
        known = next((one for one in self.routing.receivers if one.name == receiver), None)
        return dict(known.named()).get(way) if known is not None else None
