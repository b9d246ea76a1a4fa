"""What comes into an archive that only answers questions: today's studies, asked for again and again.

What is there at the first look is no news. A study is as old as the look that found it, so times are right to the
interval between two looks. UIDs are kept in this process alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Protocol

from pacs_monitor.check import CheckFailed
from pacs_monitor.dicom.moments import Attributes
from pacs_monitor.reception import MOST_SERIES, Arrival, Exam, Look, Sender, ends

QUIET = 60.0
"""Seconds after which a study that does not grow counts as complete."""
MOST_STUDIES = 2000
"""Of one or two days; of an archive that has more, the rest is not seen."""
MOST_LOOKS = 50
"""Studies that are looked at more closely in one run; the next goes on."""
MOST_IMAGES = 100
"""Images of one series whose times are read."""
LATE = 6
"""O'clock until which the day before is asked for, too: exams of the night."""


class Catalogue(Protocol):
    """An archive that answers questions. Values by keyword, "" for what it does not give; raises CheckFailed."""

    async def studies(self, days: str, most: int) -> list[Attributes]:
        """The studies of a date or range, such as 20261123-20261124."""

    async def series(self, study: str, most: int) -> list[Attributes]:
        """The series of a study."""

    async def images(self, study: str, series: str, number: str, most: int) -> list[Attributes]:
        """The images of a series: that of this number, or all of them if it is ""."""


@dataclass
class _Known:
    """A study that was seen."""

    count: str
    changed: list[float]
    """When looks found it new, or grown."""
    timely: bool
    """Whether it became visible between two looks."""
    open: bool = True
    """Whether it is still to be measured."""


@dataclass
class Poll:
    """Asks one archive."""

    begun: bool = False
    """Whether there was a look that succeeded."""
    _known: dict[str, _Known] = field(default_factory=dict, repr=False)
    _found: Look = field(default_factory=Look)

    async def look(self, catalogue: Catalogue, now: datetime, timely: bool) -> Look:
        """What has come since the last look that succeeded; `timely`: that was an interval ago. Raises CheckFailed.

        What is there at the first look is no news, nor when it came.
        """
        listed = {study["StudyInstanceUID"]: study for study in await catalogue.studies(_days(now), MOST_STUDIES)}
        if not self.begun:
            self.begun, self._known = True, {uid: _Known("", [], False, open=False) for uid in listed}
            return Look()
        for uid in self._known.keys() - listed.keys():
            del self._known[uid]
        fresh = [uid for uid in listed if uid not in self._known]
        for uid in fresh[:MOST_LOOKS]:
            await self._meet(catalogue, uid, listed[uid], now.timestamp(), timely)
        await self._measure(catalogue, listed, now.timestamp(), MOST_LOOKS - len(fresh))
        found, self._found = self._found, Look()
        found.complete = len(fresh) <= MOST_LOOKS
        return found

    async def _meet(self, catalogue: Catalogue, uid: str, study: Attributes, at: float, timely: bool) -> None:
        sender, _ = _of(await catalogue.series(uid, MOST_IMAGES))
        self._known[uid] = _Known(_count(study), [at], timely, open=timely)
        self._found.arrivals.append(Arrival(at, sender))
        self._found.unseen += not timely

    async def _measure(self, catalogue: Catalogue, listed: dict[str, Attributes], at: float, left: int) -> None:
        """Look at the exams that are complete, at so many in one run."""
        for uid, known in self._known.items():
            if known.open and self._is_quiet(known, _count(listed[uid]), at) and left > 0:
                left -= 1
                self._found.exams += await _exam(catalogue, uid, listed[uid], known)
                known.open = False

    def _is_quiet(self, known: _Known, count: str, at: float) -> bool:
        if count != known.count:
            known.count = count
            known.changed.append(at)
        return at - known.changed[-1] >= QUIET


async def _exam(catalogue: Catalogue, uid: str, study: Attributes, known: _Known) -> list[Exam]:
    series = await catalogue.series(uid, MOST_IMAGES)
    if not series:
        return []
    sender, modality = _of(series)
    images: list[Attributes] = []
    for each in ends(series, MOST_SERIES):
        images += await _last_images(catalogue, uid, each)
    return [Exam(sender, modality, tuple(known.changed), tuple(images), tuple(series), study)]


async def _last_images(catalogue: Catalogue, study: str, series: Attributes) -> list[Attributes]:
    """The last image, whose number is as a rule that of all; else as many as may be read. Their times are optional."""
    uid, number = series["SeriesInstanceUID"], series.get("NumberOfSeriesRelatedInstances", "")
    try:
        last = await catalogue.images(study, uid, number, MOST_IMAGES) if number.isdigit() else []
        return last or await catalogue.images(study, uid, "", MOST_IMAGES)
    except CheckFailed as failure:
        if failure.reason in ("dimse_status", "not_found", "aborted"):
            return []  # an archive that answers no such questions: the times of series and study are left
        raise


def _of(series: list[Attributes]) -> tuple[Sender, str]:
    """Who sent a study, and its modality: of the first series that says so."""
    station = next(filter(None, (each.get("StationName", "") for each in series)), "")
    modality = next(filter(None, (each.get("Modality", "") for each in series)), "")
    return Sender(station=station), modality


def _count(study: Attributes) -> str:
    return study.get("NumberOfStudyRelatedInstances", "")


def _days(now: datetime) -> str:
    today: date = now.date()
    if now.hour >= LATE:
        return f"{today:%Y%m%d}"
    return f"{today - timedelta(days=1):%Y%m%d}-{today:%Y%m%d}"
