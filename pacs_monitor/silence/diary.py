"""What is kept of sources: when each has sent, in steps of five minutes for eight weeks. Times and names, no more.

One key holds one day of one source, another what changes with each look: so a look writes little, and nothing has to
be moved at midnight.
"""

from __future__ import annotations

import asyncio
import contextlib
from bisect import bisect_left
from dataclasses import asdict, dataclass, field
from typing import Any

from pacs_monitor.check import Memory
from pacs_monitor.silence.learning import DAY, KEPT, Span

STEP = 300
"""Seconds; what comes within one step is one line of the diary, so a busy source takes no more room than others."""
OTHER = "other"
"""The source that stands for all beyond those that there is room for."""
_A_DAY, _NOW = "sent/", "now"
_MOST_BLIND = 1000
_STEPS = int(DAY) // STEP


@dataclass(frozen=True)
class Silent:
    """A silence that was longer than usual, with what was usual when it was found out; it lasts until a study comes."""

    since: float
    """When the last study came."""
    limit: float
    usual: float
    weekday: int
    hour: int


@dataclass
class Diary:
    """The times of all sources, in Unix time. `save` writes what has changed."""

    memory: Memory
    last: dict[str, float] = field(default_factory=dict)
    """When each source last sent."""
    silent: dict[str, Silent] = field(default_factory=dict)
    today: dict[str, int] = field(default_factory=dict)
    """Studies of this day."""
    day: str = ""
    """The day that they are of, by the clocks of the site."""
    watched: float | None = None
    """Until when somebody looked."""
    blind: list[Span] = field(default_factory=list)
    """When nobody looked, or could look, in rising order."""
    position: int | None = None
    """Where the list of changes was read up to, where there is one."""

    def __post_init__(self) -> None:
        self._steps: dict[str, list[int]] = {}
        self._changed: set[tuple[int, str]] = set()
        self._first = 0
        self._load()

    @property
    def sources(self) -> list[str]:
        """Everybody who is known, in the order of their first study here."""
        return list(self.last)

    def times(self, source: str) -> list[float]:
        """When a source has sent, in rising order, to the step."""
        return [float(step * STEP) for step in self._steps.get(source, ())]

    def note(self, source: str, at: float, of_today: bool = True) -> None:
        """A source has sent a study; `of_today`: on the day that `turn` was told."""
        self.today[source] = self.today.get(source, 0) + of_today
        self.last[source] = max(at, self.last.get(source, 0.0))
        if source in self.silent and at > self.silent[source].since:
            del self.silent[source]
        step, steps = int(at) // STEP, self._steps.setdefault(source, [])
        place = bisect_left(steps, step)
        if steps[place : place + 1] != [step]:
            steps.insert(place, step)
            self._changed.add((step // _STEPS, source))

    def turn(self, day: str) -> None:
        """Count from zero on a new day; `day` is today by the clocks of the site."""
        if day != self.day:
            self.day, self.today = day, {}

    def look(self, now: float, patience: float) -> None:
        """Somebody looks. If that was `patience` seconds ago, nobody knows what was silent in between."""
        if self.watched is not None and now - self.watched > patience:
            self.blind = [*self.blind[1 - _MOST_BLIND :], (self.watched, now)]
        self.watched = now

    async def save(self, now: float) -> None:
        """Write what has changed, and drop what is too old. A disk that is full is the agent's to tell, not ours."""
        first = int(now // DAY) - KEPT - 1
        self.blind = [span for span in self.blind if span[1] > first * DAY]
        puts = [self.memory.put(_key(*one), self._of_day(*one)) for one in self._changed if one[0] >= first]
        self._changed.clear()
        drops = [self.memory.delete(key) for key in self._old(first)]
        for source in [source for source, at in self.last.items() if at < first * DAY]:
            self.forget(source)
        with contextlib.suppress(OSError):
            await asyncio.gather(*puts, *drops)
            await self.memory.put(_NOW, self._now())

    def forget(self, source: str) -> None:
        """Drop what is known of a source beside its days, which go by and by."""
        for known in (self.last, self.silent, self.today, self._steps):
            known.pop(source, None)

    def _old(self, first: int) -> list[str]:
        """The keys of days that are too old, looked for once a day."""
        if first == self._first:
            return []
        self._first = first
        for source, steps in self._steps.items():
            self._steps[source] = steps[bisect_left(steps, first * _STEPS) :]
        keys = [key for key, _ in self.memory.items() if key.startswith(_A_DAY)]
        return [key for key in keys if int(key.split("/", 2)[1]) < first]

    def _of_day(self, day: int, source: str) -> list[int]:
        steps = self._steps.get(source, [])
        of_day = steps[bisect_left(steps, day * _STEPS) : bisect_left(steps, (day + 1) * _STEPS)]
        return [step - day * _STEPS for step in of_day]

    def _now(self) -> dict[str, Any]:
        return {
            "last": {source: round(at) for source, at in self.last.items()},
            "silent": {source: asdict(silent) for source, silent in self.silent.items()},
            "today": self.today,
            "day": self.day,
            "watched": self.watched,
            "blind": [[round(start), round(end)] for start, end in self.blind],
            "position": self.position,
        }

    def _load(self) -> None:
        kept = self.memory.get(_NOW, {})
        self.last.update(kept.get("last", {}))
        self.silent.update({source: Silent(**silent) for source, silent in kept.get("silent", {}).items()})
        self.today.update(kept.get("today", {}))
        self.day, self.watched, self.position = kept.get("day", ""), kept.get("watched"), kept.get("position")
        self.blind = [(float(start), float(end)) for start, end in kept.get("blind", [])]
        days = [(*key.split("/", 2)[1:], value) for key, value in self.memory.items() if key.startswith(_A_DAY)]
        for day, source, steps in sorted(days, key=lambda one: int(one[0])):
            self._steps.setdefault(source, []).extend(int(day) * _STEPS + step for step in steps)


def _key(day: int, source: str) -> str:
    return f"{_A_DAY}{day}/{source}"
