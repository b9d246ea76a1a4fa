"""The latest result of each check, counters and histograms accumulated: what every other part reads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from pacs_monitor.metrics import Exposition, GaugeSlot, number, series_name, slot_for
from pacs_monitor.node import Node
from pacs_monitor.settings import ConfiguredCheck, Key

MOST_SERIES = 2_000
"""Series of one check; more is a mistake of the check, and would fill the memory of whoever scrapes."""

_STANDARD = {
    "pacs_check_up": ("gauge", "Whether the last run succeeded."),
    "pacs_check_healthy": (
        "gauge",
        "Confirmed state: 0 after down_after failures in a row, 1 after up_after successes; absent before that.",
    ),
    "pacs_check_suppressed": ("gauge", "Whether a cause that began before the failure keeps alerts from starting."),
    "pacs_check_suppression_info": ("gauge", "What suppresses the check's alerts; always 1."),
    "pacs_check_duration_seconds": ("gauge", "Time that the last run took, without waiting for its turn."),
    "pacs_check_last_run_timestamp_seconds": ("gauge", "When the last run started, in Unix time."),
    "pacs_check_last_success_timestamp_seconds": ("gauge", "When the last run that succeeded started, in Unix time."),
    "pacs_check_interval_seconds": ("gauge", "How often the check runs."),
    "pacs_check_runs_total": ("counter", "Runs since the agent started."),
    "pacs_check_failures_total": ("counter", "Runs that failed since the agent started."),
    "pacs_check_failure_info": ("gauge", "Why the last run failed; 1 while it did."),
    "pacs_check_threshold": ("gauge", "A limit from the check's settings that rules compare with, in its base unit."),
    "pacs_node_info": ("gauge", "What the configuration says of a node; always 1."),
}


class Record:
    """One check: what the configuration says, and what its last run gave. Times are Unix times in seconds."""

    __slots__ = (
        "configured",
        "duration",
        "failures",
        "heads",
        "labels",
        "last_run",
        "last_success",
        "lateness",
        "live",
        "message",
        "number",
        "reason",
        "runs",
        "series",
        "slots",
        "up",
    )

    def __init__(self, number: int, configured: ConfiguredCheck) -> None:
        self.number = number
        self.configured = configured
        self.labels = list(configured.labels)
        self.up: bool | None = None
        """Whether the last run succeeded; None before the first."""
        self.reason = ""
        self.message = ""
        self.last_run: float | None = None
        self.last_success: float | None = None
        self.duration = 0.0
        self.lateness = 0.0
        self.runs = 0
        self.failures = 0
        self.series: dict[tuple[str, tuple[str, ...]], GaugeSlot] = {}
        """The check's own series by metric name and label values."""
        self.live: tuple[int, ...] = ()
        self.slots: dict[str, GaugeSlot] = {}
        self.heads: dict[str, str] = {}

    @property
    def key(self) -> Key:
        """(node, check)."""
        return self.configured.key

    @property
    def node(self) -> Node | None:
        """The check's node."""
        return self.configured.node


Listener = Callable[[Record], None]


class Results:
    """All records, by key and by number. Everything here happens on the main process's event loop."""

    def __init__(self, exposition: Exposition | None = None) -> None:
        self.exposition = exposition or Exposition()
        self.records: dict[Key, Record] = {}
        self.numbers: dict[int, Record] = {}
        self.listeners: list[Listener] = []
        """Called with the record after each result, in order."""
        self.dropped_series = 0
        self.skipped = 0
        self._next = 1
        self._nodes: dict[str, GaugeSlot] = {}
        self._series: dict[tuple[object, int], GaugeSlot] = {}
        self._families = {name: self.exposition.family(name, kind, help) for name, (kind, help) in _STANDARD.items()}

    def __iter__(self) -> Iterator[Record]:
        return iter(self.records.values())

    def configure(self, checks: dict[Key, ConfiguredCheck], nodes: dict[str, Node], site: str) -> None:
        """Take in a new configuration: what is gone vanishes with its series, what stays keeps its counters."""
        for key in [key for key in self.records if key not in checks]:
            self._remove(self.records.pop(key))
        for key, configured in checks.items():
            record = self.records.get(key)
            if record is None:
                record = self.records[key] = self.numbers[self._next] = Record(self._next, configured)
                self._next += 1
                self._dress(record)
            elif record.configured is not configured:
                self._change(record, configured)
        self._describe(nodes, site)

    def define(self, source: object, series: int, check: int, metric: str, values: tuple[str, ...]) -> None:
        """A worker (`source`) names one of its series."""
        record = self.numbers.get(check)
        if record is None:
            return
        slot = record.series.get((metric, values))
        if slot is None:
            declared = next((one for one in record.configured.metrics if one.name == metric), None)
            if declared is None or len(record.series) >= MOST_SERIES:
                self.dropped_series += 1
                return
            slot = slot_for(declared, self.exposition, record.labels, values)
            record.series[metric, values] = slot
        self._series[source, series] = slot

    def forget(self, source: object) -> None:
        """A worker is gone: its numbers mean nothing any more; the series stay."""
        for known in [known for known in self._series if known[0] is source]:
            del self._series[known]

    def take(self, source: object, message: tuple[Any, ...]) -> Record | None:
        """A result as it came over the pipe (see wire.RESULT). None if its check is gone by now."""
        record = self.numbers.get(message[1])
        if record is None:
            return None
        _, _, started, record.duration, record.lateness, reason, record.message = message[:7]
        heads, families = record.heads, self._families
        place = record.number
        record.runs += 1
        record.last_run = started
        if reason:
            record.failures += 1
            families["pacs_check_failures_total"].lines[place] = (
                f"{heads['pacs_check_failures_total']}{record.failures}\n"
            )
        else:
            record.last_success = started
            families["pacs_check_last_success_timestamp_seconds"].lines[place] = (
                f"{heads['pacs_check_last_success_timestamp_seconds']}{started}\n"
            )
        if record.up is None or bool(reason) is record.up or reason != record.reason:
            self._turn(record, reason)
        families["pacs_check_runs_total"].lines[place] = f"{heads['pacs_check_runs_total']}{record.runs}\n"
        families["pacs_check_last_run_timestamp_seconds"].lines[place] = (
            f"{heads['pacs_check_last_run_timestamp_seconds']}{started}\n"
        )
        families["pacs_check_duration_seconds"].lines[place] = (
            f"{heads['pacs_check_duration_seconds']}{record.duration:.6f}\n"
        )
        self._measure(source, record, message)
        for listener in self.listeners:
            listener(record)
        return record

    def set_flag(self, record: Record, name: str, value: float | None) -> None:
        """Set one of the standard series of a check, or take it out with None."""
        lines = self._families[name].lines
        if value is None:
            lines.pop(record.number, None)
        else:
            lines[record.number] = f"{record.heads[name]}{number(value)}\n"

    def set_suppression(self, record: Record, causes: tuple[str, ...]) -> None:
        """What suppresses the check now: words for the label `by`."""
        self.set_flag(record, "pacs_check_suppressed", 1 if causes else 0)
        lines = self._families["pacs_check_suppression_info"].lines
        text = "".join(
            series_name("pacs_check_suppression_info", [*record.labels, ("by", cause)]) + " 1\n" for cause in causes
        )
        if text:
            lines[record.number] = text
        else:
            lines.pop(record.number, None)

    def _measure(self, source: object, record: Record, message: tuple[Any, ...]) -> None:
        series = self._series
        for place in range(7, len(message), 2):
            slot = series.get((source, message[place]))
            if slot is not None:
                slot.take(message[place + 1])
        live = message[7::2]
        if live != record.live:
            # A gauge belongs to the run that yielded it.
            kept = {id(series.get((source, one))) for one in live}
            for slot in record.series.values():
                if not slot.keep and id(slot) not in kept:
                    slot.vanish()
            record.live = live

    def _turn(self, record: Record, reason: str) -> None:
        """The last run's outcome is another than that of the one before."""
        record.up, record.reason = not reason, reason
        self.set_flag(record, "pacs_check_up", 0 if reason else 1)
        lines = self._families["pacs_check_failure_info"].lines
        if reason:
            labels = [*record.labels, ("reason", reason)]
            lines[record.number] = series_name("pacs_check_failure_info", labels) + " 1\n"
        else:
            lines.pop(record.number, None)

    def _dress(self, record: Record) -> None:
        """Render the check's series names once."""
        record.heads = {name: series_name(name, record.labels) + " " for name in _STANDARD}
        self.set_flag(record, "pacs_check_interval_seconds", record.configured.check.interval)
        self.set_flag(record, "pacs_check_runs_total", record.runs)
        self.set_flag(record, "pacs_check_failures_total", record.failures)
        check = record.configured.check
        text = "".join(
            series_name("pacs_check_threshold", [*record.labels, ("threshold", name)]) + f" {number(float(limit))}\n"
            for name in check.thresholds
            if (limit := getattr(check, name)) is not None
        )
        lines = self._families["pacs_check_threshold"].lines
        if text:
            lines[record.number] = text
        else:
            lines.pop(record.number, None)

    def _change(self, record: Record, configured: ConfiguredCheck) -> None:
        """Other settings, the same check: counters go on, also under other labels."""
        relabelled = list(configured.labels) != record.labels
        record.configured = configured
        if relabelled:
            old, record.labels = record.series, list(configured.labels)
            for slot in old.values():
                slot.vanish()
            record.series = {}
            record.live = ()
            for name in _STANDARD:
                self._families[name].lines.pop(record.number, None)
            self._series = {known: slot for known, slot in self._series.items() if slot not in set(old.values())}
        self._dress(record)
        if relabelled and record.up is not None:
            reason, record.up = record.reason, None
            self._turn(record, reason)

    def _remove(self, record: Record) -> None:
        self.numbers.pop(record.number, None)
        for slot in record.series.values():
            slot.vanish()
        for name in _STANDARD:
            self._families[name].lines.pop(record.number, None)

    def _describe(self, nodes: dict[str, Node], site: str) -> None:
        family = self._families["pacs_node_info"]
        family.lines.clear()
        for node in nodes.values():
            labels = [
                ("site", site),
                ("node", node.name),
                ("role", node.role),
                ("importance", node.importance),
                ("host", node.host or ""),
                ("port", str(node.port or "")),
                ("ae_title", node.ae_title or ""),
                *((name, value) for name, value in sorted(node.labels.items())),
            ]
            family.lines[node.name] = series_name("pacs_node_info", labels) + " 1\n"
