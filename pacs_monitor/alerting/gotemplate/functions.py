"""The functions that templates may call: Go's own and Prometheus'."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pacs_monitor.alerting.gotemplate import compare, humanize, printf, strings
from pacs_monitor.alerting.gotemplate.quoting import quote
from pacs_monitor.alerting.gotemplate.values import Anything, Sample, Samples, truth, type_name
from pacs_monitor.units import parse_duration

TEXT, ANY, SAMPLE, SAMPLES = "string", "interface {}", "*template.sample", "template.queryResult"
_TYPES: dict[str, type] = {TEXT: str, SAMPLE: Sample, SAMPLES: Samples}
Query = Callable[[str], Samples]
_GO_FLOAT = re.compile(
    r"[+-]?(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][+-]?\d+)?|[+-]?(?:inf|infinity)|nan", re.ASCII | re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Environment:
    """What functions know beyond their arguments."""

    query: Query
    external_url: str = ""


@dataclass(frozen=True, slots=True)
class Function:
    """A function, the types of its arguments by Go's names, and whether the last may be repeated or left out."""

    call: Callable[..., Any]
    takes: tuple[str, ...]
    variadic: bool = False
    wants_environment: bool = False
    since: tuple[int, int] = (2, 0)
    """The first version of Prometheus that has it, as far as rules meet older ones."""

    def type_of(self, place: int) -> str:
        """The type of the argument in this place."""
        return self.takes[min(place, len(self.takes) - 1)]

    def count_fault(self, count: int) -> str:
        """What Go says of this number of arguments; "" if it is right."""
        if self.variadic:
            fixed = len(self.takes) - 1
            return f"want at least {fixed} got {count}" if count < fixed else ""
        return f"want {len(self.takes)} got {count}" if count != len(self.takes) else ""

    def fits(self, place: int, value: object) -> bool:
        """Whether a value may stand in this place."""
        wanted = _TYPES.get(self.type_of(place))
        return wanted is None or isinstance(value, wanted) or (value is None and wanted is not str)


def to_float(value: object) -> float:
    """The number of a value, or of the text of one. Raises ValueError."""
    if isinstance(value, str):
        return parse_float(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    raise ValueError(f"can't convert {type_name(value)} to float")


def parse_float(text: str) -> float:
    """As Go's strconv reads a number. Raises ValueError."""
    if not _GO_FLOAT.fullmatch(text) or "_" in text:
        raise ValueError(f"strconv.ParseFloat: parsing {quote(text)}: invalid syntax")
    value = float(text)
    if value in (float("inf"), float("-inf")) and "n" not in text.lower():
        raise ValueError(f"strconv.ParseFloat: parsing {quote(text)}: value out of range")
    return value


def _of_number(function: Callable[[float], Any]) -> Function:
    return Function(lambda value: function(to_float(value)), (ANY,))


def _first(samples: Samples | None) -> Sample:
    if not samples:
        raise ValueError("first() called on vector with no elements")
    return samples[0]


def _sorted(label: str, samples: Samples | None) -> Samples:
    return Samples(sorted(samples or (), key=lambda sample: sample.labels.get(label, "").encode()))


def _duration(text: str) -> float:
    try:
        return parse_duration(text)
    except ValueError:
        raise ValueError(
            "empty duration string" if not text else f"not a valid duration string: {quote(text)}"
        ) from None


def _path(environment: Environment) -> str:
    return re.sub(r"^[a-zA-Z][\w+.-]*://[^/?#]*", "", environment.external_url).partition("?")[0].partition("#")[0]


def _as_text(escape: Callable[[str], str]) -> Callable[..., str]:
    def escaped(*values: object) -> str:
        if len(values) == 1:
            return escape(printf.shown(values[0]))
        return escape(printf.printed(*("<no value>" if value is None else value for value in values)))

    return escaped


def _of_sample(function: Callable[[Sample], Any]) -> Callable[[Sample | None], Any]:
    def called(sample: Sample | None) -> Any:
        if sample is None:
            raise ValueError("runtime error: invalid memory address or nil pointer dereference")
        return function(sample)

    return called


FUNCTIONS: dict[str, Function] = {
    # Short-circuiting is the business of whoever calls them.
    "and": Function(lambda *values: values[-1], (ANY, ANY), variadic=True),
    "or": Function(lambda *values: values[-1], (ANY, ANY), variadic=True),
    "not": Function(lambda value: not truth(value), (ANY,)),
    "eq": Function(compare.eq, (ANY, ANY), variadic=True),
    "ne": Function(compare.ne, (ANY, ANY)),
    "lt": Function(compare.lt, (ANY, ANY)),
    "le": Function(compare.le, (ANY, ANY)),
    "gt": Function(compare.gt, (ANY, ANY)),
    "ge": Function(compare.ge, (ANY, ANY)),
    "len": Function(compare.length, (ANY,)),
    "index": Function(compare.index, (ANY, ANY), variadic=True),
    "slice": Function(compare.part, (ANY, ANY), variadic=True),
    "print": Function(printf.printed, (ANY,), variadic=True),
    "printf": Function(printf.formatted, (TEXT, ANY), variadic=True),
    "println": Function(printf.printed_line, (ANY,), variadic=True),
    "html": Function(_as_text(strings.escape_html), (ANY,), variadic=True),
    "urlquery": Function(_as_text(strings.query_escape), (ANY,), variadic=True),
    "humanize": _of_number(humanize.humanize),
    "humanize1024": _of_number(humanize.humanize1024),
    "humanizeDuration": _of_number(humanize.humanize_duration),
    "humanizePercentage": _of_number(humanize.humanize_percentage),
    "humanizeTimestamp": _of_number(humanize.humanize_timestamp),
    "toTime": _of_number(humanize.to_time),
    "title": Function(strings.title, (TEXT,)),
    "toUpper": Function(strings.to_upper, (TEXT,)),
    "toLower": Function(strings.to_lower, (TEXT,)),
    "match": Function(strings.match, (TEXT, TEXT)),
    "reReplaceAll": Function(strings.re_replace_all, (TEXT, TEXT, TEXT)),
    "graphLink": Function(strings.graph_link, (TEXT,)),
    "tableLink": Function(strings.table_link, (TEXT,)),
    "stripPort": Function(strings.strip_port, (TEXT,)),
    "stripDomain": Function(strings.strip_domain, (TEXT,)),
    "parseDuration": Function(_duration, (TEXT,)),
    "safeHtml": Function(lambda text: text, (TEXT,)),
    "args": Function(
        lambda *values: Anything({f"arg{n}": value for n, value in enumerate(values)}), (ANY,), variadic=True
    ),
    "first": Function(_first, (SAMPLES,)),
    "label": Function(lambda name, sample: _of_sample(lambda one: one.labels.get(name, ""))(sample), (TEXT, SAMPLE)),
    "value": Function(_of_sample(lambda sample: sample.value), (SAMPLE,)),
    "strvalue": Function(_of_sample(lambda sample: sample.labels.get("__value__", "")), (SAMPLE,)),
    "sortByLabel": Function(_sorted, (TEXT, SAMPLES)),
    "query": Function(lambda environment, text: environment.query(text), (TEXT,), wants_environment=True),
    "externalURL": Function(lambda environment: environment.external_url, (), wants_environment=True),
    "pathPrefix": Function(_path, (), wants_environment=True),
}
"""By name."""

REFUSED = {
    "call": "it calls a function that a value holds, and none does; remove it",
    "js": "annotations are no JavaScript; use urlquery or html",
    "tmpl": "it works in console templates only; write the text where it is needed",
}
"""What Prometheus has and rules do not use, with the remedy."""
