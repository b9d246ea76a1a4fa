"""All series in memory, found by their labels. One thread uses it at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pacs_monitor.history.labels import NAME, Labels
from pacs_monitor.history.matchers import EQUAL, Matcher
from pacs_monitor.history.series import STALE, Series, Source

LOOKBACK = 300_000
"""How old, in milliseconds, the sample may be that counts as a series' present value; Prometheus' default."""
_MOST_SELECTIONS = 2000


class _Metric:
    """All series of one name."""

    __slots__ = ("generation", "series")

    def __init__(self) -> None:
        self.series: dict[Labels, Series] = {}
        self.generation = 0


class History:
    """Series by their labels, each kept for as long as somebody looks back on its metric. Times in milliseconds."""

    def __init__(self, lookback: int = LOOKBACK) -> None:
        self.lookback = lookback
        self.ranges: dict[str, int] = {}
        """How far back each metric is read, where that is farther than the lookback; "" stands for every metric."""
        self._metrics: dict[str, _Metric] = {}
        self._sources: dict[str, Source] = {}
        self._generation = 0
        self._selections: dict[tuple[Matcher, ...], tuple[int, list[Series]]] = {}

    def __len__(self) -> int:
        return sum(len(metric.series) for metric in self._metrics.values())

    def __iter__(self) -> Iterator[Series]:
        for metric in self._metrics.values():
            yield from metric.series.values()

    def source(self, name: str) -> Source:
        """The source of this name, made at the first call."""
        found = self._sources.get(name)
        if found is None:
            found = self._sources[name] = Source()
        return found

    @property
    def sources(self) -> dict[str, Source]:
        """All sources by name; not to be changed."""
        return self._sources

    def series(self, labels: Labels, source: Source) -> Series:
        """The series with these labels, made if there is none, ready for samples of this source."""
        metric = self._metrics.get(labels.name)
        if metric is None:
            metric = self._metrics[labels.name] = _Metric()
        found = metric.series.get(labels)
        if found is None:
            found = metric.series[labels] = Series(labels, source, source.base + len(source.times))
            self._changed(metric)
        elif found.source is not source and not found.private:
            self._make_private(found)
        return found

    def put(self, series: Series, source: Source, value: float) -> None:
        """A value at the last time of a source; one that is not later than the series' last sample is left out."""
        if series.source is source:
            index = source.base + len(source.times) - 1
            if not series.values or index >= series.first + len(series.values):
                series.put(index, value)
        elif not series.source.times or series.source.times[-1] < source.times[-1]:
            series.put(series.source.begin(source.times[-1]), value)

    def end(self, series: Series, source: Source) -> None:
        """Mark that a series gives no more samples, unless it is marked so or has one at this time."""
        if not series.ended:
            self.put(series, source, STALE)

    def select(self, matchers: tuple[Matcher, ...]) -> list[Series]:
        """All series that meet all matchers; the list is not to be changed."""
        name = next((one.value for one in matchers if one.name == NAME and one.op == EQUAL and one.value), None)
        metric = self._metrics.get(name) if name is not None else None
        if name is not None and metric is None:
            return []
        generation = metric.generation if metric else self._generation
        known = self._selections.get(matchers)
        if known is not None and known[0] == generation:
            return known[1]
        candidates: Iterable[Series] = metric.series.values() if metric else self
        others = [one for one in matchers if one.name != NAME or one.value != name or one.op != EQUAL]
        found = [series for series in candidates if all(one.matches(series.labels.get(one.name)) for one in others)]
        if len(self._selections) >= _MOST_SELECTIONS:
            self._selections.clear()
        self._selections[matchers] = (generation, found)
        return found

    def trim(self, now: int) -> None:
        """Forget what nobody looks back on any more."""
        needed: dict[Source, int] = {source: source.base + len(source.times) for source in self._sources.values()}
        for name, metric in list(self._metrics.items()):
            back = max(self.lookback, self.ranges.get(name, 0), self.ranges.get("", 0))
            for labels, series in list(metric.series.items()):
                source = series.source
                series.forget_before(source.bounds(now - back, now)[0])
                if series.values:
                    needed[source] = min(needed.get(source, series.first), series.first)
                else:
                    del metric.series[labels]
                    self._changed(metric)
            if not metric.series:
                del self._metrics[name]
        for source, index in needed.items():
            source.forget_before(index)

    def forget_from(self, at: int) -> None:
        """Forget all samples from this time on: the clock was set back, and what comes next would lie before them."""
        indexes = {source: source.forget_from(at) for source in {series.source for series in self}}
        for source in self._sources.values():
            source.forget_from(at)
        for series in self:
            series.forget_from(indexes[series.source])

    def forget_source(self, name: str) -> None:
        """Forget a source that gives nothing more; what it gave stays until it is too old."""
        self._sources.pop(name, None)

    def restore(self, sources: dict[str, Source], all_series: Iterable[Series]) -> None:
        """Take over sources and series that were saved; for a history without any."""
        self._sources.update(sources)
        for series in all_series:
            metric = self._metrics.setdefault(series.labels.name, _Metric())
            metric.series[series.labels] = series
            self._changed(metric)

    def _make_private(self, series: Series) -> None:
        """Give a series that has samples from two sources times of its own."""
        own, times = Source(), series.source.times
        values, place = series.values, series.first - series.source.base
        series.source, series.first, series.values, series.private = own, 0, type(values)("d"), True
        for at, value in zip(times[place:], values, strict=False):
            series.put(own.begin(at), value)

    def _changed(self, metric: _Metric) -> None:
        # Of all metrics, so that one that went and came again is not taken for what it was.
        self._generation += 1
        metric.generation = self._generation
