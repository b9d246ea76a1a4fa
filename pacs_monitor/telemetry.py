"""The agent's own metrics, `pacs_monitor_*`: whether the watcher itself is well."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from typing import Protocol

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from pacs_monitor import __version__

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Lateness:
    """A histogram of how late runs started, in seconds; one addition for each run."""

    def __init__(self) -> None:
        self._counts = [0] * (len(BUCKETS) + 1)
        self._sum = 0.0

    def __call__(self, seconds: float) -> None:
        """Count one run."""
        self._counts[bisect_left(BUCKETS, seconds)] += 1
        self._sum += seconds

    def family(self) -> Metric:
        """As prometheus_client has it."""
        total, buckets = 0, []
        for bound, count in zip([*map(str, BUCKETS), "+Inf"], self._counts, strict=True):
            total += count
            buckets.append((bound, float(total)))
        family = HistogramMetricFamily(
            "pacs_monitor_schedule_lateness_seconds",
            "How long after their time runs started, waiting for an association included.",
        )
        family.add_metric([], buckets, self._sum)
        return family


class Watched(Protocol):
    """What the agent tells of itself."""

    def gauges(self) -> Iterator[tuple[str, str, float]]:
        """(name, help, value)."""

    def counters(self) -> Iterator[tuple[str, str, str, dict[str, float]]]:
        """(name, help, label, value by label value); without a label the one key is ""."""


class _Collector:
    """Reads what is counted already: a scrape costs no more than printing it."""

    def __init__(self, watched: Watched, lateness: Lateness) -> None:
        self._watched = watched
        self._lateness = lateness

    def collect(self) -> Iterator[Metric]:
        build = GaugeMetricFamily("pacs_monitor_build_info", "The running version; always 1.", labels=["version"])
        build.add_metric([__version__], 1)
        yield build
        for name, help, value in self._watched.gauges():
            yield GaugeMetricFamily(name, help, value=value)
        for name, help, label, values in self._watched.counters():
            counter = CounterMetricFamily(name, help, labels=[label] if label else [])
            for word, value in values.items():
                counter.add_metric([word] if label else [], value)
            yield counter
        yield self._lateness.family()


def registry(watched: Watched, lateness: Lateness) -> CollectorRegistry:
    """A registry of its own with the agent's metrics and the process's."""
    made = CollectorRegistry(auto_describe=False)
    made.register(_Collector(watched, lateness))
    ProcessCollector(registry=made)
    PlatformCollector(registry=made)
    GCCollector(registry=made)
    return made
