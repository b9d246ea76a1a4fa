"""C-FIND: does the archive find the studies of a day, and how soon?"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, timedelta
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import AfterValidator, model_validator

from pacs_monitor.check import CheckFailed, Count, Gauge, Sample, Unit
from pacs_monitor.dicom.contexts import STUDY_ROOT_FIND
from pacs_monitor.dicom.conversation import Outcome
from pacs_monitor.dicom.query import ModalityCode, QueryCheck

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

SECONDS = Gauge("pacs_c_find_seconds", "Time from the C-FIND request to the last answer.")
MATCHES = Gauge("pacs_c_find_matches", "Studies that matched, at most as many as `limit` allows.")
CANCELLED = Gauge("pacs_c_find_cancelled", "Whether more studies matched than `limit` allows: the rest was cancelled.")


def _parse_dates(text: str) -> tuple[date, date]:
    first, slash, last = text.partition("/")
    try:
        return date.fromisoformat(first), date.fromisoformat(last if slash else first)
    except ValueError:
        example = "2024-05-06, or 2024-05-06/2024-05-12 for all days between"
        raise ValueError(f"{text} is neither a date nor two; write for example {example}") from None


def _check_dates(text: str) -> str:
    first, last = _parse_dates(text)
    if last < first:
        raise ValueError(f"{text} ends before it begins; write the earlier date first")
    return text


Dates = Annotated[str, AfterValidator(_check_dates), Unit("date or dates", example="2024-05-06/2024-05-12")]


class CFind(QueryCheck):
    """Ask for the studies of today, or of other days, by one small C-FIND that names no patient; count and time it."""

    days: Count | None = None
    """The studies of the last so many days, today among them; 1 unless this or `dates` is set."""
    dates: Dates | None = None
    """The studies of a fixed day or stretch of days, instead of `days`."""
    modality: ModalityCode | None = None
    """Only studies with images of this modality; archives may ignore this."""

    @model_validator(mode="after")
    def _one_way_to_say_when(self) -> Self:
        if self.days and self.dates:
            raise ValueError("days counts back from today, dates stays as it is; keep one of the two")
        if self.days and self.days > 366:
            raise ValueError("days is more than a year, which is no small query; ask for less")
        return self

    def warnings(self) -> tuple[str, ...]:
        """What the configuration must be told of, though it is accepted."""
        if not self.expect_at_least or self.hours or self.dates or (self.days or 1) > 1:
            return ()
        return ("expect_at_least holds just after midnight, too, when today has no studies yet; set hours, or days: 2",)

    async def run(self) -> AsyncIterator[Sample]:
        """Raise CheckFailed if the query does not succeed, finds too little or takes too long."""
        first, last = self._between()
        outcome, found, failure = Outcome(), None, None
        try:
            async with self.association((STUDY_ROOT_FIND,), calling=self.calling_ae_title, outcome=outcome) as assoc:
                found = await assoc.search(_query(first, last, self.modality), _nothing, most=self.limit)
        except CheckFailed as error:
            failure = error
        for sample in self.samples(outcome):
            yield sample
        if found is not None:
            yield SECONDS(found.seconds)
            yield MATCHES(len(found.matches))
            yield CANCELLED(float(found.cancelled))
        if failure is not None:
            raise failure
        if found is not None:
            self._require(len(found.matches), await self.expected())
            self.require_fast(found.seconds, self._studies)

    def _between(self) -> tuple[date, date]:
        if self.dates is not None:
            return _parse_dates(self.dates)
        today = self.site_time.now().date()
        return today - timedelta(days=(self.days or 1) - 1), today

    def _require(self, matches: int, expected: int) -> None:
        if matches < expected:
            raise CheckFailed(
                "not_found",
                f"{self.node.name} answers, and asked for {self._studies} it finds "
                f"{f'only {matches}' if matches else 'none'} although {self.expectation()}; look at its import queue, "
                f"and whether the modalities send",
            )

    @property
    def _studies(self) -> str:
        """What is asked for, as a part of a sentence: `the CT studies of today`."""
        if self.dates is not None:
            when = self.dates.replace("/", " to ")
        else:
            when = "today" if (self.days or 1) == 1 else f"the last {self.days} days"
        return f"the {f'{self.modality} ' if self.modality else ''}studies of {when}"


def _query(first: date, last: date, modality: str | None) -> Dataset:
    """At the level of studies, which alone can be asked for by date and without a patient (PS3.4 C.6.2)."""
    from pydicom.dataset import Dataset

    query = Dataset()
    query.QueryRetrieveLevel = "STUDY"
    query.StudyDate = f"{first:%Y%m%d}" if first == last else f"{first:%Y%m%d}-{last:%Y%m%d}"
    if modality:
        query.ModalitiesInStudy = modality
    query.StudyInstanceUID = ""  # the level's unique key: archives want it in a query, and have it in each answer
    return query


def _nothing(match: Dataset) -> None:
    """What is kept of a match: it is counted."""
