"""Whether a source is silent for longer than usual. What says so stays so until it sends again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from pacs_monitor.silence.diary import OTHER, Diary, Silent
from pacs_monitor.silence.learning import DayOff, Habits, learn

MOST_LEARNED = 3
"""Sources that are learned anew in one run: it takes some 20 ms each, and once a day will do."""


class Verdict(NamedTuple):
    """How long a source may be silent now, in seconds; and that it is silent for longer, if it is."""

    limit: float | None
    """None while it is not judged: outside its hours, before it is known, and after nobody could look."""
    silent: Silent | None


@dataclass
class Judge:
    """Judges by what is usual, `factor` times that and `least` seconds at the least."""

    diary: Diary
    zone: ZoneInfo
    factor: float
    least: float
    day_off: DayOff = lambda day: False
    habits: dict[str, tuple[date, Habits]] = field(default_factory=dict)
    """What was learned of each source, and on which day."""

    def day(self, at: float) -> date:
        """The day of a moment, by the clocks of the site."""
        return datetime.fromtimestamp(at, self.zone).date()

    def to_learn(self, now: float) -> list[str]:
        """Some of the sources whose habits are not of today yet."""
        today = self.day(now)
        stale = [source for source in self.diary.sources if source != OTHER and self._learned(source) != today]
        return stale[:MOST_LEARNED]

    def learn(self, sources: Sequence[str], now: float) -> None:
        """Learn what is usual for these sources. Takes a while: it may run in a thread."""
        today = self.day(now)
        for source in sources:
            habits = learn(self.diary.times(source), self.diary.blind, self.zone, now, self.day_off)
            self.habits[source] = today, habits

    def judge(self, source: str, now: float) -> Verdict:
        """What is to be said of a source now; a silence that is found out is noted in the diary."""
        silent = self.diary.silent.get(source)
        if silent is not None:
            return Verdict(silent.limit, silent)
        _, habits = self.habits.get(source, (None, None))
        slot = habits.slot(now) if habits else None
        if habits is None or slot is None:
            return Verdict(None, None)
        last, limit = self.diary.last[source], max(self.least, self.factor * habits.usual[slot])
        if now - last <= limit:
            return Verdict(limit, None)
        # The silence of a night, and one that nobody could see, are none: its patience begins after them.
        if now - max(habits.began(now), self._seeing_since()) <= limit:
            return Verdict(None, None)
        silent = self.diary.silent[source] = Silent(last, limit, habits.usual[slot], *slot)
        return Verdict(limit, silent)

    def _seeing_since(self) -> float:
        return self.diary.blind[-1][1] if self.diary.blind else 0.0

    def _learned(self, source: str) -> date | None:
        return self.habits[source][0] if source in self.habits else None
