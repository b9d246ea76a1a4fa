"""What checks that ask by C-FIND have in common: bounds, a limit on time, and how many matches are expected when."""

from __future__ import annotations

import re
from typing import Annotated, ClassVar, Self

from pydantic import AfterValidator, Field, model_validator

from pacs_monitor.check import AeTitle, CheckFailed, Count, Duration, HoursName, Unit
from pacs_monitor.dicom.check import DicomCheck

MOST_MATCHES = 2000
"""No more can be asked for: a match costs the worker a third of a millisecond, in which it measures nothing else."""

_MODALITY = re.compile(r"[A-Z0-9_]{1,16}", re.ASCII)


def _check_modality(value: str) -> str:
    if not _MODALITY.fullmatch(value):
        raise ValueError(f"{value} is not the code of a modality; write it as DICOM does, such as CT or MR")
    return value


ModalityCode = Annotated[str, AfterValidator(_check_modality), Unit("modality", example="CT")]


class QueryCheck(DicomCheck):
    """A check of what a node finds."""

    calling_ae_title: AeTitle | None = None
    """The AE title that this check calls with; the node's calling_ae_title unless set."""
    slow: Duration = 5.0
    """It fails when a query takes longer, from the request to the last answer."""
    limit: Annotated[Count, Field(le=MOST_MATCHES)] = 200
    """A query with more matches is cancelled after so many, so that it stays a small one."""
    expect_at_least: Count | None = None
    """It fails when there are fewer matches; any number will do unless set."""
    hours: HoursName | None = None
    """The hours within which so many are expected, out of the section `hours`."""

    thresholds: ClassVar[tuple[str, ...]] = ("slow", "expect_at_least")

    @model_validator(mode="after")
    def _can_be_met(self) -> Self:
        if self.slow >= self.effective_timeout:
            raise ValueError("slow is not shorter than timeout; shorten it, or lengthen timeout and interval")
        if self.expect_at_least and self.expect_at_least > self.limit:
            raise ValueError("expect_at_least is more than limit, so no query can give so many; raise limit")
        if self.hours and not self.expect_at_least:
            raise ValueError("hours says when expect_at_least holds, which is not set; set it, or remove hours")
        return self

    async def expected(self) -> int:
        """How many matches are expected now, at least."""
        # In a thread: the first look at public holidays takes a tenth of a second.
        if self.hours and not await self.in_thread(self.site_time.within, self.hours):
            return 0
        return self.expect_at_least or 0

    def expectation(self, each: bool = False) -> str:
        """`at least 5 are expected in clinic (mon-fri 07:00-17:00)`, a part of a sentence. `each`: of several."""
        of_each, verb = " for each" if each else "", "is" if self.expect_at_least == 1 else "are"
        when = f" in {self.site_time.words(self.hours)}" if self.hours else ""
        return f"at least {self.expect_at_least}{of_each} {verb} expected{when}"

    def require_fast(self, seconds: float, what: str) -> None:
        """Raise CheckFailed if a query took longer than `slow` allows; `what` it was for, for the sentence."""
        if seconds > self.slow:
            raise CheckFailed(
                "threshold",
                f"{self.node.name} took {seconds:.3g} s to answer a query for {what}, {self.slow:g} s are allowed; "
                f"look at its load and its database",
            )
