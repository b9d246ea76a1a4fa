"""Exposition text that is kept, not built: a result replaces the values of its lines, a scrape joins them.

With 10,000 nodes a scrape takes 30 ms this way; building families of objects at each scrape takes 2 s and holds
the loop as long.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from pacs_monitor.check import Histogram, Metric

Labels = Iterable[tuple[str, str]]


def escape(value: str) -> str:
    """A label value as the text format wants it."""
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def series_name(name: str, labels: Labels) -> str:
    """`name{label="value",...}`."""
    inner = ",".join(f'{label}="{escape(value)}"' for label, value in labels)
    return f"{name}{{{inner}}}" if inner else name


def number(value: float) -> str:
    """A value as both text formats write it: the shortest that reads back the same."""
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "+Inf" if value > 0 else "-Inf"
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)


@dataclass
class Family:
    """One metric with all its lines. Lines are replaced on the loop and joined in a scrape's thread."""

    name: str
    kind: str
    help: str
    lines: dict[object, str] = field(default_factory=dict)
    """Text by whatever identifies the series; each ends with a line break, a histogram's has several."""


_UNITS = ("seconds", "bytes", "ratio")


class Exposition:
    """All families of checks, as text and as OpenMetrics."""

    def __init__(self) -> None:
        self._families: dict[str, Family] = {}

    def family(self, name: str, kind: str, help: str) -> Family:
        """The family of this name, made at the first call."""
        found = self._families.get(name)
        if found is None:
            found = self._families[name] = Family(name, kind, help)
        return found

    def render(self, openmetrics: bool = False) -> str:
        """All lines, without `# EOF`. Safe in a thread: joining a dict's values is one step for the interpreter."""
        parts: list[str] = []
        families = list(self._families.values())  # the loop may add one while we sort
        for family in sorted(families, key=lambda family: family.name):
            lines = "".join(list(family.lines.values()))
            if lines:
                parts.append(_header(family, openmetrics))
                parts.append(lines)
        return "".join(parts)


def _header(family: Family, openmetrics: bool) -> str:
    name, help = family.name, family.help.replace("\\", r"\\").replace("\n", r"\n")
    if not openmetrics:
        return f"# HELP {name} {help}\n# TYPE {name} {family.kind}\n"
    help = help.replace('"', r"\"")
    if family.kind == "counter":
        name = name.removesuffix("_total")
    unit = next((f"# UNIT {name} {unit}\n" for unit in _UNITS if name.endswith(f"_{unit}")), "")
    return f"# HELP {name} {help}\n# TYPE {name} {family.kind}\n{unit}"


class GaugeSlot:
    """A series whose value is set."""

    __slots__ = ("_id", "_lines", "_prefix", "keep", "value")

    def __init__(self, family: Family, labels: Labels, keep: bool = False) -> None:
        self._lines = family.lines
        self._prefix = series_name(family.name, labels) + " "
        self._id = object()
        self.keep = keep
        self.value: float | None = None

    def take(self, value: float) -> None:
        """Set the value."""
        self.value = value
        self._lines[self._id] = f"{self._prefix}{number(value)}\n"

    def vanish(self) -> None:
        """Take the series out until it is set again."""
        self.value = None
        self._lines.pop(self._id, None)


class CounterSlot(GaugeSlot):
    """A series to which increments are added."""

    __slots__ = ()

    def take(self, value: float) -> None:
        """Add an increment; one below zero is a mistake of the check and is not added."""
        if value >= 0:
            super().take((self.value or 0.0) + value)


class HistogramSlot(GaugeSlot):
    """A classic histogram to which observations are added."""

    __slots__ = ("_bounds", "_counts", "_heads", "_sum")

    def __init__(self, family: Family, labels: Labels, bounds: tuple[float, ...]) -> None:
        super().__init__(family, labels, keep=True)
        pairs = list(labels)
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0
        texts = [repr(bound) for bound in bounds] + ["+Inf"]
        self._heads = [series_name(f"{family.name}_bucket", [*pairs, ("le", text)]) for text in texts]
        self._heads += [series_name(f"{family.name}_{part}", pairs) for part in ("count", "sum")]

    def take(self, value: float) -> None:
        """Add an observation."""
        place = next((place for place, bound in enumerate(self._bounds) if value <= bound), len(self._bounds))
        self._counts[place] += 1
        self._sum += value
        total, out = 0, []
        for head, count in zip(self._heads, self._counts, strict=False):
            total += count
            out.append(f"{head} {total}\n")
        out.append(f"{self._heads[-2]} {total}\n{self._heads[-1]} {number(self._sum)}\n")
        self.value = total
        self._lines[self._id] = "".join(out)


def slot_for(
    metric: Metric, exposition: Exposition, labels: list[tuple[str, str]], values: tuple[str, ...]
) -> GaugeSlot:
    """The slot of a check's series: the check's labels, then the metric's own."""
    family = exposition.family(metric.name, metric.kind, metric.help)
    pairs = [*labels, *zip(metric.labelnames, values, strict=True)]
    if isinstance(metric, Histogram):
        return HistogramSlot(family, pairs, metric.buckets)
    if metric.kind == "counter":
        return CounterSlot(family, pairs, keep=True)
    return GaugeSlot(family, pairs, metric.keep)
