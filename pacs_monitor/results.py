"""The latest result of each check, counters and histograms accumulated: what every other part reads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from pacs_monitor.metrics import Exposition, GaugeSlot, number, series_name, slot_for
from pacs_monitor.node import Node
from pacs_monitor.record import Record
from pacs_monitor.samples import MOST_SERIES
from pacs_monitor.settings import ConfiguredCheck, Key

__all__ = ["MOST_SERIES", "Listener", "Record", "Results"]

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
_STAMPED = (
    "pacs_check_runs_total",
    "pacs_check_failures_total",
    "pacs_check_last_run_timestamp_seconds",
    "pacs_check_duration_seconds",
    "pacs_check_last_success_timestamp_seconds",
)
"""What changes with each run, in the order of `_stamp`."""

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
        self._families = {name: self.exposition.family(name, kind, help) for name, (kind, help) in _STANDARD.items()}
        self._stamped = [self._families[name].lines for name in _STAMPED]

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
        """A worker (`source`) names one of the check's series."""
        record = self.numbers.get(check)
        if record is None:
            return
        slot = record.series.get((metric, values)) or self._new_series(record, metric, values)
        known = record.known.setdefault(source, {})
        if slot is None:
            self.dropped_series += 1
            known.pop(series, None)
        else:
            known[series] = slot

    def _new_series(self, record: Record, metric: str, values: tuple[str, ...]) -> GaugeSlot | None:
        declared = next((one for one in record.configured.metrics if one.name == metric), None)
        if declared is None or len(values) != len(declared.labelnames):
            return None  # the worker read a newer file than we did
        if len(record.series) >= MOST_SERIES:
            # What has vanished may have gone for good: its place is free.
            record.series = {key: slot for key, slot in record.series.items() if not slot.vanished}
        # The gauges of the run before are still there when those of the next are named.
        if len(record.series) >= (2 * MOST_SERIES if declared.kind == "gauge" and not declared.keep else MOST_SERIES):
            return None
        slot = record.series[metric, values] = slot_for(declared, self.exposition, record.labels, values)
        return slot

    def forget(self, source: object) -> None:
        """A worker is gone: its numbers mean nothing any more; the series stay."""
        for record in self.records.values():
            record.known.pop(source, None)

    def take(self, source: object, message: tuple[Any, ...]) -> Record | None:
        """A result as it came over the pipe (see wire.RESULT). None if its check is gone by now."""
        record = self.numbers.get(message[1])
        if record is None:
            return None
        _, _, started, record.duration, record.lateness, reason, record.message = message[:7]
        record.runs += 1
        record.last_run = started
        if reason:
            record.failures += 1
        else:
            record.last_success = started
        if record.up is None or bool(reason) is record.up or reason != record.reason:
            self._turn(record, reason)
        self._stamp(record)
        self._measure(source, record, message)
        for listener in self.listeners:
            listener(record)
        return record

    def _stamp(self, record: Record) -> None:
        """What changes with each run."""
        lines, head, place = self._stamped, record.head, record.number
        lines[0][place] = f"pacs_check_runs_total{head}{record.runs}\n"
        lines[1][place] = f"pacs_check_failures_total{head}{record.failures}\n"
        lines[2][place] = f"pacs_check_last_run_timestamp_seconds{head}{record.last_run}\n"
        lines[3][place] = f"pacs_check_duration_seconds{head}{record.duration:.6f}\n"
        if record.last_success is not None:
            lines[4][place] = f"pacs_check_last_success_timestamp_seconds{head}{record.last_success}\n"

    def set_flag(self, record: Record, name: str, value: float | None) -> None:
        """Set one of the standard series of a check, or take it out with None."""
        lines = self._families[name].lines
        if value is None:
            record.flags.pop(name, None)
            lines.pop(record.number, None)
        else:
            record.flags[name] = value
            lines[record.number] = f"{name}{record.head}{number(value)}\n"

    def set_suppression(self, record: Record, causes: tuple[str, ...]) -> None:
        """What suppresses the check now: words for the label `by`."""
        record.causes = causes
        self.set_flag(record, "pacs_check_suppressed", 1 if causes else 0)
        lines = self._families["pacs_check_suppression_info"].lines
        head = f"pacs_check_suppression_info{record.head[:-2]}"
        # The causes are words of a closed list: nothing to escape, and a parent may have 10,000 children.
        text = "".join(f'{head},by="{cause}"}} 1\n' for cause in causes)
        if text:
            lines[record.number] = text
        else:
            lines.pop(record.number, None)

    def _measure(self, source: object, record: Record, message: tuple[Any, ...]) -> None:
        known = record.known.get(source, {})
        live = [known.get(series) for series in message[7::2]]
        if len(live) > MOST_SERIES:
            live = self._first(live)
        for slot, value in zip(live, message[8::2], strict=True):
            if slot is not None:
                slot.take(value)
        if live != record.live:
            # A gauge belongs to the run that yielded it.
            yielded = set(live)
            for slot in yielded:
                if slot is not None:
                    record.series.setdefault(slot.key, slot)  # its place was given away while it had vanished
            for slot in record.series.values():
                if not slot.keep and slot not in yielded:
                    slot.vanish()
            record.live = live

    def _first(self, live: list[GaugeSlot | None]) -> list[GaugeSlot | None]:
        """No more series than one run may give: the first ones."""
        allowed = set(list(dict.fromkeys(slot for slot in live if slot is not None))[:MOST_SERIES])
        cut = [slot if slot in allowed else None for slot in live]
        self.dropped_series += cut.count(None) - live.count(None)
        return cut

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
        record.head = series_name("", record.labels) + " "
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
        declared = {metric.name: metric for metric in configured.metrics}
        before = {metric.name: metric for metric in record.configured.metrics}
        relabelled = list(configured.labels) != record.labels
        record.configured, record.labels, record.live = configured, list(configured.labels), None
        for (name, values), slot in list(record.series.items()):
            if declared.get(name) != before.get(name):
                slot.vanish()  # the file says something else of it now
                del record.series[name, values]
                record.known = {}
            elif relabelled:
                slot.rename([*record.labels, *zip(declared[name].labelnames, values, strict=True)])
        if relabelled:
            self._rename(record)
        else:
            self._dress(record)

    def _rename(self, record: Record) -> None:
        """Put the standard series under the record's labels as they are now."""
        for name in _STANDARD:
            self._families[name].lines.pop(record.number, None)
        self._dress(record)
        for name, value in record.flags.items():
            self.set_flag(record, name, value)
        if record.causes is not None:
            self.set_suppression(record, record.causes)
        if record.up is not None:
            self._turn(record, record.reason)
            self._stamp(record)

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
                *([("hours", node.hours)] if node.hours else []),
            ]
            # A label of the administrator's own that is called like one of these would make the page unreadable.
            labels += sorted((name, value) for name, value in node.labels.items() if name not in dict(labels))
            family.lines[node.name] = series_name("pacs_node_info", labels) + " 1\n"
