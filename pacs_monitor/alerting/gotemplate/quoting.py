"""Text in quotes, as Go's strconv.Quote gives it."""

from __future__ import annotations

_ESCAPES = {
    "\a": r"\a",
    "\b": r"\b",
    "\f": r"\f",
    "\n": r"\n",
    "\r": r"\r",
    "\t": r"\t",
    "\v": r"\v",
    "\\": r"\\",
}


def quote(text: str, ascii_only: bool = False) -> str:
    """In double quotes."""
    return '"' + "".join(r"\"" if char == '"' else _escaped(char, ascii_only) for char in text) + '"'


def quote_char(char: str, ascii_only: bool = False) -> str:
    """In single quotes."""
    return "'" + (r"\'" if char == "'" else _escaped(char, ascii_only)) + "'"


def _escaped(char: str, ascii_only: bool = False) -> str:
    if char in _ESCAPES:
        return _ESCAPES[char]
    if char.isprintable() and (char.isascii() or not ascii_only):
        return char
    point = ord(char)
    if point < 0x20 or point == 0x7F:
        return f"\\x{point:02x}"
    return f"\\u{point:04x}" if point < 0x10000 else f"\\U{point:08x}"
