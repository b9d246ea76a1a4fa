"""When hours and maintenance are in force, in a time zone, right across daylight saving. Pure functions of the time."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

from pacs_monitor.sections import DAYS
from pacs_monitor.settings import Hours, Maintenance

ALWAYS, NEVER = float("-inf"), float("inf")
# Most plans are settled within days; only a long closure makes us look further.
_REACHES = (8, 64, 400)


class Phase(NamedTuple):
    """Whether a time lies inside, and the bounds of the stretch it lies in: Unix times in seconds.

    `since` is ALWAYS and `until` NEVER if no change is known within 400 days.
    """

    inside: bool
    since: float
    until: float

    def covers(self, now: float) -> bool:
        """Whether the answer is still good."""
        return self.since <= now < self.until


class Window(NamedTuple):
    """From `start` to just before `end`: Unix times in seconds."""

    start: float
    end: float


def hours_phase(hours: Hours, zone: ZoneInfo, now: float) -> Phase:
    """Whether `now` is within the hours.

    A beginning that exists twice is the first of the two and an end the second, as a clock on the wall says; one
    that the clock jumps over is the moment of the jump.
    """
    overnight = _minutes(hours.to) <= _minutes(hours.from_)
    closed = frozenset(hours.closed)

    def window(day: date) -> Window | None:
        if not _is_working_day(day, hours, closed):
            return None
        last_day = day + timedelta(days=1) if overnight else day
        return Window(moment(day, hours.from_, zone), moment(last_day, hours.to, zone, last=True))

    return _phase(window, zone, now, days_back=2)


def maintenance_phase(planned: Maintenance, zone: ZoneInfo, now: float) -> Phase:
    """Whether `now` is within the maintenance, which lasts its real time whatever clocks do meanwhile."""

    def window(day: date) -> Window | None:
        if day != planned.on and DAYS[day.weekday()] not in planned.days:
            return None
        start = moment(day, planned.from_, zone)
        return Window(start, start + planned.for_)

    if planned.on is not None and not planned.days:
        once = window(planned.on)
        return _between([once] if once else [], now)
    return _phase(window, zone, now, days_back=9 + int(planned.for_ // 86400))


def moment(day: date, clock: str, zone: ZoneInfo, *, last: bool = False) -> float:
    """The Unix time at which clocks in the zone show `HH:MM` (to 24:00) on a day.

    The first or the `last` if they show it twice; if they jump over it, the moment of the jump.
    """
    minutes = _minutes(clock)
    wall = datetime.combine(day, time()) + timedelta(minutes=minutes)
    first, second = (_unix(wall.replace(tzinfo=zone, fold=fold)) for fold in (0, 1))
    if first <= second:
        return second if last else first
    return _jump(second, first, zone)


def _unix(local: datetime) -> float:
    return local.astimezone(UTC).timestamp()


def _jump(before: float, after: float, zone: ZoneInfo) -> float:
    """The moment between two at which the zone's offset changes."""
    low, high = int(before), int(after)
    old = datetime.fromtimestamp(low, zone).utcoffset()
    while high - low > 1:
        middle = (low + high) // 2
        if datetime.fromtimestamp(middle, zone).utcoffset() == old:
            low = middle
        else:
            high = middle
    return float(high)


def _minutes(clock: str) -> int:
    hours, _, minutes = clock.partition(":")
    return int(hours) * 60 + int(minutes)


def is_day_off(day: date, hours: Hours) -> bool:
    """Whether it is one of the days of the hours on which nobody works: `closed`, or a public holiday."""
    return _is_off(day, hours, hours.closed)


def _is_working_day(day: date, hours: Hours, closed: Container[date]) -> bool:
    return DAYS[day.weekday()] in hours.days and not _is_off(day, hours, closed)


def _is_off(day: date, hours: Hours, closed: Container[date]) -> bool:
    return day in closed or bool(hours.holidays and day in _public_holidays(hours.holidays, day.year))


@lru_cache(maxsize=64)
def _public_holidays(where: str, year: int) -> frozenset[date]:
    import holidays  # it takes a while, and few configurations use it

    country, _, subdivision = where.partition("-")
    return frozenset(holidays.country_holidays(country, subdiv=subdivision or None, years=year))


def _phase(window: Callable[[date], Window | None], zone: ZoneInfo, now: float, days_back: int) -> Phase:
    today = datetime.fromtimestamp(now, zone).date()
    phase = Phase(False, ALWAYS, NEVER)
    for reach in _REACHES:
        first = today - timedelta(days=reach + days_back)
        days = (first + timedelta(days=step) for step in range(2 * reach + days_back))
        found = sorted(filter(None, map(window, days)))
        phase = _between(found, now)
        # A stretch that reaches the edge of what was looked at has no known bound there.
        if phase.since < moment(first + timedelta(days=days_back), "00:00", zone):
            phase = phase._replace(since=ALWAYS)
        if phase.until > moment(today + timedelta(days=reach - 1), "00:00", zone):
            phase = phase._replace(until=NEVER)
        if phase.since > ALWAYS and phase.until < NEVER:
            break
    return phase


def _between(windows: list[Window], now: float) -> Phase:
    merged = list(_merged(windows))
    for window in merged:
        if window.start <= now < window.end:
            return Phase(True, window.start, window.end)
    edges = [Window(ALWAYS, ALWAYS), *merged, Window(NEVER, NEVER)]
    for before, after in pairwise(edges):
        if before.end <= now < after.start:
            return Phase(False, before.end, after.start)
    return Phase(False, ALWAYS, NEVER)


def _merged(windows: list[Window]) -> Iterator[Window]:
    """Windows that touch or overlap as one; those that daylight saving left nothing of are gone."""
    current: Window | None = None
    for window in windows:
        if window.end <= window.start:
            continue
        if current and window.start <= current.end:
            current = Window(current.start, max(current.end, window.end))
        else:
            if current:
                yield current
            current = window
    if current:
        yield current
