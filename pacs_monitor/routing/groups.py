"""Groups of alerts that are told together, and when."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pacs_monitor.routing.definitions import Route
from pacs_monitor.routing.digests import LONGEST, next_digest, sensible
from pacs_monitor.routing.mirror import Mirror
from pacs_monitor.routing.routed import RoutedAlert
from pacs_monitor.routing.stages import Moment
from pacs_monitor.routing.timers import Timers
from pacs_monitor.routing.tree import matching

GROUP = "group"
LONGEST_PLAN = LONGEST + 3_600_000
"""Milliseconds to a digest, in the file: more than there can be, so that a plan of a wrong clock shows as one."""
CLOCKS_DIFFER = 0.5
"""Seconds by which a digest must be off to be planned anew: clocks never run quite alike."""


@dataclass(slots=True)
class Group:
    """Alerts of one route that agree in the labels that it groups by."""

    name: str
    """What the state file calls it: as `key`, but never that of two groups."""
    key: str
    """As in Alertmanager's webhooks: `{}/{severity="critical"}:{node="archive"}`."""
    route: Route
    labels: Mapping[str, str]
    alerts: dict[str, RoutedAlert] = field(default_factory=dict)
    """By fingerprint."""
    flushed: bool = False
    """Whether it was told, or was to be told, before."""
    due: float = 0.0
    """When it is told next, on the monotonic clock."""
    due_at: int = 0
    """The same in milliseconds since 1970, as it was when that was decided."""

    def to_json(self) -> dict[str, Any]:
        """What the state file keeps."""
        longest = (
            LONGEST_PLAN
            if self.route.digest
            else max(self.route.group_interval if self.flushed else self.route.group_wait, self.route.minimum_age)
        )
        return {"flushed": self.flushed, "due_at": self.due_at, "longest": longest, "alerts": sorted(self.alerts)}


@dataclass(frozen=True, slots=True)
class Timing:
    """What a group keeps when routes are read anew."""

    flushed: bool
    due: float
    members: frozenset[str]
    """Fingerprints."""


class Groups:
    """All groups, and which alerts are in them."""

    def __init__(self, root: Route, mirror: Mirror, time_zone: str = "UTC") -> None:
        """`time_zone` is that of digests."""
        self._root = root
        self._zone = time_zone
        self._mirror = mirror
        self._names = dict(_names(root))
        self._by_name: dict[str, Group] = {}
        self._of_alert: dict[str, set[str]] = {}
        self._timers = Timers()

    def __iter__(self) -> Iterator[Group]:
        return iter(self._by_name.values())

    def __contains__(self, name: str) -> bool:
        return name in self._by_name

    def get(self, name: str) -> Group | None:
        """The group of a name."""
        return self._by_name.get(name)

    def of(self, fingerprint: str) -> list[Group]:
        """The groups that an alert is in."""
        return [self._by_name[name] for name in sorted(self._of_alert.get(fingerprint, ()))]

    def next(self) -> float | None:
        """When the next group is due, on the monotonic clock."""
        return self._timers.next()

    def take_due(self, at: Moment) -> list[Group]:
        """The groups that are due; each is due again after its interval."""
        found = []
        for name in self._timers.take(at.mono):
            group = self._by_name.get(name)
            if group is None:
                continue
            if group.route.digest and group.due_at > at.wall:
                self._plan(group, group.due_at, at)  # the clock was put back
                continue
            group.flushed = True
            self._set_due(group, self._next_due(group, at), at)
            self._mirror.put(GROUP, group.name, group)
            found.append(group)
        return found

    def keep_to_the_clock(self, at: Moment) -> None:
        """Have digests fall due by the clock on the wall, if that was set."""
        for group in self._by_name.values():
            if group.route.digest:
                self._plan(group, group.due_at, at)

    def hasten(self, group: Group, at: Moment) -> None:
        """Have a group be told now."""
        self._set_due(group, at.mono, at)

    def place(self, alert: RoutedAlert, at: Moment, before: Mapping[str, Timing] | None = None) -> None:
        """Put an alert into the groups that it belongs to; those that are new take their timing from `before`."""
        for route in matching(self._root, alert.labels):
            labels = group_labels(route, alert.labels)
            told = text_of(labels)
            name = f"{self._names[id(route)]}:{told}"
            group = self._by_name.get(name)
            known = before.get(name) if before else None
            if known and alert.fingerprint not in known.members and alert.resolved(at.mono):
                continue  # the group has told that it is over
            first = self._first_due(route, alert, at)
            if group is None:
                group = self._by_name[name] = Group(name, f"{route.key}:{told}", route, labels)
                if known is not None:
                    group.flushed = known.flushed
                # A digest that fell due while we were away is told now; others when the route says by now.
                keeps = known is not None and (not route.digest or known.due <= at.mono)
                self._set_due(group, known.due if known is not None and keeps else first, at)
            elif (not group.flushed or route.minimum_age) and first < group.due:
                self._set_due(group, first, at)
            if alert.fingerprint not in group.alerts:
                self._mirror.put(GROUP, name, group)
            group.alerts[alert.fingerprint] = alert
            self._of_alert.setdefault(alert.fingerprint, set()).add(name)

    def leave(self, group: Group, fingerprint: str) -> bool:
        """Take an alert out of a group; an empty group is no more. Whether the alert is in no group now."""
        del group.alerts[fingerprint]
        if not group.alerts:
            del self._by_name[group.name]
            self._timers.forget(group.name)
            self._mirror.drop(GROUP, group.name)
        others = self._of_alert[fingerprint]
        others.discard(group.name)
        if not others:
            del self._of_alert[fingerprint]
        return not others

    def siblings(self, group: Group) -> Iterator[tuple[str, str]]:
        """What the same alerts are called in other steps of the same rule of `notify`, and the receivers of these."""
        for route in self._root.routes if group.route.rule else ():
            if route.rule == group.route.rule and route is not group.route:
                yield f"{self._names[id(route)]}:{text_of(group.labels)}", route.receiver

    def timings(self) -> dict[str, Timing]:
        """What `place` takes as `before`."""
        return {group.name: Timing(group.flushed, group.due, frozenset(group.alerts)) for group in self}

    def restored(self, raw: Mapping[str, Mapping[str, Any]], at: Moment) -> dict[str, Timing]:
        """The same of groups from before a restart; no wait is longer than it can have been meant."""
        found = {}
        for name, value in raw.items():
            left = min(max(0, value["due_at"] - at.wall), value["longest"])
            found[name] = Timing(bool(value["flushed"]), at.mono + left / 1000, frozenset(value["alerts"]))
        return found

    def _set_due(self, group: Group, due: float, at: Moment) -> None:
        group.due = due
        group.due_at = at.wall + round((due - at.mono) * 1000)
        self._timers.set(group.name, due)

    def _plan(self, group: Group, planned: int, at: Moment) -> None:
        planned = sensible(group.route.digest, self._zone, planned, at.wall)
        due = at.mono + (planned - at.wall) / 1000
        if planned != group.due_at or abs(due - group.due) > CLOCKS_DIFFER or group.due <= at.mono:
            self._set_due(group, due, at)
            self._mirror.put(GROUP, group.name, group)

    def _digest(self, route: Route, at: Moment) -> float:
        return at.mono + (next_digest(route.digest, self._zone, at.wall) - at.wall) / 1000

    def _first_due(self, route: Route, alert: RoutedAlert, at: Moment) -> float:
        """When a group tells of an alert that has come into it, if nothing else decides that."""
        if route.digest:
            return self._digest(route, at)
        age = alert.age(at.mono) * 1000
        if route.minimum_age:
            return at.mono + max(0, min(route.minimum_age, route.minimum_age - age)) / 1000
        # As in Alertmanager: an alert that is older than the wait has been waited for.
        return at.mono if age > route.group_wait else at.mono + route.group_wait / 1000

    def _next_due(self, group: Group, at: Moment) -> float:
        """After the interval, or when an escalation comes to another of its alerts; a digest on the next day."""
        route = group.route
        if route.digest:
            return self._digest(route, at)
        interval = at.mono + route.group_interval / 1000
        coming = (at.mono + route.minimum_age / 1000 - alert.age(at.mono) for alert in group.alerts.values())
        return min([interval, *(due for due in coming if route.minimum_age and due > at.mono)])


def _names(root: Route) -> Iterator[tuple[int, str]]:
    """By their identity in memory. One whose key an earlier route has, too, is named after how many have had it."""
    seen: dict[str, int] = {}
    for route in root.every():
        seen[route.key] = count = seen.get(route.key, 0) + 1
        yield id(route), route.key if count == 1 else f"{route.key}#{count}"


def group_labels(route: Route, labels: Mapping[str, str]) -> dict[str, str]:
    """Those of an alert's labels that the route groups by."""
    if route.group_all:
        return dict(labels)
    if route.digest and labels.get("test") == "true":
        # A test is told at once: with others it would have all of the digest told.
        return {name: labels[name] for name in (*route.group_by, "test") if name in labels}
    return {name: labels[name] for name in route.group_by if name in labels}


def text_of(labels: Mapping[str, str]) -> str:
    """As Alertmanager writes labels in keys: `{a="b", c="d"}`."""
    return "{" + ", ".join(f"{name}={json.dumps(labels[name], ensure_ascii=False)}" for name in sorted(labels)) + "}"
