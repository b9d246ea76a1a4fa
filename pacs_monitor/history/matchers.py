"""Label matchers: `=`, `!=`, `=~` and `!~`, with regular expressions that take time linear in their input."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache

import re2

EQUAL, NOT_EQUAL, MATCH, NO_MATCH = "=", "!=", "=~", "!~"


class BadRegexError(ValueError):
    """A regular expression that RE2 refuses."""


@lru_cache(maxsize=1000)
def whole_match(pattern: str) -> Callable[[str], object]:
    """What tells whether a whole text matches (RE2; `.` takes line breaks, as in Prometheus). Raises BadRegexError."""
    options = re2.Options()
    options.log_errors = False
    options.dot_nl = True
    try:
        compiled = re2.compile(pattern, options)
    except re2.error as error:
        raise BadRegexError(_words(error)) from None
    matches: Callable[[str], object] = compiled.fullmatch
    return matches


def _words(error: Exception) -> str:
    text = error.args[0] if error.args else str(error)
    return text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)


@dataclass(frozen=True, slots=True)
class Matcher:
    """One condition on a label; a missing label counts as ""."""

    op: str
    name: str
    value: str
    _search: Callable[[str], object] | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Raises BadRegexError."""
        if self.op in (MATCH, NO_MATCH):
            object.__setattr__(self, "_search", whole_match(self.value))

    def matches(self, value: str) -> bool:
        """Whether this value of the label meets it."""
        if self._search is None:
            return (value == self.value) is (self.op == EQUAL)
        return (self._search(value) is not None) is (self.op == MATCH)

    def __str__(self) -> str:
        value = self.value.replace("\\", r"\\").replace('"', r"\"")
        return f'{self.name}{self.op}"{value}"'
