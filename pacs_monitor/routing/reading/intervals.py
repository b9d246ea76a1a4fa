"""Time intervals as an Alertmanager file writes them."""

from __future__ import annotations

import re
from collections.abc import Callable
from zoneinfo import ZoneInfo, available_timezones

from pacs_monitor.configuring.fields import suggestion
from pacs_monitor.routing.intervals import Range, TimeInterval
from pacs_monitor.routing.reading.fields import Section

NAMED = ("name", "time_intervals")
Named = dict[str, tuple[TimeInterval, ...]]
_FIELDS = ("times", "weekdays", "days_of_month", "months", "years", "location")
_TIMES = ("start_time", "end_time")
_TIME = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]|24:00", re.ASCII)
_WHOLE = re.compile(r"[+-]?[0-9]{1,6}", re.ASCII)
_DAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
_MONTHS = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)
_NEVER: Range = (2, 1)


class _Wrong(ValueError):
    """What is wrong with a range, and what to write."""


def read_intervals(top: Section) -> Named:
    """All that `mute_time_intervals`, the old name, and `time_intervals` define."""
    found: Named = {}
    lines: dict[str, int] = {}
    for key in ("mute_time_intervals", "time_intervals"):
        for one in top.sections(key, "a time interval with a name", NAMED):
            name = one.text("name")
            if not name:
                one.complain("name", "every time interval needs one; write name: and a name")
            elif name in lines:
                one.complain("name", f"there is a time interval {name} in line {lines[name]}; rename one")
            lines.setdefault(name, one.line("name"))
            found[name] = tuple(_interval(part) for part in one.sections("time_intervals", "a time interval", _FIELDS))
    return found


def _interval(part: Section) -> TimeInterval:
    return TimeInterval(
        times=_times(part),
        weekdays=_ranges(part, "weekdays", _weekday),
        days_of_month=_ranges(part, "days_of_month", _day_of_month),
        months=_ranges(part, "months", _month),
        years=_ranges(part, "years", _year),
        location=_location(part),
    )


def _times(part: Section) -> tuple[Range, ...]:
    found = []
    for one in part.sections("times", "a span of times", _TIMES):
        start, end = (_minute(one, key) for key in _TIMES)
        if start is None or end is None:
            continue
        if start >= end:
            span = f"{one.text('end_time')} is not after {one.text('start_time')}"
            one.complain("", f"{span}; over midnight write two, one until 24:00 and one from 00:00 on")
        found.append((start, end))
    return tuple(found) or _if_empty(part, "times")


def _minute(span: Section, key: str) -> int | None:
    text = span.text(key)
    if _TIME.fullmatch(text):
        hours, minutes = text.split(":")
        return int(hours) * 60 + int(minutes)
    what = f"{text} is no time of day" if text else "is missing"
    span.complain(key, f'{what}; write two digits each, as in "07:30"; "24:00" ends a day')
    return None


def _ranges(part: Section, key: str, read: Callable[[str], Range]) -> tuple[Range, ...]:
    found = []
    for item in part.texts(key):
        try:
            found.append(read((item.text or "").lower()))
        except _Wrong as error:
            part.told.complain(item.line, item.path, str(error))
    return tuple(found) or _if_empty(part, key)


def _if_empty(part: Section, key: str) -> tuple[Range, ...]:
    """Alertmanager never finds a moment in an empty list."""
    if not part.has(key):
        return ()
    if not part.items(key):
        part.warn(key, "is empty, so this interval never holds; leave it out to allow any")
    return (_NEVER,)


def _ends(text: str, member: Callable[[str], int]) -> Range:
    first, colon, last = text.partition(":")
    if ":" in last:
        raise _Wrong(f"{text} is no range; write the first, a colon and the last")
    return (member(first), member(last if colon else first))


def _weekday(text: str) -> Range:
    def member(name: str) -> int:
        if name not in _DAYS:
            raise _Wrong(f"{name or 'nothing'} is no weekday; {suggestion(name, _DAYS)}")
        return _DAYS.index(name)

    first, last = _ends(text, member)
    if first > last:
        raise _Wrong(f"{text} ends before it begins, as weeks begin on sunday; write two ranges")
    return first, last


def _month(text: str) -> Range:
    def member(name: str) -> int:
        number = _MONTHS.index(name) + 1 if name in _MONTHS else _number(name, "a month, such as march or 3")
        if not 1 <= number <= 12:
            raise _Wrong(f"{name} is no month; they go from 1 to 12")
        return number

    first, last = _ends(text, member)
    if first > last:
        raise _Wrong(f"{text} ends before it begins, as years begin in january; write two ranges")
    return first, last


def _year(text: str) -> Range:
    first, last = _ends(text, lambda name: _number(name, "a year, such as 2030"))
    if first > last:
        raise _Wrong(f"{text} ends before it begins; write the earlier year first")
    return first, last


def _day_of_month(text: str) -> Range:
    first, last = _ends(text, lambda name: _number(name, "a day of the month, such as 1 or -1"))
    for day in (first, last):
        if not 1 <= abs(day) <= 31:
            raise _Wrong(f"{day} is no day of a month; write 1 to 31, or -1 to -31 from its end")
    if first < 0 < last:
        raise _Wrong(f"{text} begins at the end of a month and ends at its beginning; let both count from one end")
    # The shortest month decides what can never be.
    if (first if first > 0 else 28 + first) > (last if last > 0 else 28 + last):
        if last < 0 < first:
            raise _Wrong(
                f"{text} ends before it begins in a month of 28 days; begin earlier, or count both from the end"
            )
        raise _Wrong(f"{text} ends before it begins; write the earlier day first")
    return first, last


def _number(text: str, what: str) -> int:
    if not _WHOLE.fullmatch(text):
        raise _Wrong(f"{text or 'nothing'} is not {what}")
    return int(text)


def _location(part: Section) -> str:
    name = part.text("location")
    if name in ("", "UTC"):
        return ""
    if name == "Local":
        part.complain("location", "is Local, which is another zone on each machine; write for example Europe/Bucharest")
        return ""
    try:
        ZoneInfo(name)
    except (OSError, ValueError, KeyError):
        part.complain("location", f"there is no time zone {name}; {suggestion(name, available_timezones())}")
        return ""
    return name
