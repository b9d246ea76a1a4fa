"""How far an alert has come on its way to the receivers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from pacs_monitor.people.explaining import people_at
from pacs_monitor.routing.definitions import Route
from pacs_monitor.routing.engine import Engine
from pacs_monitor.routing.groups import Group
from pacs_monitor.routing.matching import printed_all
from pacs_monitor.routing.stages import Moment
from pacs_monitor.web.alertmanager.groups import intervals_muting


@dataclass(frozen=True, slots=True)
class Target:
    """One integration of a receiver that is to be told."""

    key: str
    """Of its row in the outbox, and of its entry in the log."""
    shown: str
    hears_of_ends: bool


@dataclass(frozen=True, slots=True)
class Told:
    """How far it is with one of them."""

    shown: str
    queued: bool = False
    delivered: bool = False
    attempts: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Outlook:
    """Where an alert goes."""

    routes: tuple[str, ...]
    """Those that tell of it now, in words."""
    later: tuple[str, ...]
    """Who would be told if it went on, and when."""
    targets: tuple[Target, ...]
    quiet: str
    """Why nobody is told; "" if somebody is."""


def outlook(engine: Engine, fingerprint: str, at: Moment) -> Outlook:
    """Where an alert goes, as it is in its groups already."""
    groups = engine.groups.of(fingerprint)
    first = [group for group in groups if not group.route.minimum_age]
    steps = sorted((group.route for group in groups if group.route.minimum_age), key=lambda step: step.minimum_age)
    targets = tuple(target for group in first for target in _targets(engine, group, at))
    quiet = _quiet(engine, fingerprint, groups, at)
    if not quiet and not targets:
        quiet = "its receivers have nobody to tell now"
    later = tuple(_later(engine, step, at) for step in steps)
    return Outlook(tuple(map(_in_words, first)), later, targets, quiet)


def look(engine: Engine, targets: Iterable[Target], fingerprint: str, what: str, since: int) -> dict[str, Told]:
    """How far it is with each, by key; `what` is `firing` or `resolved`, since a time in milliseconds."""
    wanted = [target for target in targets if what == "firing" or target.hears_of_ends]
    return {target.key: _told(engine, target, fingerprint, what, since) for target in wanted}


def _targets(engine: Engine, group: Group, at: Moment) -> Iterable[Target]:
    receiver = engine.routing.receiver(group.route.receiver)
    for name, integration in receiver.reached(at.wall):
        key = "\n".join((group.name, receiver.name, name))
        yield Target(key, f"{receiver.name} ({name})", integration.send_resolved)


def _quiet(engine: Engine, fingerprint: str, groups: list[Group], at: Moment) -> str:
    labels = engine.alerts[fingerprint].labels
    if inhibited := engine.stages.inhibitor.inhibited_by(labels, at.mono):
        return f"the alert {inhibited[0]} inhibits it: nobody is told"
    if silenced := engine.silences.muting(labels, at.wall):
        return f"the silence {silenced[0]} silences it: nobody is told"
    muted = [intervals_muting(engine, group.route, at) for group in groups]
    if groups and all(group.route.keeps and names for group, names in zip(groups, muted, strict=True)):
        hours = ", ".join(sorted({name for names in muted for name in names}))
        return f"it is outside of the hours {hours}: what fires is told when they begin"
    if muted and all(muted):
        return f"its routes are muted by {', '.join(sorted({name for names in muted for name in names}))}"
    return ""


def _in_words(group: Group) -> str:
    return f"{printed_all(group.route.matchers)} to {group.route.receiver}, in the group {group.key}"


def _later(engine: Engine, step: Route, at: Moment) -> str:
    due = at.wall + step.minimum_age
    clock = datetime.fromtimestamp(due / 1000, ZoneInfo(engine.routing.time_zone))
    who = people_at(engine.routing.receiver(step.receiver), due)
    return f"{clock:%H:%M}, {who}, unless somebody acknowledges: that is not tried"


def _told(engine: Engine, target: Target, fingerprint: str, what: str, since: int) -> Told:
    entry, row = engine.teller.log.get(target.key), engine.teller.outbox.rows.get(target.key)
    if entry is None or entry.queued_at < since:
        return Told(target.shown)
    if fingerprint not in (entry.firing if what == "firing" else entry.resolved):
        return Told(target.shown)
    attempts = tuple(one for one in entry.attempts if one["at"] >= entry.queued_at)
    return Told(target.shown, True, row is None and any(not one["reason"] for one in attempts), attempts)
