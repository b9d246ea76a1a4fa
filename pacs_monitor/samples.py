"""What a check may yield, so that an author's mistake costs that check a run and nobody else anything."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable
from numbers import Real
from typing import Any

from pacs_monitor.check import Check, Metric, Sample

MOST_SAMPLES = 20_000
"""Samples of one run; more is a check that does not know when to stop."""
MOST_SERIES = 2_000
"""Series of one check; more is a mistake of the check, and would fill the memory of whoever scrapes."""
LONGEST_TEXT = 2_000
"""Characters of a failure's sentence, and of a label's value."""


class AuthorsMistake(Exception):
    """A check yields what no check may; the sentence names its file and holds nothing of what it measured."""


def plain_text(text: object) -> str:
    """Text that every encoding takes and a page can show: no lone surrogates, of bounded length."""
    cut = str(text)[:LONGEST_TEXT]
    return cut if cut.isascii() else cut.encode("utf-8", "replace").decode("utf-8")


def _is_plain(label: object) -> bool:
    # The pipe takes no subclass of str, such as pydicom's UID.
    return type(label) is str and label.isascii() and len(label) <= LONGEST_TEXT


class Intake:
    """Takes the samples of one run, as plain floats and strings. Raises AuthorsMistake."""

    __slots__ = ("_check", "_samples")

    def __init__(self, samples: list[Sample], check: Check) -> None:
        self._samples = samples
        self._check = check

    def take(self, sample: object) -> None:
        """Take one."""
        if type(sample) is Sample and self._as_it_is(sample):
            self._samples.append(sample)
        else:
            self._take_with_care(sample)

    def _as_it_is(self, sample: Sample) -> bool:
        """Whether nothing about a sample needs a closer look. True for almost all: this runs for each."""
        metric, value, labels = sample
        if type(value) is not float or type(labels) is not tuple or not isinstance(metric, Metric):
            return False
        if metric.kind != "gauge" or len(labels) != len(metric.labelnames) or len(self._samples) >= MOST_SAMPLES:
            return False
        return all(map(_is_plain, labels))

    def _take_with_care(self, sample: object) -> None:
        if not isinstance(sample, Sample):
            raise self._mistake(f"yields a {type(sample).__name__}, not a sample; yield METRIC(value)")
        metric, value, labels = sample
        if not isinstance(metric, Metric):
            raise self._mistake(f"yields a sample of a {type(metric).__name__}, not of a metric")
        if len(labels) != len(metric.labelnames):
            raise self._mistake(f"{metric.name} takes the labels {metric.labelnames}, not {len(labels)} of them")
        if len(self._samples) >= MOST_SAMPLES:
            raise self._mistake(f"yields more than {MOST_SAMPLES} samples in one run")
        if type(value) is not float:
            value = self._number(metric, value)
        if metric.kind == "counter" and not 0.0 <= value < math.inf:
            raise self._mistake(f"{metric.name} is a counter; yield how much it grew, 0 or more")
        if metric.kind == "histogram" and not 0.0 <= value < math.inf:
            # OpenMetrics has no histograms of negative values: count those in a counter of their own.
            raise self._mistake(f"{metric.name} is a histogram; yield what was observed, 0 or more")
        self._samples.append(Sample(metric, value, tuple([plain_text(label) for label in labels])))

    def all_of(self, samples: object) -> None:
        """Take what a `run` that is no generator returned: an iterable of samples, or nothing."""
        if samples is None:
            return
        if not isinstance(samples, Iterable):
            raise self._mistake(f"run returns a {type(samples).__name__}; yield samples")
        for sample in samples:
            self.take(sample)

    def nothing(self, returned: object) -> None:
        """A coroutine has nothing to return."""
        if returned is not None:
            raise self._mistake(f"run returns a {type(returned).__name__}; yield samples")

    def _number(self, metric: Metric, value: Any) -> float:
        if isinstance(value, Real) or (hasattr(value, "__float__") and not isinstance(value, str)):
            try:
                return float(value)
            except (OverflowError, TypeError, ValueError):
                raise self._mistake(f"{metric.name}: the value does not fit a float") from None
        raise self._mistake(f"{metric.name} takes a number, not a {type(value).__name__}")

    def _mistake(self, what: str) -> AuthorsMistake:
        module = sys.modules.get(type(self._check).__module__)
        return AuthorsMistake(f"{getattr(module, '__file__', 'somewhere')}: {what}; report it to its author")
