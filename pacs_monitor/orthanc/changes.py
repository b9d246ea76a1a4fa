"""Orthanc's list of changes: what arrived when. Blocks: for threads.

A change vanishes with what it is about (`ON DELETE CASCADE` in all of Orthanc's databases), and numbers are never
used twice. So the first change that is left tells of the oldest that is left, and one that is gone tells that it was
deleted. The list names resources by identifiers that are hashes of a patient's: they are asked for, and not kept.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pacs_monitor.orthanc.client import Orthanc
from pacs_monitor.orthanc.facts import moment

NEW_STUDY, NEW_SERIES = "NewStudy", "NewSeries"


@dataclass(frozen=True, slots=True)
class Change:
    """One line of the list."""

    seq: int
    at: float
    """Unix time, by Orthanc's clock."""
    kind: str
    resource: str = field(repr=False)
    """Orthanc's identifier: for the next request, and for nothing else."""


@dataclass(frozen=True)
class Page:
    """Some changes, in order; `last` is the number of the last one, of all that ever were if there is none here."""

    changes: list[Change]
    last: int
    done: bool


def page(rest: Orthanc, since: int, limit: int, kinds: tuple[str, ...] = ()) -> Page:
    """The changes after a number. `kinds` filters, where Orthanc can. Raises CheckFailed."""
    wanted = f"&type={';'.join(kinds)}" if kinds else ""
    return _read(rest.call("GET", f"/changes?since={since}&limit={limit}{wanted}"))


def last_number(rest: Orthanc) -> int:
    """The number of the last change that ever was, deleted or not. Raises CheckFailed."""
    return _read(rest.call("GET", "/changes?last")).last


def first(rest: Orthanc) -> Change | None:
    """The first change that is left: that of the oldest that is left. Raises CheckFailed."""
    found = page(rest, 0, 1).changes
    return found[0] if found else None


def is_there(rest: Orthanc, seq: int) -> bool:
    """Whether what a change tells of is still stored. Raises CheckFailed."""
    return any(change.seq == seq for change in page(rest, seq - 1, 1).changes)


def _read(told: Any) -> Page:
    answer = told if isinstance(told, dict) else {}
    changes = [change for each in answer.get("Changes") or () if (change := _change(each))]
    last = answer.get("Last")
    return Page(changes, last if isinstance(last, int) else 0, answer.get("Done") is not False)


def _change(told: Any) -> Change | None:
    if not isinstance(told, dict):
        return None
    seq, at, kind, resource = told.get("Seq"), moment(told.get("Date")), told.get("ChangeType"), told.get("ID")
    if not isinstance(seq, int) or at is None or not isinstance(kind, str) or not isinstance(resource, str):
        return None
    return Change(seq, at, kind, resource)
