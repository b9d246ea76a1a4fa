"""Classic histograms: cumulative counts below upper bounds, and what can be told from them."""

from __future__ import annotations

from bisect import bisect_left

from pacs_monitor.promql.numbers import INF, NAN, divided

Bucket = tuple[float, float]
"""An upper bound and how many observations lie below it."""
_ROUNDING = 1e-12
"""Counts that differ by a smaller share are the same, up to rounding."""
_SMALLEST_NORMAL = 2.2250738585072014e-308


def quantile_of(share: float, buckets: list[Bucket]) -> tuple[float, bool]:
    """The value below which a share of the observations lies, and whether falling counts had to be mended.

    Within a bucket observations count as evenly spread; the lowest begins at 0 unless its bound is not above it.
    """
    if share != share or not buckets:
        return NAN, False
    if share < 0:
        return -INF, False
    if share > 1:
        return INF, False
    bounds, counts = _merged(buckets)
    if bounds[-1] != INF:
        return NAN, False
    forced = _mend(counts)
    if len(bounds) < 2 or counts[-1] == 0:
        return NAN, False
    rank = share * counts[-1]
    place = bisect_left(counts, rank, 0, len(counts) - 1) if rank == rank else len(counts) - 1
    if place == len(counts) - 1:
        return bounds[-2], forced
    if place == 0 and bounds[0] <= 0:
        return bounds[0], forced
    low, below = (bounds[place - 1], counts[place - 1]) if place else (0.0, 0.0)
    return low + (bounds[place] - low) * divided(rank - below, counts[place] - below), forced


def fraction_of(low: float, high: float, buckets: list[Bucket]) -> float:
    """The share of observations between two values."""
    bounds, counts = _merged(buckets)
    if bounds[-1] != INF:
        return NAN
    if counts[-1] == 0 or low != low or high != high or counts[-1] != counts[-1]:
        return NAN
    if low >= high:
        return 0.0
    until = _below(high, bounds, counts)
    after = _below(low, bounds, counts)
    if -INF < low <= bounds[0] <= 0:
        # The lowest bucket has no beginning, so none of its observations can be told to lie above `low`.
        after = min(counts[0], until)
    return divided(until - after, counts[-1])


def _below(value: float, bounds: list[float], counts: list[float]) -> float:
    """How many observations lie below a value; none of a bucket that has no end."""
    lower, rank = (0.0, 0.0) if bounds[0] > 0 else (-INF, 0.0)
    for upper, count in zip(bounds, counts, strict=True):
        if lower >= value:
            return min(rank, counts[-1])
        if upper > value:
            if lower == -INF or upper == INF:
                return min(rank, counts[-1])
            return min(rank + (count - rank) * (value - lower) / (upper - lower), counts[-1])
        lower, rank = upper, count
    return counts[-1]


def _merged(buckets: list[Bucket]) -> tuple[list[float], list[float]]:
    """Rising bounds and their counts; what has the same bound is added up."""
    bounds: list[float] = []
    counts: list[float] = []
    for bound, count in sorted(buckets, key=_bound):
        if bounds and bound == bounds[-1]:
            counts[-1] += count
        else:
            bounds.append(bound)
            counts.append(count)
    return bounds, counts


def _bound(bucket: Bucket) -> float:
    return bucket[0]


def _mend(counts: list[float]) -> bool:
    """Make the counts rise; tells whether one fell by more than rounding does."""
    forced = False
    before = counts[0]
    for place in range(1, len(counts)):
        count = counts[place]
        if count == before:
            continue
        near = _nearly_equal(before, count)
        if near or count < before:
            counts[place] = before
            forced = forced or not near
        else:
            before = count
    return forced


def _nearly_equal(left: float, right: float) -> bool:
    difference, size = abs(left - right), abs(left) + abs(right)
    if left == 0 or right == 0 or size < _SMALLEST_NORMAL:
        return difference < _ROUNDING * _SMALLEST_NORMAL
    return difference / size < _ROUNDING if size < INF else False
