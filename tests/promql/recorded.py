"""Series to evaluate expressions over: what a scrape may give, and what it should not.

Each set has a label `set` of its own, so that many sets are in one server. The same number gives the same samples.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from random import Random

from pacs_monitor.history.series import STALE

START = 1_700_000_040_000
"""A full minute, so that the steps of subqueries meet samples. All is within an hour: an empty head takes that."""
LENGTH = 40 * 60_000
END = START + LENGTH
# Nothing that a division makes subnormal: Go's logarithm of that differs between processors.
WILD = (math.nan, math.inf, -math.inf, 1e300, 1.7e308, 1e-200, 3e-280, -0.0, 0.0, 1.5, -2.25)
BOUNDS = ("0.1", "0.5", "1", "2.5", "+Inf")

Samples = list[tuple[int, float]]
Values = Iterator[float]


@dataclass(frozen=True)
class Recorded:
    """A series."""

    labels: dict[str, str]
    samples: Samples


def record(number: int) -> list[Recorded]:
    """The series of one set."""
    made: list[Recorded] = []
    for place, (name, all_labels, values) in enumerate(_METRICS):
        random = Random(f"{number} {name}")
        # Metrics of one target come at the same times, those of others at theirs.
        times = _times(Random(f"{number} {place % 3}"))
        for labels in all_labels(random):
            kept = {"__name__": name, "set": str(number), **labels}
            made.append(Recorded(kept, _with_holes(random, times, values(random))))
    return made + _buckets(number)


def _times(random: Random) -> list[int]:
    """At each interval, or about so, or anyhow; sometimes with a gap in which the target was down."""
    interval = random.choice((15_000, 30_000, 60_000))
    wobble = random.choice((0, 0, 7, interval // 3))
    down = random.choice((LENGTH, random.randrange(LENGTH)))
    until = down + random.choice((45_000, 400_000))
    return [
        START + at + (random.randint(0, wobble) if wobble else 0)
        for at in range(random.randrange(interval) // 1000 * 1000, LENGTH - wobble, interval)
        if not down <= at < until
    ]


def _with_holes(random: Random, times: list[int], values: Values) -> Samples:
    """Some series begin late, end early, miss a scrape, or are gone for some time; most ends are marked."""
    begins = random.choice((0, 0, 0, random.randrange(len(times))))
    missing = random.choice((0.0, 0.0, 0.03, 0.3))
    ends = random.choice((0.0, 0.02))
    samples: Samples = []
    gone = False
    for at in times[begins:]:
        value = next(values)
        if gone or random.random() < missing:
            gone = gone and random.random() < 0.8
            continue
        if random.random() < ends:
            gone = True
            value = STALE if random.random() < 0.8 else value
        samples.append((at, value))
    return samples


def _gauge(random: Random) -> Values:
    """Multiples of an eighth: sums are exact, in whatever order. Small ones are often equal."""
    step = random.choice((0.125, 1.0, 2.5))
    most = random.choice((2, 5, 1000))
    value = random.randint(-most, most)
    while True:
        yield value * step
        if random.random() < 0.7:
            value = max(-most, min(most, value + random.randint(-3, 3)))


def _distinct(random: Random) -> Values:
    """As a gauge, but no two series of it are ever equal."""
    tail = random.getrandbits(20) / 2**21
    return (math.floor(value) + tail for value in _gauge(random))


def _counter(random: Random) -> Values:
    """Rises by whole numbers, or stands still, and begins anew now and then.

    It begins at 0 and is far from it at once. Version 2 lets a rate begin where a line through the samples meets 0,
    also when that is before the window's first half interval; version 3 does not. Here it is either 0 or out of reach.
    """
    most = random.choice((1, 10, 50))
    value = random.choice((0, 100_000))
    while True:
        yield float(value)
        value = random.randint(100_000, 200_000) if value == 0 else value + random.choice((0, random.randint(0, most)))
        if random.random() < 0.03:
            value = 0


def _wild(random: Random) -> Values:
    """What breaks arithmetic. Nothing huge is negative: what cancels out differs by the order of a sum."""
    often = random.sample(WILD, 3)
    while True:
        yield random.choice(often if random.random() < 0.8 else WILD)


def _one(random: Random) -> Values:
    while True:
        yield 1.0


def _stamp(random: Random) -> Values:
    """Unix times of the years 1901 to 2100, at months' ends more often."""
    while True:
        year, month = random.randint(-69, 130), random.randint(0, 11)
        yield year * 31_556_952.0 + month * 2_629_746.0 + random.choice((0, 0.5, random.randint(-86_400, 86_400)))


def _pairs(
    first: str, firsts: tuple[str, ...], second: str, seconds: tuple[str, ...]
) -> Callable[..., list[dict[str, str]]]:
    def labels(random: Random) -> list[dict[str, str]]:
        every = [{first: one, second: other} for one, other in product(firsts, seconds)]
        return [each for each in every if random.random() < 0.9] or every

    return labels


def _versions(random: Random) -> list[dict[str, str]]:
    every = _pairs("job", ("a", "b"), "instance", ("0", "1", "2"))(random)
    return [{**each, "version": random.choice(("1.0", "1.10", "2.0"))} for each in every]


_TARGETS = _pairs("job", ("a", "b"), "instance", ("0", "1", "2"))
_METRICS: tuple[tuple[str, Callable[[Random], list[dict[str, str]]], Callable[[Random], Values]], ...] = (
    ("load", _TARGETS, _gauge),
    ("limit", _TARGETS, _gauge),
    ("disk", _pairs("instance", ("0", "1", "3"), "mode", ("r", "w")), _gauge),
    ("apart", _TARGETS, _distinct),
    ("runs_total", _TARGETS, _counter),
    ("info", _versions, _one),
    ("odd", _TARGETS, _wild),
    ("stamp", _TARGETS, _stamp),
)


def _buckets(number: int) -> list[Recorded]:
    """A histogram: mostly cumulative, in one set of four not; one bucket in ten is not there."""
    random = Random(f"{number} buckets")
    times = _times(Random(f"{number} 0"))
    made = []
    for job, instance in product(("a", "b"), ("0", "1")):
        rows: dict[str, Samples] = {bound: [] for bound in BOUNDS if random.random() < 0.9}
        # Far from 0, as in `_counter`.
        counts = {bound: 50_000 * place for place, bound in enumerate(BOUNDS, start=1)}
        for at in times:
            for bound in BOUNDS[random.randrange(len(BOUNDS)) :]:
                counts[bound] += random.randint(0, 4) if number % 4 == 3 else 2
            for bound, samples in rows.items():
                samples.append((at, float(counts[bound])))
        labels = {"__name__": "took_bucket", "set": str(number), "job": job, "instance": instance}
        made += [Recorded({**labels, "le": bound}, samples) for bound, samples in rows.items()]
    return made
