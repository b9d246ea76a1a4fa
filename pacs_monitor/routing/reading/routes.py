"""The tree of routes, and the inhibition rules."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from pacs_monitor.configuring.fields import suggestion
from pacs_monitor.routing.definitions import InhibitRule, Receiver, Route
from pacs_monitor.routing.matching import printed_all
from pacs_monitor.routing.reading.fields import Section
from pacs_monitor.routing.reading.matchers import read_matchers

ROUTE = (
    "receiver",
    "group_by",
    "continue",
    "match",
    "match_re",
    "matchers",
    "group_wait",
    "group_interval",
    "repeat_interval",
    "mute_time_intervals",
    "active_time_intervals",
    "routes",
)
INHIBIT = (
    "name",
    "source_match",
    "source_match_re",
    "source_matchers",
    "target_match",
    "target_match_re",
    "target_matchers",
    "equal",
    "sources",
)
EVERY_LABEL = "..."
_ALL = Route("")


@dataclass(frozen=True)
class Names:
    """What routes may name."""

    receivers: Mapping[str, Receiver]
    unsent: Mapping[str, Collection[str]]
    """Of each receiver, the kinds that this agent does not send."""
    intervals: Collection[str]


def read_root(part: Section, names: Names) -> Route:
    """The route that every alert enters."""
    if not part.text("receiver"):
        part.complain("receiver", "is missing; name the receiver of all that no other route takes")
    for key in ("match", "match_re", "matchers"):
        if part.has(key) and read_matchers(part):
            part.complain(key, "the first route takes every alert; move the matchers to a route below it")
            break
    for key in ("mute_time_intervals", "active_time_intervals"):
        if part.texts(key):
            part.complain(key, "the first route is told at any time; move this to a route below it")
    if part.boolean("continue"):
        part.complain("continue", "there is nothing after the first route; remove it")
    return _route(part, None, names)


def _route(part: Section, parent: Route | None, names: Names) -> Route:
    above = parent or _ALL
    group_by, group_all = _grouping(part, above)
    matchers = read_matchers(part)
    route = Route(
        receiver=_receiver(part, names) or above.receiver,
        matchers=matchers,
        group_by=group_by,
        group_all=group_all,
        group_wait=_timer(part, "group_wait", above.group_wait),
        group_interval=_timer(part, "group_interval", above.group_interval, least=1),
        repeat_interval=_timer(part, "repeat_interval", above.repeat_interval, least=1),
        goes_on=part.boolean("continue") or False,
        mute=_intervals(part, "mute_time_intervals", names),
        active=_intervals(part, "active_time_intervals", names),
        key=f"{above.key}/{printed_all(matchers)}" if parent else above.key,
        line=part.value.line,
    )
    below = tuple(_route(one, route, names) for one in part.sections("routes", "a route", ROUTE))
    return replace(route, routes=below)


def _receiver(part: Section, names: Names) -> str:
    name = part.text("receiver")
    if not name:
        return ""
    receiver, unsent = names.receivers.get(name), names.unsent.get(name, ())
    if receiver is None:
        part.complain("receiver", f"there is no receiver {name}; {suggestion(name, names.receivers)}")
    elif unsent and not receiver.integrations:
        kinds = " and ".join(sorted(unsent))
        part.complain(
            "receiver", f"{name} has only {kinds}, which this agent does not send; give it a webhook or email"
        )
    return name


def _grouping(part: Section, above: Route) -> tuple[tuple[str, ...], bool]:
    names = part.label_names("group_by")
    if EVERY_LABEL in names:
        if set(names) != {EVERY_LABEL}:
            part.complain("group_by", "'...' stands for all labels; remove it, or the others")
        return (), True
    twice = next((name for place, name in enumerate(names) if name in names[:place]), "")
    if twice:
        part.complain("group_by", f"{twice} stands there twice; remove one")
    return (tuple(sorted(names)), False) if names else (above.group_by, above.group_all)


def _timer(part: Section, key: str, inherited: int, least: int = 0) -> int:
    found = part.milliseconds(key)
    if found is None:
        return inherited
    if found < least:
        part.complain(key, "is 0; write for example 5m")
    return found


def _intervals(part: Section, key: str, names: Names) -> tuple[str, ...]:
    found = []
    for item in part.texts(key):
        name = item.text or ""
        found.append(name)
        if name not in names.intervals:
            message = f"there is no time interval {name or 'without a name'}; {suggestion(name, names.intervals)}"
            part.told.complain(item.line, item.path, message)
    return tuple(found)


def read_inhibition(part: Section) -> InhibitRule:
    """One inhibition rule."""
    if part.items("sources"):
        part.complain("sources", "several sources of one rule are not taken; use source_matchers and equal")
    source, target = read_matchers(part, "source_"), read_matchers(part, "target_")
    for side, matchers in (("source", source), ("target", target)):
        if not matchers and not any(part.has(f"{side}_{key}") for key in ("match", "match_re", "matchers", "sources")):
            part.warn(
                "", f"has no {side}_matchers, so every alert is a {side}; write {side}_matchers if that is not meant"
            )
    return InhibitRule(source, target, tuple(dict.fromkeys(part.label_names("equal"))))
