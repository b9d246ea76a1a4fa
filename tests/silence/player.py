"""Weeks of a hospital in a moment: a source that sends by the clock, an agent that looks, goes down and comes back."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from pacs_monitor.silence.diary import Diary, Silent
from pacs_monitor.silence.judging import Judge, Verdict
from pacs_monitor.silence.learning import DayOff, Span
from tests.checks.support import DictMemory

ZONE = ZoneInfo("Europe/Bucharest")
MONDAY = date(2026, 1, 5)
WORKDAYS = (0, 1, 2, 3, 4)
LOOK = 300.0


def at(day: date, clock: str) -> float:
    """The Unix time of `HH:MM` on a day."""
    hour, minute = map(int, clock.split(":"))
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=ZONE).timestamp()


def local(moment: float) -> datetime:
    return datetime.fromtimestamp(moment, ZONE)


@dataclass(frozen=True)
class Scanner:
    """Sends from `start` to `end` o'clock on its weekdays, every `mean` minutes more or less."""

    mean: float = 15.0
    start: int = 8
    end: int = 17
    weekdays: Sequence[int] = WORKDAYS
    off: Sequence[date] = ()

    def sends(self, first: date, days: int, rng: random.Random) -> list[float]:
        """When it sends, in rising order."""
        return [moment for number in range(days) for moment in self._day(first + timedelta(days=number), rng)]

    def _day(self, day: date, rng: random.Random) -> Iterator[float]:
        if day.weekday() not in self.weekdays or day in self.off:
            return
        moment, end = at(day, f"{self.start}:00"), at(day + timedelta(days=self.end == 24), f"{self.end % 24}:00")
        while (moment := moment + rng.gammavariate(2.0, self.mean * 30)) < end:
            yield moment


def without(sends: Iterable[float], *silences: Span) -> list[float]:
    return [moment for moment in sends if not any(start <= moment < end for start, end in silences)]


def held_back(sends: Iterable[float], outage: Span) -> list[float]:
    """What could not be sent during an outage of the archive comes when it is over."""
    return sorted(outage[1] + 60 if outage[0] <= moment < outage[1] else moment for moment in sends)


@dataclass
class Player:
    """An agent that watches one source, CT2. `told`: each silence that it found out, and when."""

    memory: DictMemory = field(default_factory=DictMemory)
    day_off: DayOff = lambda day: False
    told: list[tuple[float, Silent]] = field(default_factory=list)
    ended: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """A new process, which knows what the memory holds."""
        self.diary = Diary(self.memory)
        self.judge = Judge(self.diary, ZONE, 2.0, 1800.0, self.day_off)

    async def play(
        self, sends: Sequence[float], start: float, end: float, down: Sequence[Span] = (), restarts: bool = True
    ) -> None:
        """Look every five minutes, but not in the times `down`, after which it is another process."""
        waiting, now, was_down = list(reversed(sends)), start, False
        while now < end:
            now += LOOK
            if any(begin <= now < over for begin, over in down):
                was_down = True
                continue
            if was_down and restarts:
                self.restart()
            was_down = False
            self.diary.look(now, 3 * LOOK)
            self.diary.turn(local(now).date().isoformat())
            while waiting and waiting[-1] <= now:
                self.diary.note("CT2", waiting.pop())
            self.judge.learn(self.judge.to_learn(now), now)
            self._judge(now)
            if local(now).minute < 5 or any(begin <= now + LOOK < over for begin, over in down):
                await self.diary.save(now)
        await self.diary.save(now)

    def verdict(self, now: float) -> Verdict:
        """What is said of it now."""
        self.judge.learn(self.judge.to_learn(now), now)
        return self.judge.judge("CT2", now)

    def _judge(self, now: float) -> None:
        if "CT2" not in self.diary.last:
            return
        before = self.told[-1][1] if self.told else None
        silent = self.judge.judge("CT2", now).silent
        if silent is not None and silent != before:
            self.told.append((now, silent))
        elif silent is None and len(self.told) > len(self.ended):
            self.ended.append(now)
