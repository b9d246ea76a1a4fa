"""Spans of time as pages tell them."""

from __future__ import annotations


def span(seconds: float) -> str:
    """A span of time as people say it."""
    for limit, unit, name in ((90, 1, "s"), (5400, 60, "min"), (172800, 3600, "h")):
        if seconds < limit:
            return f"{max(0, round(seconds / unit))} {name}"
    return f"{round(seconds / 86400)} days"
