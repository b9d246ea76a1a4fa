"""From the end of an exam to its being visible."""

from __future__ import annotations

from typing import NamedTuple
from zoneinfo import ZoneInfo

from pacs_monitor.dicom.moments import End, beginning_of, end_of
from pacs_monitor.reception import Exam


class Latency(NamedTuple):
    """Seconds, negative if a clock is wrong; and what told the end (`moments.ENDINGS`)."""

    seconds: float
    ended_by: str


def latency_of(exam: Exam, zone: ZoneInfo) -> Latency | None:
    """How long after its end an exam was visible; None if nothing tells its end, or when it was seen.

    Modalities that send while they acquire are seen before the end of an exam: what counts is the first part that was
    seen after it. If all of it was seen before it ended, a clock is wrong by that much at least.
    """
    if not exam.seen:
        return None
    end = _end(exam, zone)
    if end is None:
        return None
    after = [at for at in exam.seen if at >= end.at]
    return Latency((min(after) if after else max(exam.seen)) - end.at, end.by)


def _end(exam: Exam, zone: ZoneInfo) -> End | None:
    last = max(exam.seen)
    end = end_of(exam.images, zone, last)
    if end is not None:
        return end
    series = [found for each in exam.series if (found := beginning_of(each, "series", zone, last))]
    return max(series, key=lambda found: found.at) if series else beginning_of(exam.study, "study", zone, last)
