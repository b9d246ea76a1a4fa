"""How fast something grows: the median of slopes, which neither weekends nor single days can bend.

Slopes are taken between days that are whole weeks apart, so that a weekday is only compared with its like, and at least
a third of what is known apart, so that noise is small beside what has grown. Their median is the pace (as Theil and Sen
have it); nine tenths of them are above the slow pace, and nine tenths below the fast one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from statistics import fmean, median
from typing import NamedTuple

WEEK = 7
_FEWEST_SLOPES = 3


class Point(NamedTuple):
    """A day, as a number of days, and a value."""

    day: int
    value: float


class Trend(NamedTuple):
    """Change a day: the usual pace, and those that nine tenths of the past were above and below."""

    usual: float
    slow: float
    fast: float


def trend(points: Sequence[Point], *, steady: bool = True) -> Trend | None:
    """The trend of daily values, in any order; None if they are too few, which ten days in a row are not.

    `steady` is for values of each day, and compares weekdays with their like; without it any days are compared.
    """
    if len(points) < _FEWEST_SLOPES:
        return None
    values = dict(points)
    slopes = sorted(_slopes(values, WEEK if steady else 1))
    return _trend_of(slopes)


def pace_over(points: Sequence[Point], days: int) -> Trend | None:
    """The paces of all spans of so many days, such as the months of a year; None if they are too few."""
    values = dict(points)
    slopes = sorted((values[day + days] - value) / days for day, value in values.items() if day + days in values)
    return _trend_of(slopes)


def _trend_of(slopes: Sequence[float]) -> Trend | None:
    if len(slopes) < _FEWEST_SLOPES:
        return None
    tenth = len(slopes) // 10
    return Trend(median(slopes), slopes[tenth], slopes[-1 - tenth])


def _slopes(values: Mapping[int, float], every: int) -> Iterator[float]:
    days = sorted(values)
    last = days[-1]
    apart = max(every, (last - days[0]) // 3 // every * every)
    for day in days:
        for later in range(day + apart, last + 1, every):
            if later in values:
                yield (values[later] - values[day]) / (later - day)


def jumps(points: Sequence[Point], least: float, times: float) -> dict[int, float]:
    """Days on which the value jumped, in order, with how far beyond what is usual: a clean-up, an import.

    `points` are in order of days. A jump is `least` at least, and so many times the usual change of a day: to a weekend
    on which nothing changes it is once.
    """
    pairs = [(before, after, after.day - before.day) for before, after in pairwise(points)]
    daily = [after.value - before.value for before, after, days in pairs if days == 1]
    if not daily:
        return {}
    middle = median(daily)
    spread = max(median(abs(change) for change in daily), median(abs(change - middle) for change in daily))
    limit = max(times * spread, least)
    usual = fmean(change for change in daily if abs(change - middle) <= max(limit, 2 * spread))
    found = {}
    for before, after, days in pairs:
        beyond = after.value - before.value - days * usual
        if abs(beyond) > limit * days**0.5:
            found[after.day] = beyond
    return found


def without(points: Sequence[Point], jumped: Mapping[int, float]) -> list[Point]:
    """The points as if these jumps had not been; the last one stays where it is."""
    ahead = sum(jumped.values())
    smooth = []
    for point in points:
        ahead -= jumped.get(point.day, 0.0)
        smooth.append(Point(point.day, point.value + ahead))
    return smooth


def weekdays(points: Sequence[Point]) -> tuple[float, ...]:
    """How much more or less than on average changes by each of seven weekdays (day modulo 7), in sum nothing."""
    changes: list[list[float]] = [[] for _ in range(WEEK)]
    for before, after in pairwise(points):
        if after.day - before.day == 1:
            changes[after.day % WEEK].append(after.value - before.value)
    if min(map(len, changes)) < _FEWEST_SLOPES:
        return (0.0,) * WEEK
    usual = [median(each) for each in changes]
    average = sum(usual) / WEEK
    return tuple(each - average for each in usual)
