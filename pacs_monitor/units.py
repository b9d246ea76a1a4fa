"""The types of settings: what an administrator may write, and what it becomes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, StringConstraints

DURATION_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0, "y": 31536000.0}
# The order of Prometheus: larger units first, each at most once.
_DURATION = re.compile(r"(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+)s)?(?:(\d+)ms)?", re.ASCII)
LONGEST_DURATION = 292 * DURATION_UNITS["y"]
"""Prometheus counts nanoseconds in 64 bits, which are full after so many seconds."""
SHORTEST_INTERVAL = 0.1
LONGEST_INTERVAL = DURATION_UNITS["y"]
_LONGEST_TEXT = 64
_DURATION_ORDER = ("y", "w", "d", "h", "m", "s", "ms")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(|[kMGTP]i?)B?", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True)
class Unit:
    """How a setting is written, for `pacs-monitor checks`: a name, its unit and an example."""

    name: str
    unit: str = ""
    example: str = ""


HOURS = Unit("hours", example="clinic")
"""Of settings that name one of the configuration's `hours`: the engine makes sure that there is such an entry."""


def parse_duration(value: Any) -> float:
    """Seconds of a Prometheus duration such as `1h30m` or `15s`.

    Raises ValueError with the remedy. Numbers pass as seconds: they come from code, files hold text.
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if value == "0":
        return 0.0
    if not isinstance(value, str) or len(value) > _LONGEST_TEXT:
        raise ValueError("is not a duration; write for example 15s, 5m or 1h30m")
    match = _DURATION.fullmatch(value)
    if match is None or not value:
        if value.isdigit():
            raise ValueError(f"{value} has no unit; write {value}s for {value} second{'s' * (value != '1')}")
        raise ValueError(f"{value} is not a duration; write for example 15s, 5m or 1h30m")
    parts = zip(match.groups(), _DURATION_ORDER, strict=True)
    seconds = sum(int(digits) * DURATION_UNITS[unit] for digits, unit in parts if digits)
    if seconds > LONGEST_DURATION:
        raise ValueError(f"{value} is longer than 292y, the longest duration there is; write a shorter one")
    return seconds


def check_interval(seconds: float) -> float:
    """The same seconds. Raises ValueError with the remedy for an interval that nothing can keep."""
    if seconds < SHORTEST_INTERVAL:
        raise ValueError(f"is shorter than {format_duration(SHORTEST_INTERVAL)}; write for example 15s")
    return check_not_too_long(seconds)


def check_not_too_long(seconds: float) -> float:
    """The same seconds. Raises ValueError with the remedy for more than a year between two runs."""
    if seconds > LONGEST_INTERVAL:
        raise ValueError("is longer than 1y; write for example 1h")
    return seconds


def format_duration(seconds: float) -> str:
    """The shortest Prometheus duration of a number of seconds, to the millisecond: 90.0 is `1m30s`."""
    left = round(seconds * 1000)
    if left == 0:
        return "0s"
    out = "-" if left < 0 else ""
    left = abs(left)
    for unit in ("d", "h", "m", "s", "ms"):
        size = round(DURATION_UNITS[unit] * 1000)
        if left >= size:
            out += f"{left // size}{unit}"
            left %= size
    return out


def parse_ratio(value: Any) -> float:
    """A share of 0 to 1 from `10%` or `0.1`. Raises ValueError with the remedy."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        number = float(value)
    else:
        text = str(value).strip()
        digits, scale = (text[:-1], 100.0) if text.endswith("%") else (text, 1.0)
        try:
            number = float(digits) / scale
        except ValueError:
            raise ValueError(f"{value} is not a share; write for example 10% or 0.1") from None
    if not 0.0 <= number <= 1.0:
        raise ValueError(f"{value} is not between 0% and 100%")
    return number


def parse_size(value: Any) -> int:
    """Bytes of a size such as `20GB` (powers of 1000) or `20GiB` (of 1024). Raises ValueError."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    match = _SIZE.fullmatch(str(value).strip())
    if match is None or len(match[1]) > _LONGEST_TEXT:
        raise ValueError(f"{value} is not a size; write for example 500MB, 20GB or 20GiB")
    number, prefix = match.groups()
    base = 1024 if prefix.endswith("i") else 1000
    factor: int = base ** " kMGTP".index(prefix[:1] or " ")
    return round(float(number) * factor)


def _plain_text(value: str) -> str:
    found = _CONTROL.search(value)
    if found:
        raise ValueError(f"holds the control character {found[0]!r} at position {found.start() + 1}; remove it")
    return value


def check_ae_title(value: str) -> str:
    """An AE title as PS3.5 6.2 has it: 1 to 16 characters of ASCII, no backslash, not only spaces.

    Raises ValueError with the remedy. Leading and trailing spaces mean nothing and are dropped.
    """
    _plain_text(value)
    title = value.strip(" ")
    if not title:
        raise ValueError("is empty; an AE title has 1 to 16 characters")
    if len(title) > 16:
        raise ValueError(f"{title} has {len(title)} characters; an AE title has at most 16")
    if not title.isascii() or "\\" in title:
        raise ValueError(f"{title} holds a character that an AE title may not have; use ASCII without backslash")
    return title


def _check_port(value: int) -> int:
    if not 1 <= value <= 65535:
        raise ValueError(f"{value} is not a TCP port (1 to 65535)")
    return value


def port_of(value: Any) -> int:
    """The number of a TCP port. Raises ValueError with the remedy."""
    return _check_port(_parse_port(value))


def host_fault(value: str) -> str:
    """What is wrong with a host, or nothing."""
    try:
        _check_host(value)
    except ValueError as error:
        return str(error)
    return ""


def _parse_port(value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError):
        raise ValueError(f"{value} is not a TCP port (1 to 65535)") from None


def _check_host(value: str) -> str:
    _plain_text(value)
    if not value or len(value) > 253 or re.search(r"[\s/@\[\]]", value) or "://" in value:
        raise ValueError(f"{value!r} is not a host; write a name or an address, without scheme, port or path")
    return value


def _check_name(value: str) -> str:
    if not re.fullmatch(r"[^\W_][\w.-]{0,63}", value):
        raise ValueError(
            f"{value!r} is not a name; use up to 64 letters, digits, '.', '-' and '_', first a letter or digit"
        )
    return value


def name_fault(value: str) -> str:
    """What is wrong with a name, or nothing."""
    try:
        _check_name(value)
    except ValueError as error:
        return str(error)
    return ""


def _check_optional_name(value: str) -> str:
    return value and _check_name(value)


PlainText = Annotated[str, AfterValidator(_plain_text)]
Name = Annotated[str, AfterValidator(_check_name), Unit("name", example="ct1")]
HoursName = Annotated[str, AfterValidator(_check_name), HOURS]
OptionalName = Annotated[str, AfterValidator(_check_optional_name), Unit("name", example="find-today")]
AeTitle = Annotated[str, AfterValidator(check_ae_title), Unit("AE title", example="ORTHANC")]
Host = Annotated[str, AfterValidator(_check_host), Unit("host", example="10.0.0.5")]
Port = Annotated[int, AfterValidator(_check_port), BeforeValidator(_parse_port), Unit("TCP port", "1 to 65535", "4242")]
Duration = Annotated[float, BeforeValidator(parse_duration), Unit("duration", "seconds", "15s")]
Ratio = Annotated[float, BeforeValidator(parse_ratio), Unit("share", "ratio", "10%")]
Size = Annotated[int, BeforeValidator(parse_size), Unit("size", "bytes", "20GB")]
Count = Annotated[int, Field(ge=1), Unit("count", example="3")]
Secret = Annotated[SecretStr, Unit("secret", example="${PASSWORD}")]
FilePath = Annotated[Path, Unit("file", example="/etc/pacs-monitor/ca.pem")]
Url = Annotated[
    str,
    AfterValidator(_plain_text),
    StringConstraints(pattern=r"^https?://[^\s/]+"),
    Unit("URL", example="http://10.0.0.5:8042"),
]
