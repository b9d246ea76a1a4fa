"""Who is told of an alert, how and when, in lines for people: `pacs-monitor test routes`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pacs_monitor.people.roster import PeopleReceiver
from pacs_monitor.routing.definitions import Receiver, Route, Routing
from pacs_monitor.routing.tree import matching
from pacs_monitor.units import format_duration


def has_people(routing: Routing) -> bool:
    """Whether it was made of people and rules."""
    return any(isinstance(one, PeopleReceiver) for one in routing.receivers)


def explained(routing: Routing, labels: Mapping[str, str], at: int) -> Iterator[str]:
    """A line for each time at which somebody is told, with who that would be at a time (ms since 1970)."""
    routes = sorted(matching(routing.route, labels), key=lambda route: route.minimum_age)
    for route in routes:
        receiver = routing.receiver(route.receiver)
        if not isinstance(receiver, PeopleReceiver):
            yield "nobody: no rule of notify takes it"
            continue
        yield f"{_when(route):<12} {people_at(receiver, at)} ({receiver.name}){_unless(route)}"


def people_at(receiver: Receiver, at: int) -> str:
    """Who is reached at a time, and how: `Ana by pager and email, Dan by email`."""
    told = ", ".join(f"{who} by {_joined(ways)}" for who, ways in _ways(receiver, at).items())
    return told or "nobody"


def _ways(receiver: Receiver, at: int) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, _ in receiver.reached(at):
        who, way = receiver.shown(name)
        found.setdefault(who, []).append(way)
    return found


def _when(route: Route) -> str:
    if route.digest:
        return f"at {route.digest}"
    if route.minimum_age:
        return f"after {format_duration(route.minimum_age / 1000)}"
    return f"within {format_duration(route.group_wait / 1000)}"


def _unless(route: Route) -> str:
    hours = f", within the hours {', '.join(route.active)}" if route.active else ""
    return f"{hours}, unless somebody acknowledges" if route.ends_with_ack else hours


def _joined(ways: list[str]) -> str:
    return " and ".join(ways)
