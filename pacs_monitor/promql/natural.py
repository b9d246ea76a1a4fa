"""The natural order of texts: that of the numbers in them, as node2 before node10."""

from __future__ import annotations

import re
from functools import cmp_to_key, lru_cache

_PIECES = re.compile(r"[0-9]+|[^0-9]+")
_DIGITS = frozenset("0123456789")
_MOST_DIGITS = 4000
"""Python reads no more of a number; with so many, all but zeros is above the largest."""
_LARGEST = 2**63 - 1
"""What is larger Prometheus compares as text."""


def compare(one: str, other: str) -> int:
    """Below 0 if `one` comes first, above 0 if `other` does; 0 only for the same text."""
    pieces, others = _pieces(one), _pieces(other)
    for (text, number), (text2, number2) in zip(pieces, others, strict=False):
        if number is not None and number2 is not None:
            if number != number2:
                return -1 if number < number2 else 1
        elif text != text2:
            return -1 if text < text2 else 1
    # Of 01 and 1 Prometheus puts either first, as it happens.
    return len(pieces) - len(others) or (one > other) - (one < other)


natural = cmp_to_key(compare)
"""The key by which `sorted` sorts texts so."""


@lru_cache(maxsize=10_000)
def _pieces(text: str) -> tuple[tuple[str, int | None], ...]:
    return tuple((piece, _number(piece)) for piece in _PIECES.findall(text))


def _number(piece: str) -> int | None:
    if piece[0] not in _DIGITS or len(piece) > _MOST_DIGITS:
        return None
    number = int(piece)
    return number if number <= _LARGEST else None
