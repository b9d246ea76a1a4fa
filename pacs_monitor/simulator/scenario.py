"""Faults that come and go by themselves, so that there is something to watch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from threading import Event
from time import monotonic

Order = Callable[[str, str, Mapping[str, float]], None]


@dataclass(frozen=True)
class Step:
    """The fault that `node` (or `disk`) takes on `at_seconds` after the start of a round."""

    at_seconds: float
    node: str
    fault: str
    parameters: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Scenario:
    """Steps, in the order of their times, that repeat every `period` seconds."""

    steps: tuple[Step, ...]
    period: float

    def endless(self, speed: float = 1.0) -> Iterator[tuple[float, Step]]:
        """Give (seconds since the start, step) for ever, `speed` times as fast."""
        start = 0.0
        while True:
            for step in self.steps:
                yield (start + step.at_seconds) / speed, step
            start += self.period


def play(scenario: Scenario, order: Order, stop: Event, speed: float = 1.0) -> None:
    """Order each step when it is due, until `stop` is set."""
    started = monotonic()
    for at, step in scenario.endless(speed):
        if stop.wait(max(0.0, started + at - monotonic())):
            return
        order(step.node, step.fault, step.parameters)


# 22 s or more each, so that three checks in a row can fail; never more than half of the hospital at once.
DEMO = Scenario(
    steps=(
        Step(12, "ct1", "refuses"),
        Step(20, "us1", "silent"),
        Step(30, "mr1", "slow", {"seconds": 3.0}),
        Step(36, "ct1", "none"),
        Step(46, "router", "rejects"),
        Step(48, "us1", "none"),
        Step(56, "mr1", "none"),
        Step(58, "disk", "fills", {"used_ratio": 0.75}),
        Step(62, "disk", "fills", {"used_ratio": 0.90}),
        Step(64, "archive", "slow", {"seconds": 2.0}),
        Step(66, "disk", "fills", {"used_ratio": 0.97}),
        Step(70, "router", "none"),
        Step(78, "worklist", "aborts"),
        Step(86, "archive", "none"),
        Step(92, "disk", "none"),
        Step(102, "worklist", "none"),
        Step(104, "worklist", "finds_nothing"),
        Step(126, "worklist", "none"),
    ),
    period=130,
)
