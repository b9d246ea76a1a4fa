"""What is usual for a source: in which hours of the week it sends, and how long it is silent within them.

A pure function of when it has sent. Only its hours count: a silence begins with the last study, or with the hours, so
nights and weekends are none. For each hour of the week the longest silence of each day is taken, that hour with the
two beside it; the days are those of this weekday and of the weekdays like it. Of these the worst few are left out: a
day on which the source was broken, or on which nobody worked, does not teach anything.
"""

from __future__ import annotations

import itertools
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from datetime import time as clock
from statistics import median
from zoneinfo import ZoneInfo

DAY = 86400.0
KEPT = 56
"""Days that are learned from: eight weeks."""
LEAST_DAYS = 14
"""Days that a source must have been known before anything is said of it."""
_LEAVE_OUT_EVERY = 20
"""One day in so many is left out as odd."""
_LIKE = 2.0
"""Weekdays are alike if their usual silences differ by no more than this factor."""

Slot = tuple[int, int]
"""Weekday (0 is Monday) and hour, by the clocks of the site."""
Span = tuple[float, float]
"""From and until, in Unix time."""


DayOff = Callable[[date], bool]


def _never(day: date) -> bool:
    return False


@dataclass(frozen=True)
class Habits:
    """What is usual for one source."""

    zone: ZoneInfo
    usual: dict[Slot, float] = field(default_factory=dict)
    """The longest usual silence in each hour of the week in which the source sends, in seconds."""
    day_off: DayOff = _never

    def slot(self, at: float) -> Slot | None:
        """The hour of the week of a moment, if the source sends in it; None on a day off, too."""
        then = datetime.fromtimestamp(at, self.zone)
        slot = then.weekday(), then.hour
        return slot if slot in self.usual and not self.day_off(then.date()) else None

    def began(self, at: float) -> float:
        """Since when the source has been within its hours, at a moment within them: a week ago at the most."""
        hour = _hour_of(at, self.zone)
        for _ in range(24 * 7):
            if self.slot(hour - 1) is None:
                break
            hour = _hour_of(hour - 1, self.zone)
        return hour


def learn(sent: Sequence[float], blind: Sequence[Span], zone: ZoneInfo, now: float, day_off: DayOff = _never) -> Habits:
    """What is usual by the times at which a source has sent, in rising order; empty before LEAST_DAYS of them.

    `blind` are the times at which nobody looked, or nothing could be sent: they teach nothing, nor do days off.
    """
    if not sent or now - sent[0] < LEAST_DAYS * DAY:
        return Habits(zone)
    today = datetime.fromtimestamp(now, zone).date()
    first = max(datetime.fromtimestamp(sent[0], zone).date() + timedelta(days=1), today - timedelta(days=KEPT))
    spans = dict(_hours(first, today, zone))
    known = {hour for hour, span in spans.items() if not (day_off(hour[0]) or _within(span, blind))}
    slots = _hours_of_work({hour: spans[hour] for hour in known}, sent)
    longest = {}
    for hour, began in _beginnings(spans, slots, day_off):
        if hour in known and (silence := _silence(spans[hour], began, sent, blind)) is not None:
            longest[hour] = silence
    return Habits(zone, dict(_usual(longest)), day_off)


Hour = tuple[date, int]
"""A day and an hour of its clocks."""


def _hours_of_work(known: dict[Hour, Span], sent: Sequence[float]) -> set[Slot]:
    """The hours of the week in which it has sent on most of the days, on two at least."""
    seen: dict[Slot, list[bool]] = {}
    for (day, hour), span in known.items():
        hit = bisect_left(sent, span[0]) < bisect_left(sent, span[1])
        seen.setdefault((day.weekday(), hour), []).append(hit)
    return {slot for slot, hits in seen.items() if sum(hits) >= 2 and 2 * sum(hits) >= len(hits)}


def _beginnings(spans: dict[Hour, Span], slots: set[Slot], day_off: DayOff) -> Iterator[tuple[Hour, float]]:
    """The hours in which it is to send, each with the beginning of the hours that follow one another up to it."""
    began: float | None = None
    for (day, hour), (start, _) in spans.items():
        if (day.weekday(), hour) not in slots or day_off(day):
            began = None
            continue
        began = start if began is None else began
        yield (day, hour), began


def _silence(span: Span, began: float, sent: Sequence[float], blind: Sequence[Span]) -> float | None:
    """The longest silence at any moment of an hour, within the source's hours; None if nobody saw all of it."""
    start, end = span
    before = bisect_left(sent, start)
    since = max(began, sent[before - 1] if before else 0.0)
    if _within((since, end), blind):
        return None
    marks = [since, *sent[before : bisect_left(sent, end)], end]
    return max(later - earlier for earlier, later in itertools.pairwise(marks))


def _usual(longest: dict[Hour, float]) -> Iterator[tuple[Slot, float]]:
    by_slot: dict[Slot, list[float]] = {}
    for day, hour in longest:
        beside = [longest[day, near] for near in (hour - 1, hour, hour + 1) if (day, near) in longest]
        by_slot.setdefault((day.weekday(), hour), []).append(max(beside))
    middle = {slot: median(silences) for slot, silences in by_slot.items()}
    for slot in by_slot:
        pool = [
            silence
            for weekday in range(7)
            if (like := (weekday, slot[1])) in middle and _alike(middle[like], middle[slot])
            for silence in by_slot[like]
        ]
        odd = len(pool) // _LEAVE_OUT_EVERY
        yield slot, sorted(pool)[-1 - odd]


def _alike(one: float, other: float) -> bool:
    return one <= _LIKE * other and other <= _LIKE * one


def _within(span: Span, blind: Sequence[Span]) -> bool:
    """Whether any of the blind times touches the span; they are in rising order and do not overlap."""
    place = bisect_right(blind, (span[0], float("inf"))) - 1
    return any(start < span[1] and end > span[0] for start, end in blind[max(place, 0) : place + 2])


def _hours(first: date, end: date, zone: ZoneInfo) -> Iterator[tuple[Hour, Span]]:
    """Every hour of the days before `end`, without those that clocks skip."""
    for number in range((end - first).days):
        day = first + timedelta(days=number)
        marks = [datetime.combine(day, clock(hour), zone).timestamp() for hour in range(24)]
        marks.append(datetime.combine(day + timedelta(days=1), clock(), zone).timestamp())
        for hour, span in enumerate(itertools.pairwise(marks)):
            if span[0] < span[1]:
                yield (day, hour), span


def _hour_of(at: float, zone: ZoneInfo) -> float:
    """When the hour of a moment began: offsets of zones are not all whole hours."""
    then = datetime.fromtimestamp(at, zone)
    return at - (then.minute * 60 + then.second + then.microsecond / 1e6)
