"""When an exam ended, by the times that its images give: dates and times of PS3.5 6.2, and their time zones."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import NamedTuple

ENDINGS = ("acquisition", "content", "creation", "series", "study")
"""What an end may be known by, the best first: the last two are beginnings, and over-report."""
OFFSET = "TimezoneOffsetFromUTC"
OF_AN_IMAGE = (
    "AcquisitionDateTime",
    "AcquisitionDate",
    "AcquisitionTime",
    "ContentDate",
    "ContentTime",
    "InstanceCreationDate",
    "InstanceCreationTime",
    OFFSET,
)
"""The attributes of an image that are read, by keyword."""
_PAIRS = {"acquisition": "Acquisition", "content": "Content", "creation": "InstanceCreation"}
_DATE = re.compile(r"(\d{4})\.?(\d{2})\.?(\d{2})", re.ASCII)
_TIME = re.compile(r"(\d{2}):?(\d{2})(?::?(\d{2})(?:\.(\d{1,6}))?)?", re.ASCII)
_DATETIME = re.compile(r"(\d{8})(\d{4}(?:\d{2}(?:\.\d{1,6})?)?)([+-]\d{4})?", re.ASCII)
_OFFSET = re.compile(r"([+-])(\d{2})(\d{2})", re.ASCII)
_FIRST_YEAR, _LAST_YEAR = 1980, 2200
"""What lies outside was set by nobody's clock; and far outside no calendar counts."""

Attributes = Mapping[str, str]
"""Values by keyword, as they stand in the data set."""


class End(NamedTuple):
    """When an exam ended, in Unix time, and what says so: one of `ENDINGS`."""

    at: float
    by: str


def end_of(images: Iterable[Attributes], zone: tzinfo, seen: float) -> End | None:
    """The latest time that the images give; None if they give none.

    Times without an offset of their own are those of `zone`. `seen` is when the exam was seen, in Unix time: of the
    two moments that a time means when clocks go back, it is the later one that is not after that.
    """
    found = [End(unix(moment, zone, seen), by) for image in images for by, moment in _moments(image)]
    return max(found, default=None, key=lambda end: end.at)


def beginning_of(attributes: Attributes, level: str, zone: tzinfo, seen: float) -> End | None:
    """The date and time of a `series` or a `study`, which is its beginning; None if there is none."""
    prefix = level.capitalize()
    moment = _moment(attributes, f"{prefix}Date", f"{prefix}Time", parse_offset(attributes.get(OFFSET, "")))
    return None if moment is None else End(unix(moment, zone, seen), level)


def _moments(image: Attributes) -> Iterator[tuple[str, datetime]]:
    offset = parse_offset(image.get(OFFSET, ""))
    whole = parse_datetime(image.get("AcquisitionDateTime", ""), offset)
    if whole is not None:
        yield "acquisition", whole
    for by, prefix in _PAIRS.items():
        moment = _moment(image, f"{prefix}Date", f"{prefix}Time", offset)
        if moment is not None:
            yield by, moment


def _moment(attributes: Attributes, date: str, time: str, offset: tzinfo | None) -> datetime | None:
    return parse_date_and_time(attributes.get(date, ""), attributes.get(time, ""), offset)


def parse_date_and_time(date: str, time: str, offset: tzinfo | None = None) -> datetime | None:
    """A DA and a TM together, to the minute at least; None for what is none. Without an offset it is naive."""
    day, clock = _DATE.fullmatch(_plain(date)), _TIME.fullmatch(_plain(time))
    if day is None or clock is None or not _FIRST_YEAR <= int(day[1]) <= _LAST_YEAR:
        return None
    hour, minute, second = int(clock[1]), int(clock[2]), min(int(clock[3] or 0), 59)  # 60: a leap second
    fraction = int((clock[4] or "0").ljust(6, "0"))
    try:
        return datetime(int(day[1]), int(day[2]), int(day[3]), hour, minute, second, fraction, offset)
    except ValueError:
        return None


def parse_datetime(text: str, offset: tzinfo | None = None) -> datetime | None:
    """A DT, to the minute at least; its own offset, if it has one, takes the place of `offset`. None for others."""
    found = _DATETIME.fullmatch(_plain(text))
    if found is None:
        return None
    return parse_date_and_time(found[1], found[2], parse_offset(found[3] or "") or offset)


def parse_offset(text: str) -> tzinfo | None:
    """The time zone that an offset such as +0100 means; None for others (PS3.3 C.12.1.1.8: -1200 to +1400)."""
    found = _OFFSET.fullmatch(_plain(text))
    if found is None:
        return None
    minutes = int(found[2]) * 60 + int(found[3])
    if int(found[3]) > 59 or minutes > (12 if found[1] == "-" else 14) * 60:
        return None
    return timezone(timedelta(minutes=-minutes if found[1] == "-" else minutes))


def unix(moment: datetime, zone: tzinfo, seen: float) -> float:
    """A moment in Unix time, a naive one by the clocks of `zone`; see `end_of` for `seen`."""
    if moment.tzinfo is not None:
        return moment.timestamp()
    both = sorted(moment.replace(tzinfo=zone, fold=fold).astimezone(UTC).timestamp() for fold in (0, 1))
    return both[1] if both[1] <= seen else both[0]


def _plain(text: str) -> str:
    return text.strip(" \0")
