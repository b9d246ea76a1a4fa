"""Numbers as Go writes and divides them: nothing raises, Inf and NaN come out."""

from __future__ import annotations

import math
from decimal import Decimal

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
