"""Prometheus' `humanize*` functions."""

from __future__ import annotations

import math

from pacs_monitor.alerting.gotemplate.floats import formatted
from pacs_monitor.alerting.gotemplate.values import Time

_LARGE = ("k", "M", "G", "T", "P", "E", "Z", "Y")
_LARGE_1024 = ("ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi")
_SMALL = ("m", "u", "n", "p", "f", "a", "z", "y")


def humanize(value: float) -> str:
    """Four digits with a metric prefix: 12345 is `12.35k`."""
    if value == 0 or not math.isfinite(value):
        return _four(value)
    number, prefix = _reduced(value, 1000, _LARGE) if abs(value) >= 1 else _enlarged(value)
    return _four(number) + prefix


def humanize1024(value: float) -> str:
    """Four digits with a binary prefix: 2048 is `2ki`."""
    if abs(value) <= 1 or not math.isfinite(value):
        return _four(value)
    number, prefix = _reduced(value, 1024, _LARGE_1024)
    return _four(number) + prefix


def humanize_duration(value: float) -> str:
    """Of seconds: 3661 is `1h 1m 1s`, 0.0123 is `12.3ms`."""
    if not math.isfinite(value):
        return _four(value)
    if value == 0:
        return f"{_four(value)}s"
    if abs(value) < 1:
        number, prefix = _enlarged(value)
        return f"{_four(number)}{prefix}s"
    sign, value = ("-", -value) if value < 0 else ("", value)
    whole = _int64(value)
    days, hours, minutes, seconds = (_part(whole, *unit) for unit in ((86400, 0), (3600, 24), (60, 60), (1, 60)))
    if days:
        return f"{sign}{days}d {hours}h {minutes}m {seconds}s"
    if hours:
        return f"{sign}{hours}h {minutes}m {seconds}s"
    if minutes:
        return f"{sign}{minutes}m {seconds}s"
    return f"{sign}{_four(value)}s"


def humanize_percentage(value: float) -> str:
    """Of a ratio: 0.1234 is `12.34%`."""
    return f"{_four(value * 100)}%"


def humanize_timestamp(value: float) -> str:
    """Of seconds since 1970: `2015-09-18 10:00:00 +0000 UTC`. Raises ValueError if no time is so far away."""
    return str(to_time(value)) if math.isfinite(value) else _four(value)


def to_time(value: float) -> Time:
    """The time of seconds since 1970, to the millisecond. Raises ValueError."""
    if not math.isfinite(value):
        raise ValueError("value is NaN or Inf")
    nanoseconds = value * 1e9
    if abs(nanoseconds) > 2.0**63:
        number = formatted(value, "g", None)
        raise ValueError(f"{number} cannot be represented as a nanoseconds timestamp since it overflows int64")
    return Time(_milliseconds(nanoseconds))


def _part(seconds: int, unit: int, most: int) -> int:
    """How many of a unit, as Go divides: towards zero."""
    count = abs(seconds) // unit
    count = count % most if most else count
    return count if seconds >= 0 else -count


def _milliseconds(nanoseconds: float) -> int:
    whole = _int64(nanoseconds)
    return whole // 1_000_000 if whole >= 0 else -(-whole // 1_000_000)


def _int64(value: float) -> int:
    # What amd64 makes of a number that does not fit.
    return int(value) if abs(value) < 2.0**63 else -(2**63)


def _four(value: float) -> str:
    return formatted(value, "g", 4)


def _reduced(value: float, base: int, prefixes: tuple[str, ...]) -> tuple[float, str]:
    prefix = ""
    for candidate in prefixes:
        if abs(value) < base:
            break
        prefix = candidate
        value /= base
    return value, prefix


def _enlarged(value: float) -> tuple[float, str]:
    prefix = ""
    for candidate in _SMALL:
        if abs(value) >= 1:
            break
        prefix = candidate
        value *= 1000
    return value, prefix
