"""Numbers and strings as a template writes them."""

from __future__ import annotations

import re

from pacs_monitor.alerting.gotemplate.errors import TemplateRefused

_SIMPLE = {"a": 7, "b": 8, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11, "\\": 92, "'": 39, '"': 34}
_ESCAPE = re.compile(r"\\(x[\da-fA-F]{2}|u[\da-fA-F]{4}|U[\da-fA-F]{8}|[0-7]{3}|.)", re.DOTALL)
_LEADING_ZERO = re.compile(r"[+-]?0[0-7_]+")


def number(text: str, at: int) -> int | float:
    """An int unless it is written with a point or an exponent. Raises TemplateRefused."""
    digits = text.replace("_", "")
    is_float = not re.match(r"[+-]?0[xXbBoO]", digits) and any(char in digits for char in ".eE")
    try:
        if is_float:
            return float(digits)
        value = int(digits, 8) if _LEADING_ZERO.fullmatch(digits) else int(digits, 0)
    except ValueError:
        raise TemplateRefused(f"{text} is no number; write for example 10 or 0.5", at) from None
    if not -(2**63) <= value < 2**63:
        raise TemplateRefused(f"{text} is too large for a whole number; write {text}.0", at)
    return value


def string(quoted: str, at: int) -> str:
    """What a string in double quotes or backquotes stands for. Raises TemplateRefused."""
    if quoted[0] == "`":
        return quoted[1:-1].replace("\r", "")
    out = bytearray()
    last = 0
    body = quoted[1:-1]
    for match in _ESCAPE.finditer(body):
        out += body[last : match.start()].encode()
        out += _escaped(match[1], at + 1 + match.start())
        last = match.end()
    return (bytes(out) + body[last:].encode()).decode("utf-8", "replace")


def _escaped(code: str, at: int) -> bytes:
    if code[0] in "uU" and len(code) > 1:
        point = int(code[1:], 16)
        if point > 0x10FFFF or 0xD800 <= point < 0xE000:
            raise TemplateRefused(f"\\{code} is no character; write another", at)
        return chr(point).encode()
    if code[0] == "x" and len(code) > 1:
        return bytes([int(code[1:], 16)])
    if len(code) == 3 and int(code, 8) < 256:
        return bytes([int(code, 8)])
    if code in _SIMPLE and code != "'":
        return bytes([_SIMPLE[code]])
    raise TemplateRefused(f"holds \\{code}, which is no escape in a string; write \\\\ for one backslash", at)
