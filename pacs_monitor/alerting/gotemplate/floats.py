"""Numbers as Go's strconv and fmt write them."""

from __future__ import annotations

import math


def special(value: float) -> str:
    """`NaN`, `+Inf` or `-Inf`; "" for all other numbers."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return ""


def shortest(value: float) -> str:
    """As `%v` and `%g`: the fewest digits that tell it from others; an exponent below 1e-4 and from 1e+06 on."""
    found = special(value)
    if found:
        return found
    sign, digits, point = decimal(value)
    exponent = point - 1
    if exponent < -4 or exponent >= 6:
        return sign + _scientific(digits, exponent)
    return sign + _plain(digits, point)


def decimal(value: float) -> tuple[str, str, int]:
    """Sign, significant digits and the place of the point behind the first of them, as 0.0012 is "", "12", -2."""
    sign = "-" if math.copysign(1.0, value) < 0 else ""
    mantissa, _, exponent = f"{abs(value)!r}".partition("e")
    whole, _, part = mantissa.partition(".")
    part = "" if part == "0" else part
    digits = (whole + part).lstrip("0")
    point = len(whole) - (len(whole + part) - len(digits) if digits else 0) + int(exponent or 0)
    digits = digits.rstrip("0")
    return sign, digits or "0", point if digits else 1


def _scientific(digits: str, exponent: int) -> str:
    rest = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{digits[0]}{rest}e{'-' if exponent < 0 else '+'}{abs(exponent):02d}"


def _plain(digits: str, point: int) -> str:
    if point <= 0:
        return f"0.{'0' * -point}{digits}"
    if point >= len(digits):
        return digits + "0" * (point - len(digits))
    return f"{digits[:point]}.{digits[point:]}"


def formatted(value: float, verb: str, precision: int | None) -> str:
    """As one of the verbs e, E, f, F, g and G, without flags; a precision of None is the verb's own."""
    found = special(value)
    if found:
        return found
    if verb in "gG":
        text = shortest(value) if precision is None else f"{value:.{precision or 1}g}"
    else:
        text = f"{value:.{6 if precision is None else precision}{verb.lower()}}"
    return text.upper() if verb in "EG" else text


def hexadecimal(value: float) -> str:
    """As the verb x: 1.5 is `0x1.8p+00`."""
    found = special(value)
    if found:
        return found
    sign = "-" if math.copysign(1.0, value) < 0 else ""
    if value == 0:
        return f"{sign}0x0p+00"
    mantissa, exponent = math.frexp(abs(value))
    digits = float.hex(mantissa * 2).removeprefix("0x1").partition("p")[0].rstrip("0").rstrip(".")
    return f"{sign}0x1{digits}p{'-' if exponent < 1 else '+'}{abs(exponent - 1):02d}"


def binary(value: float) -> str:
    """As the verb b: 1.5 is `6755399441055744p-52`."""
    found = special(value)
    if found:
        return found
    sign = "-" if math.copysign(1.0, value) < 0 else ""
    mantissa, exponent = math.frexp(abs(value))
    exponent = max(exponent - 53, -1074)
    if value == 0:
        exponent = -1074
    return f"{sign}{int(math.ldexp(mantissa, math.frexp(value)[1] - exponent))}p{exponent:+d}"
