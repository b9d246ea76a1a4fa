"""Headers that an administrator sets."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator

from pacs_monitor.units import Unit

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")
_OURS = {"connection", "content-length", "transfer-encoding", "upgrade", "te", "trailer", "expect"}


def _check_value(value: str) -> str:
    # Never the value in the complaint: it may be a secret.
    if not value.isascii() or any(letter < " " or letter == "\x7f" for letter in value) or len(value) > 8192:
        raise ValueError("holds what cannot stand in a header; write printable ASCII, at most 8192 characters")
    return value.strip(" ")


Header = Annotated[str, AfterValidator(_check_value), Unit("text")]


def check_headers(headers: dict[str, str]) -> dict[str, str]:
    """The same. Raises ValueError with the remedy for names that cannot be, or that are ours to set."""
    for name in headers:
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is not the name of a header; write for example Accept")
        if name.lower() in _OURS:
            raise ValueError(f"{name} is set by the check itself; take it out")
    if len({name.lower() for name in headers}) < len(headers):
        raise ValueError("holds a header twice; keep one of the two")
    return headers
