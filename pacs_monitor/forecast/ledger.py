"""What a check remembers of volumes: free bytes at each hour of 13 months, in its own memory.

A key for each day (UTC: it has neither daylight saving nor two midnights) holds, for each volume, its size and 24
numbers: 104 bytes, which are 140 characters as text.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import math
import struct
from array import array
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from statistics import median
from typing import Any, NamedTuple

from pacs_monitor.check import Memory
from pacs_monitor.forecast.outlook import DAY, Day
from pacs_monitor.memory import NotSaved

KEPT = 400
"""Days: 13 months."""
_HOURS = 24
_PREFIX = "free/"
_EPOCH = date(1970, 1, 1)
_FORM = struct.Struct("<d24f")


class Room(NamedTuple):
    """Bytes that are free, and the size of the volume."""

    free: float
    size: float


class _Hours:
    """One volume's day."""

    def __init__(self) -> None:
        self.size = 0.0
        self.free = array("f", [math.nan] * _HOURS)  # single precision: of 50 TB it tells 4 MB

    def summary(self) -> Day:
        known = [each for each in self.free if not math.isnan(each)]
        return Day(median(known), min(known), self.size)

    def to_text(self) -> str:
        return base64.b64encode(_FORM.pack(self.size, *self.free)).decode()

    @classmethod
    def from_text(cls, text: str) -> _Hours:
        hours = cls()
        hours.size, *free = _FORM.unpack(base64.b64decode(text))
        hours.free = array("f", free)
        return hours


class Ledger:
    """The hours of all volumes of one check; days but the last two are kept as what they come to."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._lately: dict[int, dict[str, _Hours]] = {}
        self._days: dict[str, dict[int, Day]] = {}
        self._kept: set[int] = set()

    @classmethod
    async def read(cls, memory: Memory) -> Ledger:
        """The ledger that a memory holds."""
        ledger = cls(memory)
        for key, value in memory.items():
            if key.startswith(_PREFIX):
                ledger._read(_day_of(key), value)
                await asyncio.sleep(0)  # a day of 64 volumes takes half a millisecond, and there are 400
        return ledger

    def _read(self, day: int, volumes: dict[str, str]) -> None:
        self._kept.add(day)
        hours = {volume: _Hours.from_text(text) for volume, text in volumes.items()}
        for volume, each in hours.items():
            self._days.setdefault(volume, {})[day] = each.summary()
        # Only of the last two will hours be asked, but who says which those are by the clock of the next note?
        self._lately[day] = hours

    async def note(self, now: float, rooms: Mapping[str, Room]) -> bool:
        """Keep the first reading of each hour; whether this is one. It is kept here if it cannot be saved."""
        day, hour = divmod(int(now // 3600), _HOURS)
        self._forget_hours(day)
        today = self._lately.setdefault(day, {})
        new = {volume: room for volume, room in rooms.items() if self._is_new(today, volume, hour)}
        if not new:
            return False
        for volume, room in new.items():
            hours = today.setdefault(volume, _Hours())
            hours.free[hour], hours.size = room
            self._days.setdefault(volume, {})[day] = hours.summary()
        # The agent itself says that it cannot save, and a probe by hand has nothing to save to.
        with contextlib.suppress(NotSaved):
            await self._save(day, today)
        return True

    def _is_new(self, today: Mapping[str, _Hours], volume: str, hour: int) -> bool:
        return volume not in today or math.isnan(today[volume].free[hour])

    def _forget_hours(self, day: int) -> None:
        for other in [other for other in self._lately if other not in (day, day - 1)]:
            del self._lately[other]

    async def _save(self, day: int, volumes: Mapping[str, _Hours]) -> None:
        await self._memory.put(_key(day), {volume: hours.to_text() for volume, hours in volumes.items()})
        self._kept.add(day)
        # The farthest, not the oldest: a clock that was wrong for an hour must not empty the memory.
        while len(self._kept) > KEPT:
            farthest = max(self._kept, key=lambda each: abs(each - day))
            await self._memory.delete(_key(farthest))
            self._kept.discard(farthest)
            for days in self._days.values():
                days.pop(farthest, None)

    def volumes(self) -> list[str]:
        """Those that were measured today or yesterday, by the clock of the last note."""
        return sorted({volume for volumes in self._lately.values() for volume in volumes})

    def days(self, volume: str, now: float) -> dict[int, Day]:
        """The days of a volume before today, of the last 13 months."""
        today = int(now // DAY)
        return {day: each for day, each in self._days.get(volume, {}).items() if today - KEPT <= day < today}

    def recent(self, volume: str, now: float) -> list[float]:
        """Free bytes at each hour of the last 24, as far as they are known."""
        return list(self._recent(volume, int(now // 3600)))

    def _recent(self, volume: str, last: int) -> Iterator[float]:
        for each in range(last - _HOURS + 1, last + 1):
            day, hour = divmod(each, _HOURS)
            hours: Any = self._lately.get(day, {}).get(volume)
            if hours is not None and not math.isnan(hours.free[hour]):
                yield hours.free[hour]

    def size(self, volume: str, now: float) -> float:
        """The size that a volume has had lately; 0 if it was not measured yesterday or today."""
        today = int(now // DAY)
        for day in (today, today - 1):
            if volume in self._lately.get(day, {}):
                return self._lately[day][volume].size
        return 0.0


def _day_of(key: str) -> int:
    return (date.fromisoformat(key.removeprefix(_PREFIX)) - _EPOCH).days


def _key(day: int) -> str:
    return _PREFIX + datetime.fromtimestamp(day * DAY, UTC).date().isoformat()
