"""When a volume will be full: from its days to a moment, with an early and a late one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from statistics import median
from typing import NamedTuple

from pacs_monitor.forecast.trend import WEEK, Point, Trend, jumps, pace_over, trend, weekdays, without

DAY = 86400.0
WINDOW = 91
"""Days that the usual pace comes from: a quarter; older ones widen the range."""
MONTH = 28
HORIZON = 10 * 365
"""Days; what is full later than that is not foretold."""
_SAME_SIZE = 0.05
"""A volume whose size differs by more is another one, or was enlarged."""
_LEAST_JUMP = 0.002
"""Share of the size."""
_EVENT, _EMPTIED = 6.0, 3.0
"""So many times the usual change of a day is an event; half of that is enough where a volume is emptied regularly."""
_RARE = 2
"""So many jumps in a quarter are events; more of them are the way it works."""
_EMPTIED_WITHIN, _EMPTIED_AGO = 182, 61
"""A volume is emptied by rule if it was three times within so many days, the last time no longer ago."""


class Day(NamedTuple):
    """What is kept of a day to reckon with: free bytes at its median and its lowest, and the size."""

    free: float
    lowest: float
    size: float


class Outlook(NamedTuple):
    """What is foretold of a volume. Moments are Unix time, absent (None) if it does not fill up within ten years."""

    days: int
    """Days of measurements that it rests upon."""
    growth: float | None = None
    """Bytes a day; None if too little is known."""
    full: float | None = None
    early: float | None = None
    late: float | None = None


def outlook(days: Mapping[int, Day], recent: Sequence[float], size: float, now: float) -> Outlook:
    """The outlook from past days (by number since 1970, UTC) and from free bytes of the last day, an hour each.

    Today is left out of `days`: half of it is no day.
    """
    today = int(now // DAY)
    known = _of_this_size(days, size, today)
    points = [Point(day, each.free) for day, each in known]
    if not recent:
        return Outlook(len(points))
    emptied = _emptied(points, size, today)
    lows = _lows(points, size, emptied, min(recent))
    smooth = without(points, _events(points, size, _EMPTIED if emptied else _EVENT))
    found = trend(lows, steady=False) if lows else trend([point for point in smooth if today - point.day <= WINDOW])
    if found is None:
        return Outlook(len(points))
    # What is free falls where what is used grows.
    growth = Trend(-found.usual, -found.fast, -found.slow)
    if growth.usual <= 0 or growth.slow < 0:
        return Outlook(len(points), growth.usual)
    if lows:
        run = _Run(lows[-1].value, (lows[-1].day + 0.5) * DAY, (0.0,) * WEEK)
    else:
        level = median(recent) - _dip(known[-MONTH:], growth.usual)
        run = _Run(level, now - DAY / 2, weekdays(smooth[-WINDOW:]))
        if months := pace_over(smooth, MONTH):
            growth = Trend(growth.usual, min(growth.slow, -months.fast), max(growth.fast, -months.slow))
    return Outlook(
        len(points), growth.usual, *(run.end(pace, now) for pace in (growth.usual, growth.fast, growth.slow))
    )


def _of_this_size(days: Mapping[int, Day], size: float, today: int) -> list[tuple[int, Day]]:
    """The days, in order, since the volume was given its size; single days of another size are a mount that failed."""
    kept: list[tuple[int, Day]] = []
    others = 0
    for day in sorted((day for day in days if day < today), reverse=True):
        if abs(days[day].size - size) <= _SAME_SIZE * size:
            kept.append((day, days[day]))
            others = 0
        elif (others := others + 1) > _RARE:
            break
    return kept[::-1]


def _events(points: Sequence[Point], size: float, times: float) -> dict[int, float]:
    """What is no growth: every clean-up, and imports that are rare; one a month is how some archives are fed."""
    imports = {day: by for day, by in jumps(points, _LEAST_JUMP * size, _EVENT).items() if by < 0}
    rare = {day: by for day, by in imports.items() if sum(abs(day - other) <= WINDOW for other in imports) <= _RARE}
    return rare | {day: by for day, by in jumps(points, _LEAST_JUMP * size, times).items() if by > 0}


def _emptied(points: Sequence[Point], size: float, today: int) -> list[int]:
    """The days on which the volume was emptied, if that happens by rule; else nothing."""
    gains = [day for day, by in jumps(points, _LEAST_JUMP * size, _EMPTIED).items() if by > 0]
    # What is deleted over two days is one time.
    lately = [day for day in gains if day - 1 not in gains and today - day <= _EMPTIED_WITHIN]
    return lately if len(lately) > _RARE and today - lately[-1] <= _EMPTIED_AGO else []


def _lows(points: Sequence[Point], size: float, emptied: Sequence[int], free: float) -> list[Point]:
    """How little was free each time before it was emptied; nothing if it is filled further than ever by now."""
    before = {after.day: point for point, after in pairwise(points)}
    lows = [before[day] for day in emptied]
    lowest, highest = min(lows, key=_value, default=None), max(lows, key=_value, default=None)
    if lowest is None or highest is None:
        return []
    return lows if free >= lowest.value - max(_LEAST_JUMP * size, highest.value - lowest.value) else []


def _value(point: Point) -> float:
    return point.value


def _dip(known: Sequence[tuple[int, Day]], growth: float) -> float:
    """How far free bytes fall each day below their median, beyond what is growth: a nightly backup, say."""
    return max(0.0, median(day.free - day.lowest for _, day in known) - max(0.0, growth) / 2)


class _Run(NamedTuple):
    """From how much is free at a moment to none."""

    level: float
    since: float
    profile: Sequence[float]
    """How much more or less than on average becomes free by each weekday."""

    def end(self, pace: float, now: float) -> float | None:
        """When a pace has taken it all: day by day for four weeks, since weekends take less, and evenly from there."""
        if pace <= 0:
            return None
        level, moment = self.level, self.since
        for _ in range(4 * WEEK):
            taken = pace - self.profile[int(moment // DAY + 1) % WEEK]
            if taken > 0 and taken >= level:
                return max(now, moment + DAY * max(0.0, level) / taken)
            level -= taken
            moment += DAY
        return max(now, moment + DAY * level / pace) if level <= HORIZON * pace else None
