"""Numbers as Go writes and divides them: nothing raises, Inf and NaN come out."""

from __future__ import annotations

import math
from decimal import Decimal
from functools import lru_cache

INF = math.inf
NAN = math.nan


def number_text(value: float) -> str:
    """The shortest decimal text that gives the same number, without an exponent."""
    if value != value:
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    if value == int(value) and abs(value) < 1e15:
        return "-0" if value == 0 and math.copysign(1, value) < 0 else str(int(value))
    return format(Decimal(repr(value)), "f").removesuffix(".0")


def divided(left: float, right: float) -> float:
    """`left / right`; by zero gives Inf or NaN."""
    try:
        return left / right
    except ZeroDivisionError:
        if left == 0 or left != left:
            return NAN
        return math.copysign(INF, left) * math.copysign(1.0, right)


def remainder(left: float, right: float) -> float:
    """The rest of a division, with the sign of `left`."""
    if right == 0 or left in (INF, -INF):
        return NAN
    return math.fmod(left, right)


def power(left: float, right: float) -> float:
    """`left ^ right`; an overflow gives Inf, a root of a negative number NaN."""
    try:
        return math.pow(left, right)
    except OverflowError:
        odd = right == int(right) and int(right) % 2 == 1
        return -INF if left < 0 and odd else INF
    except ValueError:
        if left == 0:  # to a negative power
            odd = right == int(right) and int(right) % 2 == 1
            return math.copysign(INF, left) if odd else INF
        return NAN


def larger(left: float, right: float) -> float:
    """The maximum as Go has it: NaN if either is, but for +Inf."""
    if left == INF or right == INF:
        return INF
    if left != left or right != right:
        return NAN
    return left if left > right else right


def smaller(left: float, right: float) -> float:
    """The minimum as Go has it: NaN if either is, but for -Inf."""
    if left == -INF or right == -INF:
        return -INF
    if left != left or right != right:
        return NAN
    return left if left < right else right


def floor(value: float) -> float:
    """The next whole number below; Inf and NaN stay."""
    if not -(2.0**52) < value < 2.0**52:
        return value
    return value if value == 0 else float(math.floor(value))  # -0 stays


def ceil(value: float) -> float:
    """The next whole number above; Inf and NaN stay."""
    return -floor(-value)


def short_text(value: float) -> str:
    """A number as Go's %g has it: the fewest digits; with an exponent below 1e-4, and from 1e+06 on."""
    if value != value or value == 0 or abs(value) == INF or 1e-4 <= abs(value) < 1e6:
        return number_text(value)
    digits, _, exponent = f"{Decimal(repr(value)).normalize():e}".partition("e")
    return f"{digits}e{int(exponent):+03d}"


def label_number(value: float) -> str:
    """A number as it stands in the labels `le` and `quantile`: 1 is 1.0, as OpenMetrics has it."""
    text = short_text(value or 0.0)
    return text if value - value != 0 or "." in text or "e" in text else f"{text}.0"


@lru_cache(maxsize=10_000)
def bound_of(text: str) -> float | None:
    """The number that a label says, as Go reads it; None if it says none."""
    if not text or text.strip() != text or "_" in text:
        return None
    try:
        return float(text)
    except ValueError:
        return None
