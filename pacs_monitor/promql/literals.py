"""Numbers, durations and texts as expressions write them."""

from __future__ import annotations

import math
import re

from pacs_monitor.promql.errors import BadExpression

_UNITS = {"y": 31_536_000_000, "w": 604_800_000, "d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1}
_DURATION = re.compile("".join(rf"(?:([0-9]+){unit})?" for unit in _UNITS))
LONGEST = 9_223_372_036_854
"""The longest duration that Prometheus holds (nanoseconds in 63 bits), in milliseconds."""
_ESCAPE = re.compile(
    r"\\(?:(?P<octal>[0-7]{3})|x(?P<byte>[0-9A-Fa-f]{2})|u(?P<short>[0-9A-Fa-f]{4})|U(?P<long>[0-9A-Fa-f]{8})|(?P<one>.?))",
    re.DOTALL,
)
_ONE = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\"}


def number_of(text: str, position: int = 0) -> float:
    """The value of a number: decimal, hexadecimal, octal with a leading 0, Inf or NaN. Raises BadExpression."""
    plain = text.replace("_", "").lower()
    octal = len(plain) > 1 and plain[0] == "0" and all(one in "01234567" for one in plain)
    hexadecimal = plain.startswith("0x")
    value = float(int(plain, 16 if hexadecimal else 8) if hexadecimal or octal else float(plain))
    if (hexadecimal and value >= 2.0**63) or (math.isinf(value) and plain != "inf"):
        raise BadExpression(f"{text} is larger than a number can be; write Inf", position)
    return value


def duration_of(text: str, position: int = 0) -> int:
    """Milliseconds of a duration such as 1h30m. Raises BadExpression."""
    found = _DURATION.fullmatch(text)
    if found is None:
        raise BadExpression(f"{text}: the units of a duration go from y w d h m s to ms, each once", position)
    total = sum(int(count) * unit for count, unit in zip(found.groups(), _UNITS.values(), strict=True) if count)
    if total > LONGEST:
        raise BadExpression(f"{text} is longer than Prometheus can hold (292 years)", position)
    return total


def text_in(quoted: str, position: int = 0) -> str:
    """What a text in quotes says. Raises BadExpression."""
    quote, inner = quoted[0], quoted[1:-1]
    if quote == "`":
        return inner.replace("\r", "")  # as Go reads raw strings
    if "\\" not in inner:
        return inner
    pieces = bytearray()
    last = 0
    for escape in _ESCAPE.finditer(inner):
        pieces += inner[last : escape.start()].encode()
        pieces += _escaped(escape, quote, position + 1 + escape.start())
        last = escape.end()
    pieces += inner[last:].encode()
    try:
        return pieces.decode()
    except UnicodeDecodeError:
        raise BadExpression(f"{quoted} says bytes that are no UTF-8; write the characters", position) from None


def _escaped(escape: re.Match[str], quote: str, position: int) -> bytes:
    """The bytes of one escape sequence."""
    if octal := escape["octal"]:
        if int(octal, 8) < 256:
            return bytes((int(octal, 8),))
    elif byte := escape["byte"]:
        return bytes((int(byte, 16),))
    elif point := escape["short"] or escape["long"]:
        code = int(point, 16)
        if code <= 0x10FFFF and not 0xD800 <= code < 0xE000:
            return chr(code).encode()
    elif (one := escape["one"]) and (one in _ONE or one == quote):
        return _ONE.get(one, one).encode()
    raise BadExpression(rf"{escape.group()} means no character; write \\ for a backslash, or use back-ticks", position)
