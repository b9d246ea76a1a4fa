"""Which worker a check belongs to, and what that worker is told of it."""

from __future__ import annotations

import pickle
from collections.abc import Iterable
from zlib import crc32

from pacs_monitor import wire
from pacs_monitor.keeping import Keeping
from pacs_monitor.links import Link
from pacs_monitor.record import Record
from pacs_monitor.sitetime import SiteTime
from pacs_monitor.worker import Order

BATCH = 200
"""Orders in one message."""


class Placing:
    """Where each check is."""

    def __init__(self, keeping: Keeping, scheduled: bool) -> None:
        """Without `scheduled` checks run only when asked to."""
        self._keeping = keeping
        self._scheduled = scheduled
        self._places: dict[int, int] = {}

    @staticmethod
    def place_of(record: Record, count: int) -> int:
        """Which of so many workers: by the listener's host, so that one budget sees all its associations."""
        node = record.node
        anchor = (node.host or node.name).lower() if node else record.configured.name
        return crc32(anchor.encode()) % count

    def put(self, record: Record, count: int) -> tuple[int, int | None]:
        """Note where a check belongs; returns that, and where it was."""
        old = self._places.get(record.number)
        place = self._places[record.number] = self.place_of(record, count)
        return place, old

    def take_out(self, number: int) -> int | None:
        """Where a check was that is taken out."""
        return self._places.pop(number, None)

    def where(self, number: int) -> int:
        """Where a check is. Raises KeyError if it was never ordered."""
        return self._places[number]

    def at(self, place: int) -> list[int]:
        """The checks of one place."""
        return [number for number, where in self._places.items() if where == place]

    def hand_out(self, link: Link, records: Iterable[Record]) -> None:
        """Order these checks from a worker."""
        orders = [self._order(record) for record in records]
        for start in range(0, len(orders), BATCH):
            link.send((wire.LOAD, pickle.dumps(orders[start : start + BATCH])))

    def _order(self, record: Record) -> Order:
        configured = record.configured
        return Order(
            record.number,
            name_of(record),
            str(configured.source),
            configured.settings,
            configured.node,
            dict(configured.labels).get("site", ""),
            self._keeping.of(configured.key),
            SiteTime(configured.time_zone, configured.hours),
            configured.destination,
            scheduled=self._scheduled,
        )


def name_of(record: Record) -> str:
    """What logs call a check: `node/check`."""
    return "/".join(part for part in record.key if part)
