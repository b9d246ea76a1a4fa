"""Takes samples of everything that the agent exports, as a scrape by a Prometheus beside it would."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, generate_latest

from pacs_monitor.history.labels import NAME, Labels, Pair, labels_of
from pacs_monitor.history.series import Series, Source
from pacs_monitor.history.store import History
from pacs_monitor.metrics import Exposition

SOURCE = "scrape"
_PAIR = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"')
_ESCAPED = re.compile(r"\\(.)")
_PARTS = ("", "_bucket", "_count", "_sum", "_total")
"""What a family's lines may add to its name."""
ALWAYS = frozenset(("up", "scrape_samples_scraped", "scrape_duration_seconds"))


class _Entry:
    """One piece of the kept text, and whose samples its lines are."""

    __slots__ = ("scrape", "series", "text", "values")

    def __init__(self) -> None:
        self.text = ""
        self.series: list[Series] = []
        self.values: list[float] = []
        self.scrape = 0


class Sampler:
    """Samples into a history, each with the labels `job` and `instance`; a series that is gone is marked so."""

    def __init__(self, history: History, exposition: Exposition, registry: CollectorRegistry, target: Iterable[Pair]):
        """`target`: job and instance. `registry` has the agent's own metrics."""
        self.wanted: Callable[[str], bool] = lambda name: True
        """Which metrics somebody reads, by name; only those are sampled."""
        self._history = history
        self._exposition = exposition
        self._registry = registry
        self._target = tuple(target)
        self._entries: dict[object, _Entry] = {}
        self._scrapes = 0
        self._pairs: dict[Pair, Pair] = {}

    def take(self, at: int) -> int:
        """Take all samples as of this time (ms since 1970); gives how many. For the history's thread."""
        began = time.perf_counter()
        source = self._begin(at)
        self._scrapes += 1
        count = 0
        for name, lines in self._exposition.snapshot():
            if any(self.wanted(name + part) for part in _PARTS):
                for key, text in lines:
                    count += self._take((name, key), text, source)
        for line in generate_latest(self._registry).decode().splitlines():
            name = line.partition("{")[0].partition(" ")[0]
            if line and line[0] != "#" and self.wanted(name):
                count += self._take(line.rpartition(" ")[0], f"{line}\n", source)
        self._add("up 1\n", source)
        self._add(f"scrape_samples_scraped {count}\n", source)
        self._add(f"scrape_duration_seconds {time.perf_counter() - began!r}\n", source)
        self._end_what_is_gone(source)
        return count

    def _begin(self, at: int) -> Source:
        source = self._history.source(SOURCE)
        if source.times and source.times[-1] >= at:
            # The clock was set back. What was taken since then would hide all that comes, for as long as the step was.
            self._history.forget_from(at)
            self._entries.clear()
        source.begin(at)
        return source

    def _take(self, key: object, text: str, source: Source) -> int:
        entry = self._entries.get(key)
        if entry is None:
            entry = self._entries[key] = _Entry()
        if entry.text is not text and entry.text != text:
            self._read(entry, text, source)
        entry.scrape = self._scrapes
        put = self._history.put
        for series, value in zip(entry.series, entry.values, strict=True):
            put(series, source, value)
        return len(entry.values)

    def _add(self, line: str, source: Source) -> None:
        self._take(line.partition(" ")[0], line, source)

    def _read(self, entry: _Entry, text: str, source: Source) -> None:
        """Take in a text that has changed; most often only its values have."""
        parts = [line.rpartition(" ") for line in text.splitlines()]
        heads = [head for head, _, _ in parts]
        if heads != [line.rpartition(" ")[0] for line in entry.text.splitlines()]:
            old = entry.series
            entry.series = [self._history.series(self._labels(head), source) for head in heads]
            for series in set(old) - set(entry.series):
                self._history.end(series, source)
        entry.values = [float(word) for _, _, word in parts]
        entry.text = text

    def _labels(self, head: str) -> Labels:
        name, _, inner = head.partition("{")
        pairs = [(NAME, name), *self._target, *((label, _plain(value)) for label, value in _PAIR.findall(inner))]
        # Thousands of series have the same site, check and role: one object for each pair.
        return labels_of([self._pairs.setdefault(pair, pair) for pair in pairs])

    def _end_what_is_gone(self, source: Source) -> None:
        gone = [key for key, entry in self._entries.items() if entry.scrape != self._scrapes]
        for key in gone:
            for series in self._entries.pop(key).series:
                self._history.end(series, source)
        if gone and len(self._pairs) > 10 * len(self._entries):
            self._pairs.clear()


def _plain(value: str) -> str:
    if "\\" not in value:
        return value
    return _ESCAPED.sub(lambda found: "\n" if found[1] == "n" else found[1], value)
