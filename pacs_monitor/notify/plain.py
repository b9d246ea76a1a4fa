"""Text from elsewhere, made harmless: no control characters, no letters that turn the reading direction, no excess."""

from __future__ import annotations

import re

# PS: what begins an embedding or override of the direction hides what a line really says (CVE-2021-42574).
_DIRECTION = "\u200e\u200f\u202a-\u202e\u2066-\u2069"
_UNFIT = re.compile(rf"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029{_DIRECTION}\ud800-\udfff\ufeff]")


def plain(text: object, most: int = 4000) -> str:
    """Lines of text, cut where they are too long."""
    return cut(_UNFIT.sub("", str(text).replace("\r\n", "\n").replace("\r", "\n")), most)


def one_line(text: object, most: int = 400) -> str:
    """The same on one line."""
    return cut(" ".join(plain(text, 4 * most).split()), most)


def cut(text: str, most: int) -> str:
    """At most so many characters; the last of them says that there were more."""
    return text if len(text) <= most else text[: max(most - 1, 0)].rstrip() + "…"
