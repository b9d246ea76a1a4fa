"""Digests: all that a route has to tell, once a day. They keep to the clock on the wall, however it is set."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from pacs_monitor.timetable import moment

LONGEST = 25 * 3_600_000
"""Milliseconds from one to the next, on the day on which clocks are put back."""


def next_digest(clock: str, zone: str, at: int) -> int:
    """When it is `HH:MM` in a zone for the next time after a moment (both in milliseconds since 1970)."""
    where = _zone(zone)
    today = datetime.fromtimestamp(at / 1000, where).date()
    days = (today + timedelta(days=step) for step in range(-1, 3))
    return next(due for day in days if (due := round(moment(day, clock, where) * 1000)) > at)


def sensible(clock: str, zone: str, planned: int, at: int) -> int:
    """A plan for a digest, or the next one if it is further away than any can be: a clock that was wrong made it."""
    return next_digest(clock, zone, at) if planned - at > LONGEST else planned


@lru_cache(maxsize=16)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)
