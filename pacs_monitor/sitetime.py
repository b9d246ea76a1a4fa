"""The time as a site has it: its time zone and its named hours, for checks that go by the day or by opening hours."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from zoneinfo import ZoneInfo

from pacs_monitor.sections import DAYS, Day
from pacs_monitor.settings import Hours
from pacs_monitor.timetable import Phase, hours_phase, is_day_off


@dataclass(frozen=True)
class SiteTime:
    """What a check is told of the configuration's `time_zone`, and of those `hours` that its settings name."""

    time_zone: str = "UTC"
    hours: Mapping[str, Hours] = field(default_factory=dict)
    wall: Callable[[], float] = time.time
    """Unix time in seconds."""
    _phases: dict[str, Phase] = field(default_factory=dict, init=False, repr=False, compare=False)

    def now(self) -> datetime:
        """This moment in the site's time zone."""
        return datetime.fromtimestamp(self.wall(), ZoneInfo(self.time_zone))

    def within(self, name: str) -> bool:
        """Whether it is within these hours now. Raises LookupError if the settings name no such hours."""
        now, phase = self.wall(), self._phases.get(name)
        if phase is None or not phase.covers(now):
            # Kept until it ends: to learn that hours never change takes a look at all days of a year.
            phase = self._phases[name] = hours_phase(self.hours[name], ZoneInfo(self.time_zone), now)
        return phase.inside

    def day_off(self, name: str, day: date) -> bool:
        """Whether a day is one of the holidays or closed days of these hours. Raises LookupError as `within` does."""
        return is_day_off(day, self.hours[name])

    def words(self, name: str) -> str:
        """These hours for people: `clinic (mon-fri 07:00-17:00)`. Raises LookupError as `within` does."""
        hours = self.hours[name]
        times = "" if (hours.from_, hours.to) == ("00:00", "24:00") else f"{hours.from_}-{hours.to}"
        plan = " ".join(part for part in (_days(hours.days), times) if part)
        return f"{name} ({plan})"


def _days(days: tuple[Day, ...]) -> str:
    """`mon-fri` for days that follow one another, `mon, wed` for others."""
    places = sorted(DAYS.index(day) for day in days)
    if len(places) == len(DAYS):
        return "every day"
    if len(places) > 2 and places[-1] - places[0] == len(places) - 1:
        return f"{DAYS[places[0]]}-{DAYS[places[-1]]}"
    return ", ".join(DAYS[place] for place in places)
