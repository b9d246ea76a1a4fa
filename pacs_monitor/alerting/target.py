"""What versions of Prometheus refuse that is evaluated here, for rules that are to be loadable there too."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pacs_monitor.promql.features import EXPERIMENTAL_FUNCTIONS
from pacs_monitor.promql.signatures import EXPERIMENTAL, EXPERIMENTAL_AGGREGATIONS

_TARGET = re.compile(r"prometheus=(\d+)(?:\.(\d+))?")
_OLD_LABEL = re.compile(r"[a-zA-Z_]\w*", re.ASCII)
_STRING = re.compile(r"\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'|`[^`]*`|#[^\n]*")
_CALL = re.compile(r"\b([a-z]\w*)\s*(?=\(|(?:by|without)\b)", re.ASCII | re.IGNORECASE)
_AT = re.compile(r"@\s*(?:start|end)\b", re.IGNORECASE)
"""What is no call of start or end, and older than these functions."""
_FUNCTIONS = {
    "histogram_stddev": (2, 45),
    "histogram_stdvar": (2, 45),
    "histogram_avg": (2, 51),
    "sort_by_label": (2, 51),
    "sort_by_label_desc": (2, 51),
    "mad_over_time": (2, 52),
    "limitk": (2, 54),
    "limit_ratio": (2, 54),
    "double_exponential_smoothing": (3, 0),
    **dict.fromkeys(("ts_of_last_over_time", "ts_of_max_over_time", "ts_of_min_over_time"), (3, 5)),
    **dict.fromkeys(("first_over_time", "ts_of_first_over_time"), (3, 7)),
    **dict.fromkeys(("histogram_quantiles", "start", "end", "range", "step"), (3, 11)),
    **dict.fromkeys(("min_of", "max_of"), (3, 13)),
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
_NEWEST = 10_000
"""The minor version that stands for the newest one."""
_FIELDS = {"keep_firing_for": (2, 42), "query_offset": (2, 53), "labels": (3, 0)}


@dataclass(frozen=True, slots=True)
class Target:
    """A version of Prometheus."""

    version: tuple[int, int]

    def __str__(self) -> str:
        major, minor = self.version
        return f"Prometheus {major}" if minor == _NEWEST else f"Prometheus {major}.{minor}"

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
        for name in map(str.lower, _CALL.findall(_AT.sub("", _STRING.sub('""', text)))):
            since = _FUNCTIONS.get(name, (0, 0))
            if self.version < since:
                what = "aggregation" if name in EXPERIMENTAL_AGGREGATIONS else "function"
                where = f"{_later(since)}{_flag(name)}"
                return f"{self} does not know {name}; use another {what}, or load the rules in {where}"
        return self._syntax_fault(_STRING.sub(lambda found: "" if found[0].startswith("#") else '""', text))

    def _syntax_fault(self, bare: str) -> str:
        if self.version >= (3, 0):
            return ""
        found = [what for pattern, what in _SYNTAX if pattern.search(bare)]
        if _DURATION.search(_DURATION_PLACES.sub("", bare)):
            found.append("a duration as a number")
        return f"{self} does not take {' and '.join(found)}; write it in the older way" if found else ""


def target_of(text: str) -> Target:
    """The version that `prometheus=2.42` names, or `prometheus=3`, the newest 3. Raises ValueError with the remedy."""
    found = _TARGET.fullmatch(text)
    if found is None:
        raise ValueError(f"{text} is no version of Prometheus; write for example prometheus=2.42 or prometheus=3")
    major = int(found[1])
    return Target((major, int(found[2] or (_NEWEST if major >= 3 else 0))))


def _later(since: tuple[int, int]) -> str:
    return f"{since[0]}.{since[1]} or later"


def _flag(name: str) -> str:
    """What must be enabled there as well."""
    experimental = name in EXPERIMENTAL or name in EXPERIMENTAL_AGGREGATIONS
    return f" with --enable-feature={EXPERIMENTAL_FUNCTIONS}" if experimental else ""
