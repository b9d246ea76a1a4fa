"""What of a group is audible: inhibited, muted and silenced alerts are taken out, in Alertmanager's order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from pacs_monitor.routing.definitions import Route, Routing
from pacs_monitor.routing.inhibiting import Inhibitor
from pacs_monitor.routing.intervals import Interval
from pacs_monitor.routing.routed import RoutedAlert
from pacs_monitor.routing.silences import Silences


@dataclass(frozen=True, slots=True)
class Moment:
    """A time on both clocks."""

    wall: int
    """Milliseconds since 1970: what people and other programs are told."""
    mono: float
    """Seconds that nobody can set back: what timers run by."""


class Stages:
    """What keeps alerts from being told."""

    def __init__(self, routing: Routing, silences: Silences, acknowledged: Callable[[str], bool]) -> None:
        """`acknowledged` tells of an alert's fingerprint whether somebody has taken it on."""
        self.inhibitor = Inhibitor(routing.inhibit_rules)
        self._intervals: Mapping[str, tuple[Interval, ...]] = dict(routing.intervals)
        self._silences = silences
        self._acknowledged = acknowledged

    def audible(self, route: Route, alerts: Iterable[RoutedAlert], at: Moment) -> list[RoutedAlert]:
        """Those that are to be told. Each alert learns what inhibits and silences it."""
        loud = []
        for alert in alerts:
            self.look(alert, at)
            if not alert.inhibited_by:
                loud.append(alert)
        if self.muted_by(route, at.wall):
            return []
        return [alert for alert in loud if not alert.silenced_by and self._wanted(route, alert, at)]

    def look(self, alert: RoutedAlert, at: Moment) -> None:
        """Have an alert know what inhibits and silences it by now."""
        alert.inhibited_by = self.inhibitor.inhibited_by(alert.labels, at.mono)
        alert.silenced_by = self._silences.muting(alert.labels, at.wall)

    def muted_by(self, route: Route, at: int) -> str:
        """Which interval mutes a route, in words; "" if none does. `at` is in milliseconds since 1970."""
        if route.active and not any(self._within(name, at) for name in route.active):
            return f"outside of {', '.join(route.active)}"
        return next((name for name in route.mute if self._within(name, at)), "")

    def _within(self, name: str, at: int) -> bool:
        return any(interval.contains(at) for interval in self._intervals.get(name, ()))

    def _wanted(self, route: Route, alert: RoutedAlert, at: Moment) -> bool:
        """Whether an escalation has come to this alert."""
        if alert.resolved(at.mono):
            return True
        if route.ends_with_ack and self._acknowledged(alert.fingerprint):
            return False
        return alert.age(at.mono) * 1000 >= route.minimum_age
