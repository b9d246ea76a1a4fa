"""What a declared metric may be called: Prometheus's rules, and the names that the engine keeps."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from pacs_monitor.check import Histogram, Metric

RESERVED_PREFIXES = ("pacs_check_", "pacs_monitor_", "pacs_node_", "pacs_hours_", "pacs_maintenance_")
OF_A_CHECK = frozenset({"site", "node", "check", "kind", "role", "importance"})
_OF_PROMETHEUS = frozenset({"job", "instance", "le", "quantile", "alertname", "severity"})
RESERVED_LABELS = OF_A_CHECK | _OF_PROMETHEUS
_METRIC_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*", re.ASCII)
_LABEL_NAME = re.compile(r"(?!__)[a-zA-Z_][a-zA-Z0-9_]*", re.ASCII)
_HISTOGRAM_SUFFIXES = ("_bucket", "_count", "_sum")


def is_label_name(name: str) -> bool:
    """Whether Prometheus takes it as the name of a label."""
    return _LABEL_NAME.fullmatch(name) is not None


def faults(metric: Metric) -> Iterator[str]:
    """What is wrong with a declaration, one sentence for each fault."""
    yield from _faults_of_name(metric)
    yield from _faults_of_labels(metric)
    if not metric.help.strip():
        yield f"{metric.name} has no help; write a sentence"
    if isinstance(metric, Histogram):
        yield from _faults_of_buckets(metric)


def _faults_of_name(metric: Metric) -> Iterator[str]:
    name = metric.name
    if not _METRIC_NAME.fullmatch(name):
        yield f"{name!r} is not the name of a metric; use a-z, A-Z, 0-9 and '_', not first a digit"
        return
    for prefix in RESERVED_PREFIXES:
        if name.startswith(prefix):
            yield f"{name}: names beginning with {prefix} belong to the engine; choose another"
    if metric.kind == "counter" and not name.endswith("_total"):
        yield f"{name} is a counter, and a counter's name ends in _total; call it {name}_total"
    if metric.kind != "counter" and name.endswith("_total"):
        yield f"{name} is a {metric.kind}, and only a counter's name ends in _total; rename it"
    if name.endswith("_created") or (metric.kind == "gauge" and name.endswith(_HISTOGRAM_SUFFIXES)):
        yield f"{name} ends in a word that Prometheus gives to parts of other metrics; rename it"


def _faults_of_labels(metric: Metric) -> Iterator[str]:
    for label in metric.labelnames:
        if not is_label_name(label):
            yield f"{metric.name}: {label!r} is not the name of a label; use a-z, A-Z, 0-9 and '_', not first a digit"
        elif label in RESERVED_LABELS:
            yield f"{metric.name}: the label {label} belongs to the engine; choose another"
    if len(set(metric.labelnames)) < len(metric.labelnames):
        yield f"{metric.name} names a label twice; take one away"


def _faults_of_buckets(metric: Histogram) -> Iterator[str]:
    bounds = metric.buckets
    if not bounds or list(bounds) != sorted(set(bounds)) or bounds[-1] == float("inf"):
        yield f"{metric.name}: buckets must rise and leave infinity out; write for example (0.1, 0.5, 2.5)"


def series_names(metric: Metric) -> tuple[str, ...]:
    """The names of the series that a metric gives: a histogram has three, any other one."""
    if isinstance(metric, Histogram):
        return tuple(metric.name + suffix for suffix in _HISTOGRAM_SUFFIXES)
    return (metric.name,)


def conflict(metric: Metric, others: Iterable[Metric]) -> Metric | None:
    """The first of the others that is a different declaration and takes one of the metric's names."""
    names = {metric.name, *series_names(metric)}
    for other in others:
        if other != metric and names & {other.name, *series_names(other)}:
            return other
    return None
