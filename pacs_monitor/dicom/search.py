"""One C-FIND: what is kept of each match, how many matches are waited for, and how long that took. Blocks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, Generic, TypeVar

from pydicom.dataset import Dataset

from pacs_monitor.check import CheckFailed
from pacs_monitor.dicom.line import Line
from pacs_monitor.dicom.statuses import CANCELLED, PENDING, SUCCESS

T = TypeVar("T")

Reply = tuple[int | None, Any]
"""A final status, None if there came none, and what was received."""


@dataclass
class Found(Generic[T]):
    """What a C-FIND gave."""

    matches: list[T] = field(default_factory=list)
    """What was kept of each match."""
    cancelled: bool = False
    """Whether there were more matches than wanted."""
    seconds: float = 0.0
    """From the request to the last answer, or to the first match that was one too many."""


class Search(Generic[T]):
    """A C-FIND that keeps what `take` makes of each match, of `most` matches; at one more it sends a C-CANCEL."""

    def __init__(self, take: Callable[[Dataset], T], most: int) -> None:
        self.found = Found[T]()
        self._take = take
        self._most = most

    def run(self, line: Line, query: Dataset, model: str) -> Reply:
        """Ask, and read answers until the final one; its status, success also for what was cancelled by us."""
        found, started = self.found, perf_counter()
        for answer, identifier in line.assoc.send_c_find(query, model):
            if not found.cancelled:
                found.seconds = perf_counter() - started
            status = answer.get("Status")
            if status not in PENDING:
                return SUCCESS if found.cancelled and status == CANCELLED else status, None
            # The rest is read and dropped: most peers have sent some more before our C-CANCEL reaches them.
            if identifier is None or found.cancelled:
                continue
            if len(found.matches) < self._most:
                found.matches.append(self._take(identifier))
            else:
                found.cancelled = True
                line.assoc.send_c_cancel(1, query_model=model)
        return None, None

    def explained(self, failure: CheckFailed, node: str) -> CheckFailed:
        """The failure of a search that ended without a final answer; of one that was cancelled in better words."""
        if failure.reason != "timeout" or not self.found.cancelled:
            return failure
        return CheckFailed(
            "timeout",
            f"{node} has more than the {self._most} matches that limit allows, and goes on sending them after our "
            f"C-CANCEL; ask for less (a shorter time, one modality) or raise limit",
        )


def only(query: Dataset, identifier: Dataset) -> Dataset:
    """Of a match the keys that were asked for, and no other."""
    kept = Dataset()
    for tag in query.keys():  # noqa: SIM118 - iterating a data set gives its elements
        if tag in identifier:
            kept[tag] = identifier[tag]
    return kept
