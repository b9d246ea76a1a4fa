"""Who is on call at a time. Pure functions of the plan, the zone and the time (Unix time in seconds)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from pacs_monitor.people.settings import OnCall, Override
from pacs_monitor.sections import DAYS
from pacs_monitor.timetable import ALWAYS, NEVER, moment


class Turn(NamedTuple):
    """Who is on call from `since` to just before `until`."""

    person: str
    since: float
    until: float
    instead_of: str = ""
    """Whose turn it is, if somebody else is on call."""


class Stretch(NamedTuple):
    """When an override counts."""

    start: float
    end: float
    person: str


def turn_at(plan: OnCall, zone: ZoneInfo, now: float) -> Turn:
    """Who is on call then."""
    place, since, until = _regular(plan, zone, now)
    regular = plan.rotation[place]
    for start, end, person in stretches(plan.overrides, zone):
        if start <= now < end:
            return Turn(person, start, end, regular if person != regular else "")
        if end <= now:
            since = max(since, end)
        else:
            until = min(until, start)
    return Turn(regular, since, until)


def next_after(plan: OnCall, zone: ZoneInfo, now: float) -> str:
    """The next in the rotation who is not the one on call; "" if there is nobody else."""
    on_call = turn_at(plan, zone, now).person
    place, _, _ = _regular(plan, zone, now)
    following = (*plan.rotation[place + 1 :], *plan.rotation[: place + 1])
    return next((person for person in following if person != on_call), "")


def turns(plan: OnCall, zone: ZoneInfo, start: float, end: float) -> Iterator[Turn]:
    """Who is on call from one time to another; turns of the same person that touch are one."""
    current = turn_at(plan, zone, start)
    while current.until < end:
        following = turn_at(plan, zone, current.until)
        if (following.person, following.instead_of) == (current.person, current.instead_of):
            current = current._replace(until=following.until)
            continue
        yield current
        current = following
    yield current


def stretches(overrides: Sequence[Override], zone: ZoneInfo) -> list[Stretch]:
    """When overrides count; a day belongs to it from its first to its last moment, whatever clocks do."""
    found = []
    for one in overrides:
        end_of_day = " " not in one.to
        found.append(Stretch(_moment(one.from_, zone), _moment(one.to, zone, end=end_of_day), one.person))
    return sorted(found)


def _moment(text: str, zone: ZoneInfo, *, end: bool = False) -> float:
    day, _, clock = text.partition(" ")
    return moment(date.fromisoformat(day), clock or ("24:00" if end else "00:00"), zone)


def _regular(plan: OnCall, zone: ZoneInfo, now: float) -> tuple[int, float, float]:
    """Whose turn it is by the rotation alone (a place in it), since when and until when."""
    if len(plan.rotation) == 1:
        return 0, ALWAYS, NEVER
    weekday, _, clock = plan.changes.rpartition(" ")
    step = 7 if weekday else 1
    first = plan.starts
    if weekday:
        first += timedelta(days=(DAYS.index(weekday) - first.weekday()) % 7)

    def change(count: int) -> float:
        return moment(first + timedelta(days=count * step), clock, zone)

    count = (datetime.fromtimestamp(now, zone).date() - first).days // step
    while change(count) > now:
        count -= 1
    while change(count + 1) <= now:
        count += 1
    return count % len(plan.rotation), change(count), change(count + 1)
