"""Samples of one series: values beside times that all series of one source share."""

from __future__ import annotations

import struct
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from pacs_monitor.history.labels import Labels

_pack = struct.Struct("<d").pack
_STALE_BYTES = struct.pack("<Q", 0x7FF8_0000_0000_0002)
_ABSENT_BYTES = struct.pack("<Q", 0x7FF8_0000_0000_0003)
# Quiet NaNs with a mark of their own, so that no arithmetic and no register changes them.
STALE: float = struct.unpack("<d", _STALE_BYTES)[0]
"""The series ended here."""
ABSENT: float = struct.unpack("<d", _ABSENT_BYTES)[0]
"""Its source gave samples at this time, and none of this series."""


def is_stale(value: float) -> bool:
    """Whether this is the mark of a series' end, not a value (NaN is a value)."""
    return value != value and _pack(value) == _STALE_BYTES


def is_mark(value: float) -> bool:
    """Whether this is a mark of the history, and no value."""
    return value != value and _pack(value) in (_STALE_BYTES, _ABSENT_BYTES)


class Source:
    """Where samples come from at common times: a scrape of all metrics, a group of rules.

    An index counts the times since the beginning; those that are forgotten keep theirs.
    """

    __slots__ = ("_bounds", "base", "times")

    def __init__(self) -> None:
        self.times = array("q")
        """Milliseconds since 1970, rising."""
        self.base = 0
        """The index of `times[0]`."""
        self._bounds: tuple[int, int, int, int] = (0, -1, 0, 0)

    def begin(self, at: int) -> int:
        """A new time; gives its index. Raises ValueError unless it is later than all before."""
        if self.times and at <= self.times[-1]:
            raise ValueError(f"{at} is not after {self.times[-1]}")
        self.times.append(at)
        self._bounds = (0, -1, 0, 0)
        return self.base + len(self.times) - 1

    def bounds(self, after: int, until: int) -> tuple[int, int]:
        """The indexes [low, high) of the times that are later than `after` and not later than `until`."""
        known = self._bounds
        if known[0] != after or known[1] != until:
            low = self.base + bisect_right(self.times, after)
            known = self._bounds = (after, until, low, self.base + bisect_right(self.times, until))
        return known[2], known[3]

    def forget_before(self, index: int) -> None:
        """Forget the times before an index."""
        if index > self.base:
            del self.times[: index - self.base]
            self.base = index

    def forget_from(self, at: int) -> int:
        """Forget the times from `at` on (the clock was set back); gives the index that comes next."""
        del self.times[bisect_left(self.times, at) :]
        self._bounds = (0, -1, 0, 0)
        return self.base + len(self.times)


class Series:
    """One series' values; `values[i]` belongs to the source's index `first + i`."""

    __slots__ = ("first", "holes", "labels", "private", "source", "values")

    def __init__(self, labels: Labels, source: Source, first: int) -> None:
        self.labels = labels
        self.source = source
        self.first = first
        self.values = array("d")
        self.private = False
        """Whether the source is its own, since more than one gave it samples."""
        self.holes = False
        """Whether there may be marks among the values."""

    def put(self, index: int, value: float) -> None:
        """The value at an index, the source's last; the first of two at the same index counts."""
        values = self.values
        if not values:
            self.first = index
        gap = index - self.first - len(values)
        if gap:
            if gap < 0:
                return
            values.extend([ABSENT] * gap)
            self.holes = True
        values.append(value)
        if value != value:
            self.holes = True

    def end(self, index: int) -> None:
        """Mark that the series ended at an index."""
        self.put(index, STALE)

    @property
    def ended(self) -> bool:
        """Whether the last sample is the mark of its end."""
        return not self.values or is_stale(self.values[-1])

    def latest(self, after: int, until: int) -> float | None:
        """The last value later than `after` and not later than `until` (ms); None if there is none, or it ended."""
        found = self.latest_sample(after, until)
        return None if found is None else found[1]

    def latest_sample(self, after: int, until: int) -> tuple[int, float] | None:
        """The same, with its time."""
        low, high = self.source.bounds(after, until)
        values, first = self.values, self.first
        at = min(high - first, len(values)) - 1
        low -= first
        while at >= 0 and at >= low:
            value = values[at]
            if value == value or not is_mark(value):
                return self.source.times[first + at - self.source.base], value
            if _pack(value) == _STALE_BYTES:
                return None
            at -= 1
        return None

    def window(self, after: int, until: int) -> tuple[Sequence[int], Sequence[float]]:
        """Times (ms) and values later than `after` and not later than `until`."""
        low, high = self.source.bounds(after, until)
        low, high = max(low, self.first), min(high, self.first + len(self.values))
        if low >= high:
            return (), ()
        base = self.source.base
        times = self.source.times[low - base : high - base]
        values = self.values[low - self.first : high - self.first]
        if self.holes:
            kept = [place for place, value in enumerate(values) if value == value or not is_mark(value)]
            if len(kept) < len(values):
                return [times[place] for place in kept], [values[place] for place in kept]
        return times, values

    def forget_before(self, index: int) -> None:
        """Forget the values before an index of the source."""
        gone = index - self.first
        if gone > 0:
            del self.values[:gone]
            self.first += gone

    def forget_from(self, index: int) -> None:
        """Forget the values from an index on."""
        del self.values[max(0, index - self.first) :]
