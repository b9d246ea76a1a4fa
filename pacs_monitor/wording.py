"""Times and people as commands tell them."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime

from pacs_monitor.console import fail
from pacs_monitor.units import parse_duration


def login_name() -> str:
    """Who types."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "somebody"


def seconds_of(text: str, option: str) -> float:
    """A span such as 2h. Ends the program if it is none."""
    try:
        return parse_duration(text)
    except ValueError as error:
        fail(f"{option}: {error}", 2)


def moment_of(text: str) -> datetime:
    """A time as the agent tells it."""
    return datetime.fromisoformat(text)


def ago(text: str) -> str:
    """How long a time is away: `5 min`, `3 h 20 min`, `2 d 4 h`."""
    return span(abs((datetime.now(UTC) - moment_of(text)).total_seconds()))


def lasting(text: str) -> str:
    """How long something has gone on that began then: `for 5 min`; `in 5 min` if it is still to begin."""
    return f"{'in' if moment_of(text) > datetime.now(UTC) else 'for'} {ago(text)}"


def clock(text: str) -> str:
    """A time on the clock of this machine; with the day if that is another one."""
    local = moment_of(text).astimezone()
    same_day = local.date() == datetime.now().astimezone().date()
    return f"{local:%H:%M:%S}" if same_day else f"{local:%Y-%m-%d %H:%M}"


def span(seconds: float) -> str:
    """Seconds as people say them."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, hours, days = whole // 60, whole // 3600, whole // 86_400
    if minutes < 60:
        return f"{minutes} min"
    if hours < 24:
        return f"{hours} h {minutes % 60} min"
    return f"{days} d {hours % 24} h"
