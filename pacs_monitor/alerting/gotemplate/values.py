"""What templates work on: text, float, int, bool, None (nil), and these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Texts(dict[str, str]):
    """Labels: a missing key gives ""."""

    __slots__ = ()


class Anything(dict[str, Any]):
    """What `args` gives: a missing key gives no value."""

    __slots__ = ()


@dataclass(slots=True)
class Sample:
    """One result of a query."""

    labels: Texts
    value: float


class Samples(list[Sample]):
    """The results of a query."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Time:
    """What `toTime` gives: milliseconds since 1970."""

    ms: int

    def __str__(self) -> str:
        """As Go prints a time in UTC."""
        at = _EPOCH + timedelta(milliseconds=self.ms)
        part = f".{self.ms % 1000:03d}".rstrip("0").rstrip(".")
        return f"{at:%Y-%m-%d %H:%M:%S}{part} +0000 UTC"


@dataclass(frozen=True, slots=True)
class Data:
    """What `.` is at the beginning of a template."""

    labels: Texts
    external_labels: Texts
    external_url: str
    value: float


DATA_FIELDS = {
    "Labels": "labels",
    "ExternalLabels": "external_labels",
    "ExternalURL": "external_url",
    "Value": "value",
}
SAMPLE_FIELDS = {"Labels": "labels", "Value": "value"}
_TYPES: Mapping[type, str] = {
    str: "string",
    float: "float64",
    int: "int",
    bool: "bool",
    Texts: "map[string]string",
    Anything: "map[string]interface {}",
    Sample: "*template.sample",
    Samples: "template.queryResult",
    Time: "*time.Time",
    Data: "struct { Labels map[string]string; ExternalLabels map[string]string; "
    "ExternalURL string; Value interface {} }",
}


def type_name(value: object) -> str:
    """Go's name of a value's type."""
    return "<nil>" if value is None else _TYPES[type(value)]


def truth(value: object) -> bool:
    """Whether `if` takes it for true: not zero, not empty; NaN is true."""
    if isinstance(value, Sample | Time | Data):
        return True
    return bool(value)
