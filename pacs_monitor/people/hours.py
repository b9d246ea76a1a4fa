"""Hours of the agent's own file as an interval that routes are active in."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from pacs_monitor.settings import Hours
from pacs_monitor.timetable import Phase, hours_phase


class HoursInterval:
    """Within the hours, without holidays and days off."""

    def __init__(self, hours: Hours, zone: ZoneInfo) -> None:
        self._hours = hours
        self._zone = zone
        self._phase: Phase | None = None

    def contains(self, at: int) -> bool:
        """Whether a moment, in milliseconds since 1970, lies within."""
        phase = self._phase
        if phase is None or not phase.covers(at / 1000):
            phase = self._phase = hours_phase(self._hours, self._zone, at / 1000)
        return phase.inside
