"""Reads scripts in the format of Prometheus' own PromQL tests: `load`, `eval`, `expect`, `clear`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pacs_monitor.history.labels import Labels
from pacs_monitor.promql.literals import text_in
from pacs_monitor.promql.notation import parse_metric, parse_values
from pacs_monitor.units import parse_duration

_INSTANT = re.compile(r"eval(?:_(?P<old>fail|warn|info|ordered))?\s+instant\s+(?:at\s+(?P<at>\S+)\s+)?(?P<expr>.+)")
_RANGE = re.compile(
    r"eval(?:_(?P<old>fail|warn|info|ordered))?\s+range\s+from\s+(?P<start>\S+)\s+to\s+(?P<end>\S+)\s+step\s+(?P<step>\S+)"
    r"\s+(?P<expr>.+)"
)
_LOAD = re.compile(r"(load(?:_with_nhcb)?)\s+(\S+).*")
_WINDOW = re.compile(r"range vector from\s+(\S+)\s+to\s+(\S+)\s+step\s+(\S+)")
_STARTED = re.compile(r"(\S*?(?:\{.*?\})?)@st\s")
NATIVE = re.compile(r"\{\{")


@dataclass
class Load:
    """Series to add: one sample each `gap` ms from 0 on."""

    gap: int
    with_native: bool
    lines: list[str] = field(default_factory=list)
    starts: list[str] = field(default_factory=list)
    """Series of which the times are told at which they began."""


@dataclass
class Clear:
    """Everything goes."""


@dataclass
class Case:
    """An expression and what it must give."""

    place: str
    expr: str
    start: int
    end: int
    step: int
    """0: an instant query."""
    lines: list[str] = field(default_factory=list)
    expects: list[tuple[str, str]] = field(default_factory=list)
    """(what, detail)"""

    def wants(self, what: str) -> bool:
        """Whether there is such an expectation."""
        return any(kind == what for kind, _ in self.expects)

    @property
    def native(self) -> bool:
        """Whether native histograms are expected."""
        return bool(NATIVE.search(self.expr)) or any(NATIVE.search(line) for line in self.lines)


Command = Load | Clear | Case


def milliseconds(text: str) -> int:
    """Of `5m`, `-1m30s` or seconds."""
    if re.fullmatch(r"-?[\d.]+", text):
        return round(float(text) * 1000)
    sign = -1 if text.startswith("-") else 1
    return sign * round(parse_duration(text.lstrip("-")) * 1000)


def commands(path: Path) -> Iterator[Command]:
    """What a script says, in order."""
    current: Command | None = None
    for number, raw in enumerate(path.read_text("utf-8").splitlines(), start=1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        began = None if raw[0].isspace() and not line.startswith("eval") else _begun(line, f"{path.name}:{number}")
        if began is None:
            _add(current, line)
            continue
        if current is not None:
            yield current
        current = began
    if current is not None:
        yield current


def _begun(line: str, place: str) -> Command | None:
    if line == "clear":
        return Clear()
    if load := _LOAD.fullmatch(line):
        return Load(milliseconds(load[2]), load[1] == "load_with_nhcb")
    for pattern in (_INSTANT, _RANGE):
        if found := pattern.fullmatch(line):
            parts = found.groupdict()
            start = milliseconds(parts["start"] if "start" in parts else parts["at"] or "0")
            end = milliseconds(parts["end"]) if "end" in parts else start
            step = milliseconds(parts["step"]) if "step" in parts else 0
            case = Case(place, parts["expr"], start, end, step)
            if parts["old"]:
                case.expects.append((parts["old"], ""))
            return case
    return None


def _add(current: Command | None, line: str) -> None:
    if isinstance(current, Load) and (started := _STARTED.match(line)):
        current.starts.append(started[1])
    elif isinstance(current, Load):
        current.lines.append(line)
    elif isinstance(current, Case) and line.startswith("expect "):
        what, _, detail = line.removeprefix("expect ").strip().partition(" ")
        current.expects.append((what, detail.strip()))
    elif isinstance(current, Case) and re.match(r"expected_fail_(message|regexp)", line):
        current.expects.append(("fail", ""))
    elif isinstance(current, Case):
        current.lines.append(line)
    else:
        raise ValueError(line)


def expected(line: str) -> tuple[Labels, list[float | None]]:
    """Labels and values of a line that is expected."""
    labels, rest = parse_metric(line)
    return labels, parse_values(rest)


def window_of(detail: str) -> tuple[int, int, int]:
    """Start, end and step (ms) of `range vector from 0 to 10 step 1`."""
    found = _WINDOW.fullmatch(detail)
    assert found is not None, detail
    return milliseconds(found[1]), milliseconds(found[2]), milliseconds(found[3])


def string_of(detail: str) -> str:
    """The text that is expected."""
    return text_in(detail)
