"""What cannot be delivered: somebody else is told of it, and after five days it is given up, not in silence."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from typing import Protocol

from pacs_monitor.notify.notification import Notification
from pacs_monitor.routing.outbox import Row, new_key
from pacs_monitor.routing.stages import Moment

log = logging.getLogger(__name__)

KEPT_FOR = 5 * 86_400_000
"""How long delivery is tried, and how long it is known what was told, in milliseconds."""
_SILENT = "it has not answered yet"
STUCK_AFTER = 300_000
"""Milliseconds until what cannot be delivered is told by another channel."""


class Ways(Protocol):
    """What is asked of whoever delivers."""

    def rows(self) -> list[Row]:
        """All that waits."""

    def ways(self, at: Moment) -> Iterator[tuple[str, str]]:
        """Receivers and their integrations, the preferred ones first."""

    def note(self, row: Row) -> None:
        """Write a row."""

    def refresh(self, row: Row) -> None:
        """Have a row that no group follows up say what is by now."""

    def tell_instead(self, row: Row, content: Notification, at: Moment) -> None:
        """Queue what tells of a row that cannot be delivered."""

    def abandon(self, row: Row, why: str) -> None:
        """Take a row out."""


def look_for_stuck(teller: Ways, at: Moment) -> None:
    """Have others be told of what is stuck, and give up what is too old."""
    rows = teller.rows()
    instead = _instead(teller, rows, at)
    for row in rows:
        if row.age(at.mono) * 1000 > KEPT_FOR and not row.sending:
            teller.abandon(row, f"it could not be delivered in five days: {row.error}")
        elif row.fallback and not row.sending:
            teller.refresh(row)
        elif not row.alarmed and not row.fallback and is_stuck(row, at):
            _alarm(teller, row, instead, at)


def is_stuck(row: Row, at: Moment) -> bool:
    """Whether a receiver has refused it, or has not taken it for too long."""
    return row.refused or row.age(at.mono) * 1000 >= STUCK_AFTER


def note_of(row: Row) -> str:
    """What whoever is told instead is told of that."""
    content = row.content
    return f"Could not be delivered to {content.receiver} ({content.integration}): {row.error or _SILENT}"


def _alarm(teller: Ways, row: Row, instead: tuple[str, str], at: Moment) -> None:
    row.alarmed = True
    teller.note(row)
    content = row.content
    note = note_of(row)
    log.error("%s", note)
    receiver, integration = instead
    if receiver:
        told = replace(
            content, key=new_key(), receiver=receiver, integration=integration, note=note, queued_at=at.wall, told=()
        )
        teller.tell_instead(row, told, at)


def _instead(teller: Ways, rows: list[Row], at: Moment) -> tuple[str, str]:
    """The first way to somebody that is not stuck itself."""
    bad = {(row.content.receiver, row.content.integration) for row in rows if row.reason or is_stuck(row, at)}
    return next((way for way in teller.ways(at) if way not in bad), ("", ""))
