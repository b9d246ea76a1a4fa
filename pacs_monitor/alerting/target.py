"""What versions of Prometheus refuse that is evaluated here, for rules that are to be loadable there too."""

from __future__ import annotations

import re
from dataclasses import dataclass

_TARGET = re.compile(r"prometheus=(\d+)(?:\.(\d+))?")
_OLD_LABEL = re.compile(r"[a-zA-Z_]\w*", re.ASCII)
_STRING = re.compile(r"\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'|`[^`]*`|#[^\n]*")
_CALL = re.compile(r"\b([a-z]\w*)\s*(?=\()", re.ASCII)
_FUNCTIONS = {
    "histogram_stddev": (2, 45),
    "histogram_stdvar": (2, 45),
    "histogram_avg": (2, 51),
    "mad_over_time": (2, 52),
    "sort_by_label": (2, 51),
    "sort_by_label_desc": (2, 51),
}
_SYNTAX = (
    (
        re.compile(r"\{\s*\"|\{[^}]*,\s*\"|\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\""),
        "a name in quotes",
    ),
    (re.compile(r"[\[:]\s*[\d.]+\s*[\]:]|\boffset\s+-?[\d.]+(?![\w.])"), "a range or an offset without unit"),
    (re.compile(r"(?<![\w.])\d+_\d"), "a number with _ in it"),
)
_DURATION_PLACES = re.compile(r"\[[^\]]*\]|\boffset\s+-?\s*\w+")
_DURATION = re.compile(r"(?<![\w.:])(?:\d+(?:ms|[smhdwy]))+(?!\w)")
_FIELDS = {"keep_firing_for": (2, 42), "query_offset": (2, 53), "labels": (3, 0)}


@dataclass(frozen=True, slots=True)
class Target:
    """A version of Prometheus."""

    version: tuple[int, int]

    def __str__(self) -> str:
        return f"Prometheus {self.version[0]}.{self.version[1]}"

    def field_fault(self, name: str) -> str:
        """What it says of a field of a group or rule; "" if it takes it."""
        since = _FIELDS.get(name, (0, 0))
        return (
            f"{self} does not know it; take it out, or load the rules in {_later(since)}"
            if self.version < since
            else ""
        )

    def label_fault(self, name: str) -> str:
        """What it says of a label's name."""
        if self.version >= (3, 0) or _OLD_LABEL.fullmatch(name):
            return ""
        return f"{self} takes only letters, digits and _ in the name of a label; rename it"

    def expr_fault(self, text: str) -> str:
        """What it says of an expression that is valid here."""
        for name in _CALL.findall(_STRING.sub('""', text)):
            since = _FUNCTIONS.get(name, (0, 0))
            if self.version < since:
                return f"{self} does not know {name}; use another function, or load the rules in {_later(since)}"
        return self._syntax_fault(_STRING.sub(lambda found: "" if found[0].startswith("#") else '""', text))

    def _syntax_fault(self, bare: str) -> str:
        if self.version >= (3, 0):
            return ""
        found = [what for pattern, what in _SYNTAX if pattern.search(bare)]
        if _DURATION.search(_DURATION_PLACES.sub("", bare)):
            found.append("a duration as a number")
        return f"{self} does not take {' and '.join(found)}; write it in the older way" if found else ""


def target_of(text: str) -> Target:
    """The version that `prometheus=2.42` or `prometheus=3` names. Raises ValueError with the remedy."""
    found = _TARGET.fullmatch(text)
    if found is None:
        raise ValueError(f"{text} is no version of Prometheus; write for example prometheus=2.42 or prometheus=3")
    return Target((int(found[1]), int(found[2] or 0)))


def _later(since: tuple[int, int]) -> str:
    return f"{since[0]}.{since[1]} or later"
