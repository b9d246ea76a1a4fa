"""Alerts as they are at one moment: what silences and inhibits them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pacs_monitor.history.matchers import Matcher
from pacs_monitor.routing.definitions import Routing
from pacs_monitor.routing.engine import Engine
from pacs_monitor.routing.inhibiting import matches
from pacs_monitor.routing.routed import RoutedAlert
from pacs_monitor.routing.silences import Silence
from pacs_monitor.routing.stages import Moment


@dataclass(frozen=True, slots=True)
class Seen:
    """One alert that fires. Nobody changes what is told of it."""

    alert: RoutedAlert
    inhibited_by: tuple[str, ...]
    silenced_by: tuple[str, ...]
    at: int
    """When it was looked at, in milliseconds since 1970."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What the routes' thread copies; everything else is found out elsewhere."""

    inhibited: Sequence[tuple[RoutedAlert, tuple[str, ...]]]
    silences: tuple[Silence, ...]
    """Those that are active."""
    routing: Routing
    at: int

    def of(self, wanted: Wanted) -> list[Seen]:
        """Those that are asked for."""
        return [seen for alert, by in self.inhibited if (seen := self._seen(alert, by, wanted)) is not None]

    def _seen(self, alert: RoutedAlert, inhibited_by: tuple[str, ...], wanted: Wanted) -> Seen | None:
        if not matches(wanted.filters, alert.labels) or (inhibited_by and not wanted.inhibited):
            return None
        silenced_by = tuple(sorted(one.id for one in self.silences if matches(one.matchers, alert.labels)))
        if silenced_by and not wanted.silenced:
            return None
        if not wanted.active and not (silenced_by or inhibited_by):
            return None
        return Seen(alert, inhibited_by, silenced_by, self.at)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which alerts are asked for."""

    filters: Sequence[Matcher] = ()
    active: bool = True
    silenced: bool = True
    inhibited: bool = True


def look(engine: Engine, alerts: Iterable[RoutedAlert], at: Moment) -> Sight:
    """What fires of these, in the routes' thread."""
    inhibitor = engine.stages.inhibitor
    inhibited = [(one, inhibitor.inhibited_by(one.labels, at.mono)) for one in alerts if not one.resolved(at.mono)]
    silences = tuple(one for one in engine.silences if one.state(at.wall) == "active")
    return Sight(inhibited, silences, engine.routing, at.wall)
