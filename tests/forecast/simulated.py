"""Volumes of a simulated year: an hour at a time, by the local clock of a hospital, with noise that a seed makes."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from pacs_monitor.forecast import Forecast, Room
from tests.checks.support import DictMemory

GB, TB = 1e9, 1e12
DAY = 86400.0
SIZE = 50 * TB
ZONE = ZoneInfo("Europe/Bucharest")
END = datetime(2026, 11, 25, 12, tzinfo=ZONE)  # a Wednesday; daylight saving ended a month ago
WEEKDAY, WEEKEND = 50 * GB, 2.5 * GB
A_DAY = (5 * WEEKDAY + 2 * WEEKEND) / 7


@dataclass
class Volume:
    """What is free on a volume that takes images on weekdays from 8 to 18."""

    free: float = 20 * TB
    size: float = SIZE
    weekday: float = WEEKDAY
    weekend: float = WEEKEND
    noise: float = 0.15
    events: list[Callable[[Volume, datetime], None]] = field(default_factory=list)
    rng: random.Random = field(default_factory=lambda: random.Random(1))

    def pass_hour(self, when: datetime) -> None:
        """Let this hour pass."""
        if 8 <= when.hour < 18:
            rate = self.weekend if when.weekday() >= 5 else self.weekday
            self.free -= rate / 10 * self.rng.gauss(1, self.noise)
        for event in self.events:
            event(self, when)

    @property
    def room(self) -> Room:
        """What a check would read."""
        return Room(self.free, self.size)


def days_ago(days: float) -> datetime:
    return END - timedelta(days=days)


def at(days: float, by: float) -> Callable[[Volume, datetime], None]:
    """So many days before the end, so many bytes become free at once."""
    moment = days_ago(days).replace(minute=0, second=0)

    def event(volume: Volume, when: datetime) -> None:
        if when == moment.astimezone(ZONE):
            volume.free += by

    return event


@dataclass
class Told:
    """What the check would export at the end, and what was said on the way."""

    values: dict[str, float]
    now: float
    memory: DictMemory
    days_left: dict[int, float]
    """Days to full, by how many days ago that was foretold, where it was."""

    def left(self, which: str = "full") -> float | None:
        """Days until it is full, early or late."""
        name = "pacs_storage_full" + ("" if which == "full" else f"_{which}") + "_timestamp_seconds"
        return (self.values[name] - self.now) / DAY if name in self.values else None

    @property
    def growth(self) -> float | None:
        """Bytes a day."""
        return self.values.get("pacs_storage_growth_bytes_per_day")


async def live(
    volume: Volume,
    days: int,
    *,
    away: Collection[int] = (),
    clock: Callable[[datetime], datetime] = lambda when: when,
    memory: DictMemory | None = None,
    end: datetime = END,
) -> Told:
    """Let the agent watch a volume for so many days until then; `away` are days ago on which it was down."""
    memory, forecast = memory or DictMemory(), Forecast()
    told = Told({}, end.timestamp(), memory, {})
    # Hours pass by UTC: the local clock has one of 23 hours and one of 25.
    for hour in range(days * 24, -1, -1):
        when = (end.astimezone(UTC) - timedelta(hours=hour)).astimezone(ZONE)
        volume.pass_hour(when)
        if hour // 24 in away:
            continue
        seen = clock(when).timestamp()
        await forecast.note(memory, seen, {"/data": volume.room})
        told.values = {sample.metric.name: sample.value for sample in forecast.samples(["/data"])}
        if hour % 24 == 0 and "pacs_storage_full_timestamp_seconds" in told.values:
            told.days_left[hour // 24] = (told.values["pacs_storage_full_timestamp_seconds"] - seen) / DAY
    return told


def near(days: float | None, expected: float, share: float = 0.05) -> bool:
    """Whether a forecast is right but for a share and a day."""
    return days is not None and abs(days - expected) <= share * expected + 1
