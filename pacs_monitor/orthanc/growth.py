"""What comes into an archive, by modality: its list of changes, followed bit by bit. Blocks: for threads.

Each series is counted once, a while after its first image came, with what it holds then. Where the reading stands is
a number that the check remembers; the first run begins at the end of the list. No run reads more than a few pages.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from pacs_monitor.check import CheckFailed
from pacs_monitor.dicom.modalities import modality_label
from pacs_monitor.orthanc import changes
from pacs_monitor.orthanc.changes import NEW_SERIES, NEW_STUDY, Change
from pacs_monitor.orthanc.client import Orthanc
from pacs_monitor.orthanc.facts import Statistics, number
from pacs_monitor.orthanc.retention import Retention

PAGE = 1000
MOST_PAGES = 10
MOST_SERIES = 100
"""Series counted in one run: two requests each."""
MOST_LOOKS = 20
"""Watched studies looked at in one run: one request each."""
SEEDS = 48
"""Places of the list from which studies are taken to be watched when the first run finds an archive that is not new."""
SEED_PAGE = 500
MOST_BYTES_OF_SERIES = 8 << 20
"""Its answer names each instance: this is room for 150,000."""


@dataclass
class Received:
    """What came in, by modality, as far as this run has read."""

    studies: Counter[str] = field(default_factory=Counter)
    series: Counter[str] = field(default_factory=Counter)
    instances: Counter[str] = field(default_factory=Counter)
    disk_bytes: Counter[str] = field(default_factory=Counter)


@dataclass
class Log:
    """Where the reading of the list stands, what is watched, and what this run found."""

    at: int
    """The number of the last change that was read."""
    retention: Retention
    received: Received = field(default_factory=Received)
    oldest: float | None = None
    """When the oldest came that is still stored (Unix time); None if nothing is stored, or the list was emptied."""

    def hand_over(self) -> Received:
        """What came in since this was last asked."""
        received, self.received = self.received, Received()
        return received


def begin(rest: Orthanc) -> Log:
    """The end of the list, with studies out of the whole of it to be watched. Raises CheckFailed."""
    log, enough = Log(changes.last_number(rest), Retention()), 0.5 * rest.time_left
    for place in range(SEEDS):
        if rest.time_left < enough:
            break
        found = changes.page(rest, place * log.at // SEEDS, SEED_PAGE).changes
        study = next((each for each in found if each.kind == NEW_STUDY and each.seq <= log.at), None)
        if study is not None:
            log.retention.watch(study.seq, study.at)
    return log


def read(rest: Orthanc, log: Log, stored: Statistics, until: float, filters: bool) -> None:
    """Look what is left, and count what came until that time (Unix). Raises CheckFailed; what was read stays read.

    `filters`: Orthanc can leave out the changes that are not asked for.
    """
    _look(rest, log, stored)
    _follow(rest, log, until, filters)


def _look(rest: Orthanc, log: Log, stored: Statistics) -> None:
    last, oldest = changes.last_number(rest), changes.first(rest)
    if last < log.at:  # another database: it counts from one again
        log.at = last
        log.retention.forget()
    log.oldest = oldest.at if oldest else None
    if oldest and stored.resources > last - oldest.seq + 1:
        # More is stored than the list can tell of: somebody has emptied it (DELETE /changes).
        log.oldest = None
    if log.oldest is None and stored.resources:
        log.retention.watched = [each for each in log.retention.watched if oldest and each.seq >= oldest.seq]
    enough = 0.5 * rest.time_left
    for each in log.retention.due(MOST_LOOKS):
        if rest.time_left > enough:
            each.there = changes.is_there(rest, each.seq)


def _follow(rest: Orthanc, log: Log, until: float, filters: bool) -> None:
    kinds = (NEW_SERIES, NEW_STUDY) if filters else ()
    parents: dict[str, str] = {}
    enough = 0.5 * rest.time_left
    for _ in range(MOST_PAGES):
        page = changes.page(rest, log.at, PAGE, kinds)
        rows = page.changes
        if not page.done and len(rows) > 1 and rows[-1].kind == NEW_SERIES:
            rows = rows[:-1]  # the study that it begins stands on the next page
        for change in rows:
            if rest.time_left < enough or _is_too_much(change, parents, until, log.received):
                return
            _take(rest, log, change, parents)
            log.at = change.seq
        if page.done:
            return


def _is_too_much(change: Change, parents: dict[str, str], until: float, received: Received) -> bool:
    if change.kind == NEW_STUDY and change.resource in parents:
        return False  # it is logged after its first series, and belongs to it
    return change.at > until or (change.kind == NEW_SERIES and sum(received.series.values()) >= MOST_SERIES)


def _take(rest: Orthanc, log: Log, change: Change, parents: dict[str, str]) -> None:
    if change.kind == NEW_STUDY:
        if change.resource in parents:
            log.received.studies[parents[change.resource]] += 1
        if log.retention.wants(change.at):
            log.retention.watch(change.seq, change.at)
    elif change.kind == NEW_SERIES:
        try:
            _count(rest, log.received, change.resource, parents)
        except CheckFailed as failure:
            # Deleted meanwhile, or one that Orthanc itself cannot read: the others go on.
            if failure.reason not in ("not_found", "mismatch", "aborted"):
                raise


def _count(rest: Orthanc, received: Received, series: str, parents: dict[str, str]) -> None:
    told = rest.call("GET", f"/series/{series}", most=MOST_BYTES_OF_SERIES)
    size = rest.call("GET", f"/series/{series}/statistics")
    if not isinstance(told, dict) or not isinstance(size, dict):
        return
    modality = modality_label((told.get("MainDicomTags") or {}).get("Modality"))
    parents[str(told.get("ParentStudy"))] = modality
    received.series[modality] += 1
    received.instances[modality] += number(size.get("CountInstances"))
    received.disk_bytes[modality] += number(size.get("DiskSize"))
