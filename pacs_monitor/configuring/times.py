"""The times of a check, one against the other: nothing may take longer than until it is done again."""

from __future__ import annotations

from typing import Any, NamedTuple

from pacs_monitor.check import Check
from pacs_monitor.configuring.findings import Findings
from pacs_monitor.configuring.tree import Map, below
from pacs_monitor.units import format_duration, parse_duration


class Times(NamedTuple):
    """In seconds; None is what is not known."""

    interval: float | None
    timeout: float | None
    retry_interval: float | None


def times_of(check: Check) -> Times:
    """Those of a valid check."""
    return Times(*(getattr(check, key) for key in Times._fields))


def typed_times(data: dict[str, Any], settings: Map, findings: Findings) -> Times:
    """Those that are written, and have no complaint, where others are wrong or missing."""
    right = (None if findings.complained(below(settings, key)) else data.get(key) for key in Times._fields)
    return Times(*map(_seconds, right))


def check_times(times: Times, settings: Map, findings: Findings) -> None:
    """Complain of a timeout, and warn of a retry, that are longer than the interval."""
    interval, timeout, retry = times
    if interval is None:
        return
    every = format_duration(interval)
    if timeout is not None and timeout > interval:
        message = f"{format_duration(timeout)} is longer than the interval of {every}; shorten it"
        findings.complain(below(settings, "timeout"), message)
    if retry is not None and retry > interval:
        message = f"{format_duration(retry)} is longer than the interval of {every}, and has no effect; shorten it"
        findings.warn(below(settings, "retry_interval"), message)


def _seconds(value: Any) -> float | None:
    try:
        return parse_duration(value)
    except ValueError:
        return None
