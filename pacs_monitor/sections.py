"""What sections of the configuration file are made of: their base, and types of times that they share."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict

from pacs_monitor.units import FilePath, Secret, Unit

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Section(BaseModel):
    """A part of the configuration file. Unknown settings are complaints."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, validate_default=True)


class SecretSource(Section):
    """Where a secret of a receiver comes from: `{file: PATH}`, or `{text: ${VARIABLE}}`."""

    file: FilePath | None = None
    """A file that holds it; read at each use, so that it can change."""
    text: Secret | None = None
    """The secret itself, as ${VARIABLE}."""


def parse_clock(value: str) -> str:
    """`HH:MM` from 00:00 to 24:00. Raises ValueError with the remedy."""
    hours, colon, minutes = str(value).partition(":")
    if not (colon and hours.isdigit() and minutes.isdigit() and len(minutes) == 2):
        raise ValueError(f'{value} is not a time of day; write for example "07:30"')
    if int(minutes) > 59 or int(hours) * 60 + int(minutes) > 24 * 60:
        raise ValueError(f'{value} is not a time of day; write for example "07:30"')
    return f"{int(hours):02}:{minutes}"


def parse_days(value: Any) -> Any:
    """Weekdays of `mon-fri`, `mon,wed` or a list of such. Raises ValueError with the remedy."""
    if isinstance(value, str):
        value = [part for part in re.split(r"[,\s]+", value) if part]
    if not isinstance(value, list):
        return value
    return tuple(dict.fromkeys(day for item in value for day in _days_of(str(item).lower())))


def _days_of(text: str) -> list[Day]:
    first, dash, last = text.partition("-")
    ends = [day for day in (first, last if dash else first) if day in DAYS]
    if len(ends) < 2:
        raise ValueError(f"{text} is not a weekday; write {', '.join(DAYS)}, or a range such as mon-fri")
    start, end = DAYS.index(first), DAYS.index(last if dash else first)
    return [DAYS[(start + step) % 7] for step in range((end - start) % 7 + 1)]


Days = Annotated[tuple[Day, ...], BeforeValidator(parse_days), Unit("weekdays", example="mon-fri")]
ClockTime = Annotated[str, AfterValidator(parse_clock), Unit("time of day", example="07:30")]
