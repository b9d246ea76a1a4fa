"""What one integration of a receiver is to hear of a group by now, if anything."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from pacs_monitor.routing import telling
from pacs_monitor.routing.groups import Group
from pacs_monitor.routing.routed import RoutedAlert
from pacs_monitor.routing.stages import Moment
from pacs_monitor.routing.telling import Entry

FOREVER = float("inf")


@dataclass(frozen=True, slots=True)
class Decision:
    """What is told, and what is kept of it."""

    reason: str
    told: list[RoutedAlert]
    entry: Entry


@dataclass(frozen=True, slots=True)
class Listener:
    """One integration."""

    entry: Entry | None
    """What it was last told of the group."""
    send_resolved: bool
    on_duty: bool
    """Whether it is meant by now; one who was meant before hears the end of what it knows, and nothing else."""


def decide(
    group: Group, listener: Listener, audible: Iterable[RoutedAlert], acknowledged: Callable[[str], bool], at: Moment
) -> Decision | None:
    """None if it knows all that it is to know; `audible` are the alerts of the group that nothing silences."""
    route = group.route
    heard = listener.entry.firing if listener.entry else frozenset()
    every = list(audible)
    firing = [alert for alert in every if not alert.resolved(at.mono)]
    over = [alert for alert in every if alert.resolved(at.mono)]
    if route.minimum_age or not listener.on_duty:
        # Nobody hears the end of what was over before it came to them.
        over = [alert for alert in over if alert.fingerprint in heard]
    if not listener.on_duty:
        firing = [alert for alert in firing if alert.fingerprint in heard]
    burning, resolved = telling.fingerprints(firing), telling.fingerprints(over)
    if route.ends_with_ack:
        # Who was told before somebody took it on still hears the end.
        burning |= {one for one in heard if _goes_on(group, one, at) and acknowledged(one)}
    reason = _why(group, listener, burning, resolved, acknowledged, at)
    if not reason:
        return None
    if route.minimum_age and reason in ("new", "changed"):
        reason = "escalation"
    told = firing + over if listener.send_resolved else firing
    return Decision(reason, told, Entry(burning, resolved, at.wall, told_since=at.mono))


def _why(
    group: Group,
    listener: Listener,
    burning: frozenset[str],
    resolved: frozenset[str],
    acknowledged: Callable[[str], bool],
    at: Moment,
) -> str:
    if group.route.digest:
        return "digest" if listener.on_duty and (burning or resolved) else ""
    # What has not changed is told again; never, once all was taken on.
    taken = burning and all(map(acknowledged, burning))
    repeat = FOREVER if taken or not listener.on_duty else group.route.repeat_interval / 1000
    return telling.why(
        listener.entry, burning, resolved, send_resolved=listener.send_resolved, repeat=repeat, now=at.mono
    )


def _goes_on(group: Group, fingerprint: str, at: Moment) -> bool:
    alert = group.alerts.get(fingerprint)
    return alert is not None and not alert.resolved(at.mono)
