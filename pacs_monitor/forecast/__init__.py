"""When volumes will be full, for checks that measure them: what they remember, and what they then say."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping

from pacs_monitor.check import Gauge, Memory, Sample
from pacs_monitor.forecast.ledger import Ledger, Room
from pacs_monitor.forecast.outlook import Outlook, outlook

__all__ = ["FULL", "FULL_EARLY", "FULL_LATE", "GROWTH", "HISTORY", "Forecast", "Room"]

FULL = Gauge("pacs_storage_full_timestamp_seconds", "When it will be full; absent if it does not grow.", ("path",))
FULL_EARLY = Gauge("pacs_storage_full_early_timestamp_seconds", "The same by a fast pace (90th percentile).", ("path",))
FULL_LATE = Gauge("pacs_storage_full_late_timestamp_seconds", "The same by a slow pace (10th percentile).", ("path",))
GROWTH = Gauge("pacs_storage_growth_bytes_per_day", "Usual growth of the last quarter, without clean-ups.", ("path",))
HISTORY = Gauge("pacs_storage_history_days", "Days of measurements that the forecast rests upon.", ("path",))


class Forecast:
    """The forecasts of one check's volumes, reckoned anew at each hour."""

    def __init__(self) -> None:
        self._ledger: Ledger | None = None
        self._hour = -1
        self._outlooks: dict[str, Outlook] = {}

    async def note(self, memory: Memory, now: float, rooms: Mapping[str, Room]) -> None:
        """Take readings of volumes, none if there are none, and reckon anew at each hour. `now` is Unix time.

        What was foretold of a volume goes a day after its last reading.
        """
        if self._ledger is None:
            self._ledger = await Ledger.read(memory)
        rooms = {volume: room for volume, room in rooms.items() if room.size > 0}
        begun = await self._ledger.note(now, rooms)
        if not begun and self._hour == now // 3600:
            return
        self._hour = int(now // 3600)
        self._outlooks = {}
        for volume in self._ledger.volumes():
            days, recent = self._ledger.days(volume, now), self._ledger.recent(volume, now)
            self._outlooks[volume] = outlook(days, recent, self._ledger.size(volume, now), now)
            await asyncio.sleep(0)  # a few milliseconds each: others run in between

    def samples(self, volumes: Iterable[str]) -> Iterator[Sample]:
        """What is foretold of these volumes, as far as anything is."""
        for volume in volumes:
            told = self._outlooks.get(volume)
            if told is None:
                continue
            yield HISTORY(told.days, path=volume)
            for metric, value in (
                (GROWTH, told.growth),
                (FULL, told.full),
                (FULL_EARLY, told.early),
                (FULL_LATE, told.late),
            ):
                if value is not None:
                    yield metric(value, path=volume)
