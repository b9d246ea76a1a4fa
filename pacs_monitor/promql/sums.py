"""Sums, means and deviations with compensated rounding, in the order and with the cases of Prometheus."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from pacs_monitor.promql.numbers import INF, NAN, divided


def added(value: float, total: float, lost: float) -> tuple[float, float]:
    """A sum with one more term, and what rounding lost so far (Neumaier)."""
    new = total + value
    if new - new != 0:  # Inf or NaN: nothing to save
        return new, 0.0 if math.isinf(new) else NAN
    if abs(total) >= abs(value):
        return new, lost + ((total - new) + value)
    return new, lost + ((value - new) + total)


def total(values: Iterable[float]) -> float:
    """The sum."""
    result = lost = 0.0
    for value in values:
        new = result + value
        if abs(result) >= abs(value):
            lost += (result - new) + value
        else:
            lost += (value - new) + result
        result = new
        if lost != lost:  # Inf took part
            lost = 0.0 if math.isinf(new) else NAN
    return result if math.isinf(result) else result + lost


def mean(values: Sequence[float]) -> float:
    """The average; where the sum would overflow, the mean is updated value by value."""
    count = 1
    sum_, lost = values[0], 0.0
    for value in values[1:]:
        new, new_lost = added(value, sum_, lost)
        if math.isinf(new):
            return _running_mean(values, count, sum_ / count, lost / count)
        sum_, lost = new, new_lost
        count += 1
    return sum_ / count + lost / count


def _running_mean(values: Sequence[float], count: int, middle: float, lost: float) -> float:
    for value in values[count:]:
        count += 1
        share = (count - 1) / count
        middle, lost = added(value / count, share * middle, share * lost)
    return middle + lost


def variance_of_group(values: Sequence[float]) -> float:
    """The variance of a group's values (Welford)."""
    middle = values[0]
    squares = NAN if middle - middle != 0 else 0.0
    for count, value in enumerate(values[1:], 2):
        delta = value - middle
        middle += delta / count
        squares += delta * (value - middle)
    return squares / len(values)


def variance_over_time(values: Sequence[float]) -> float:
    """The variance of a series' values (Welford, compensated)."""
    middle = middle_lost = squares = squares_lost = 0.0
    for count, value in enumerate(values, 1):
        delta = value - (middle + middle_lost)
        middle, middle_lost = added(delta / count, middle, middle_lost)
        squares, squares_lost = added(delta * (value - (middle + middle_lost)), squares, squares_lost)
    return (squares + squares_lost) / len(values)


def root(value: float) -> float:
    """The square root, NaN of what has none."""
    return math.sqrt(value) if value >= 0 else NAN


def highest(values: Iterable[float]) -> float:
    """The maximum; NaN only if there is nothing else."""
    result = NAN
    for value in values:
        if value > result or result != result:
            result = value
    return result


def lowest(values: Iterable[float]) -> float:
    """The minimum; NaN only if there is nothing else."""
    result = NAN
    for value in values:
        if value < result or result != result:
            result = value
    return result


def quantile(share: float, values: Sequence[float]) -> float:
    """The value below which a share of the values lies, between the two nearest; NaN counts as the lowest."""
    if not values or share != share:
        return NAN
    if share < 0:
        return -INF
    if share > 1:
        return INF
    ordered = sorted(values) if all(one == one for one in values) else sorted(values, key=_nan_first)
    rank = share * (len(ordered) - 1)
    low = math.floor(rank)
    weight = rank - low
    return ordered[low] * (1 - weight) + ordered[min(low + 1, len(ordered) - 1)] * weight


def median_deviation(values: Sequence[float]) -> float:
    """The median of how far the values are from their median; NaN if one of them is."""
    if any(value != value for value in values):
        return NAN
    median = quantile(0.5, values)
    return quantile(0.5, [abs(value - median) for value in values])


def _nan_first(value: float) -> tuple[bool, float]:
    return (value == value, value)


def regression(times: Sequence[int], values: Sequence[float], origin: int) -> tuple[float, float]:
    """Slope per second and value at `origin` (ms) of the line of least squares."""
    if all(value == values[0] for value in values[1:]):
        return (NAN, NAN) if math.isinf(values[0]) else (0.0, values[0])
    seconds = [(time - origin) / 1000 for time in times]
    count = len(values)
    x, y = total(seconds), total(values)
    covariance = total(a * b for a, b in zip(seconds, values, strict=True)) - x * y / count
    spread = total(a * a for a in seconds) - x * x / count
    slope = divided(covariance, spread)
    return slope, y / count - slope * x / count
