"""What the workers did, for the agent's own metrics."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pacs_monitor.links import Link


@dataclass
class Counters:
    """Counts since the agent started."""

    restarts: dict[str, int] = field(default_factory=dict)
    skipped: dict[str, int] = field(default_factory=dict)
    broken: int = 0
    dns_failures: int = 0
    missed_rounds: int = 0
    clock_steps: int = 0

    def beat(self, link: Link, message: tuple[Any, ...]) -> None:
        """A wire.BEAT has come: add what is new since the one before."""
        dns, missed, steps = (new - old for new, old in zip(message[2:5], link.totals, strict=True))
        link.totals = (message[2], message[3], message[4])
        self.dns_failures += dns
        self.missed_rounds += missed
        self.clock_steps += steps

    def restarted(self, how: str) -> None:
        """A worker was replaced."""
        self.restarts[how] = self.restarts.get(how, 0) + 1

    def skip(self, why: str) -> None:
        """A run was due and not started."""
        self.skipped[why] = self.skipped.get(why, 0) + 1
