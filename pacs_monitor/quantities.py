"""Bytes, shares and spans as a failure's sentence has them."""

from __future__ import annotations


def readable(size: float) -> str:
    """Bytes for people: 1.5 TB, 20 GB, 512 B (powers of 1000, as on the disk's label)."""
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if size < 999.5:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.4g} PB"


def percent(share: float) -> str:
    """A share for people: 0.0156 is `1.56%`."""
    return f"{100 * share:.3g}%"


def span(seconds: float) -> str:
    """Seconds for people, to the larger of two units: `45 s`, `5 min`, `3 h 20 min`, `12 d 4 h`."""
    whole = round(max(0.0, seconds))
    for size, unit, below, lesser in ((86400, "d", 3600, "h"), (3600, "h", 60, "min")):
        if whole >= size:
            rest = whole % size // below
            return f"{whole // size} {unit}" + (f" {rest} {lesser}" if rest else "")
    return f"{whole // 60} min" if whole >= 60 else f"{whole} s"
