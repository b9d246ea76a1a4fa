"""Alertmanager's time intervals: when routes are muted or active."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Protocol
from zoneinfo import ZoneInfo

Range = tuple[int, int]
"""Both ends belong to it."""
MINUTES_OF_A_DAY = 1440


class Interval(Protocol):
    """Something that routes are muted or active in."""

    def contains(self, at: int) -> bool:
        """Whether a moment, in milliseconds since 1970, lies within."""
        ...


@dataclass(frozen=True, slots=True)
class TimeInterval:
    """Each field that says something must agree; a field agrees if one of its ranges does."""

    times: tuple[Range, ...] = ()
    """Minutes of the day; the end does not belong to it."""
    weekdays: tuple[Range, ...] = ()
    """0 is Sunday."""
    days_of_month: tuple[Range, ...] = ()
    """From 1; negative ones count from the end of the month."""
    months: tuple[Range, ...] = ()
    years: tuple[Range, ...] = ()
    location: str = ""
    """A time zone's name; "" is UTC."""

    def contains(self, at: int) -> bool:
        """Whether a moment, in milliseconds since 1970, lies within."""
        zone: tzinfo = ZoneInfo(self.location) if self.location else UTC
        then = datetime.fromtimestamp(at / 1000, zone)
        minute = then.hour * 60 + then.minute
        return (
            (not self.times or any(start <= minute < end for start, end in self.times))
            and _in(self.weekdays, then.isoweekday() % 7)
            and self._day_agrees(then)
            and _in(self.months, then.month)
            and _in(self.years, then.year)
        )

    def _day_agrees(self, then: datetime) -> bool:
        if not self.days_of_month:
            return True
        last = _days_in(then)
        for start, end in self.days_of_month:
            first = start if start > 0 else last + start + 1
            final = end if end > 0 else last + end + 1
            # A range may reach past either end of a short month.
            if max(first, 1) <= then.day <= min(final, last):
                return True
        return False


def _in(ranges: tuple[Range, ...], value: int) -> bool:
    return not ranges or any(start <= value <= end for start, end in ranges)


def _days_in(then: datetime) -> int:
    following = then.replace(day=28, hour=0, fold=0)
    ordinal = following.toordinal() + 4
    return 28 + 4 - datetime.fromordinal(ordinal).day
