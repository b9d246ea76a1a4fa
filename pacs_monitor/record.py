"""What is known of one check: its configuration and what its last run gave."""

from __future__ import annotations

from pacs_monitor.metrics import GaugeSlot
from pacs_monitor.node import Node
from pacs_monitor.settings import ConfiguredCheck, Key


class Record:
    """One check: what the configuration says, and what its last run gave. Times are Unix times in seconds."""

    __slots__ = (
        "causes",
        "configured",
        "duration",
        "failures",
        "flags",
        "head",
        "known",
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
        self.known: dict[object, dict[int, GaugeSlot]] = {}
        """What a worker's numbers mean, by worker."""
        self.live: list[GaugeSlot | None] | None = None
        """What the last run yielded; None if that must be looked at anew."""
        self.head = ""
        """The labels as every line of the check has them, with braces and a space behind."""
        """The standard series' names with their labels."""
        self.flags: dict[str, float] = {}
        """Values of the standard series that change seldom."""
        self.causes: tuple[str, ...] | None = None
        """What suppresses it; None before anybody has said so."""

    @property
    def key(self) -> Key:
        """(node, check)."""
        return self.configured.key

    @property
    def node(self) -> Node | None:
        """The check's node."""
        return self.configured.node
