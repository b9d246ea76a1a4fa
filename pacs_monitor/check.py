"""Everything that the author of a check imports.

A check is one file with one class. Its fields are its settings, `run` yields what it measured and raises if
the target does not do what it should. Success, duration, timeout and retry are the engine's.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from time import perf_counter
from typing import Any, ClassVar, Literal, NamedTuple, Protocol, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, field_validator

from pacs_monitor.node import Node, Tls, UserIdentity, host_of
from pacs_monitor.units import (
    AeTitle,
    Count,
    Duration,
    FilePath,
    Host,
    HoursName,
    Name,
    OptionalName,
    PlainText,
    Port,
    Ratio,
    Secret,
    Size,
    Unit,
    Url,
    check_interval,
    check_not_too_long,
)

__all__ = [
    "AeTitle",
    "AsyncIterator",
    "Check",
    "CheckFailed",
    "Count",
    "Counter",
    "Duration",
    "FilePath",
    "Gauge",
    "Histogram",
    "Host",
    "HoursName",
    "Iterator",
    "Name",
    "Node",
    "NodeCheck",
    "PlainText",
    "Port",
    "Ratio",
    "Reason",
    "Sample",
    "Secret",
    "Size",
    "Tls",
    "Unit",
    "Url",
    "UserIdentity",
    "perf_counter",
]

T = TypeVar("T")

Reason = Literal[
    "dns",
    "refused",
    "unreachable",
    "timeout",
    "tls",
    "rejected",
    "aborted",
    "no_context",
    "dimse_status",
    "not_found",
    "mismatch",
    "threshold",
    "stale",
    "forbidden",
    "broken",
]
REASONS: tuple[Reason, ...] = get_args(Reason)


class CheckFailed(Exception):
    """The target does not do what it should: one word of the closed list, and a sentence for people.

    The sentence says what is wrong and ends with what to do. It holds nothing of a patient.
    """

    def __init__(self, reason: Reason, message: str) -> None:
        """Raise ValueError for a reason that is not on the list."""
        if reason not in REASONS:
            raise ValueError(f"{reason!r} is not a reason; use one of {' '.join(REASONS)}")
        super().__init__(message)
        # The list's own word: the pipe takes no subclass of str, such as an author's enumeration.
        self.reason: Reason = REASONS[REASONS.index(reason)]
        self.message = message


class Sample(NamedTuple):
    """One measured value of one series."""

    metric: Metric
    value: float
    labels: tuple[str, ...]


class Bound:
    """A metric with its label values: call it with a value to get a sample."""

    __slots__ = ("_labels", "_metric")

    def __init__(self, metric: Metric, labels: tuple[str, ...]) -> None:
        self._metric = metric
        self._labels = labels

    def __call__(self, value: float) -> Sample:
        return Sample(self._metric, value, self._labels)


class Metric:
    """A declared metric. Declare it once, at the top of the check's file, and call it with a value to yield."""

    kind: ClassVar[str]

    def __init__(self, name: str, help: str, labels: tuple[str, ...] = (), *, keep: bool = False) -> None:
        """`keep` makes a value outlive runs that do not yield it. Units are base units, in the name."""
        self.name = name
        self.help = help
        self.labelnames = tuple(labels)
        self.keep = keep

    def __call__(self, value: float, **labels: str) -> Sample:
        return Sample(self, value, self._values(labels) if labels or self.labelnames else ())

    def labels(self, **labels: str) -> Bound:
        """The metric with these label values, to be called with a value. Raises TypeError for other labels."""
        return Bound(self, self._values(labels))

    def _values(self, labels: Mapping[str, str]) -> tuple[str, ...]:
        if len(labels) != len(self.labelnames):
            raise TypeError(f"{self.name} takes the labels {self.labelnames}, not {tuple(labels)}")
        try:
            return tuple([str(labels[name]) for name in self.labelnames])
        except KeyError as missing:
            raise TypeError(f"{self.name} takes the labels {self.labelnames}: {missing} is missing") from None

    def declaration(self) -> tuple[object, ...]:
        """What two declarations of one metric must have in common."""
        return (self.kind, self.name, self.help, self.labelnames, self.keep)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Metric) and self.declaration() == other.declaration()

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"


class Gauge(Metric):
    """A value as it is now. It vanishes with the next run that does not yield it, unless `keep` is set."""

    kind = "gauge"


class Counter(Metric):
    """Yields an increment; the engine accumulates it, from zero after a restart. The name ends in `_total`."""

    kind = "counter"


class Histogram(Metric):
    """Yields an observation; the engine accumulates it into classic buckets."""

    kind = "histogram"

    def __init__(self, name: str, help: str, labels: tuple[str, ...] = (), *, buckets: tuple[float, ...]) -> None:
        """`buckets` are the upper bounds in the metric's unit, rising, without infinity."""
        super().__init__(name, help, labels)
        self.buckets = tuple(float(bound) for bound in buckets)

    def declaration(self) -> tuple[object, ...]:
        """As for any metric, and the buckets."""
        return (*super().declaration(), self.buckets)


class Memory(Protocol):
    """What a check keeps across runs, reloads and restarts: text keys, and values that JSON knows."""

    def get(self, key: str, default: Any = None) -> Any:
        """The value under a key, or the default."""

    def items(self) -> list[tuple[str, Any]]:
        """All keys and values."""

    async def put(self, key: str, value: Any, *, keep: bool = False) -> None:
        """Return once the value is committed to disk. `keep`: it stays even if the check is taken out."""

    async def delete(self, key: str) -> None:
        """Return once the key is gone from disk; a key that is not there is no error."""


class Addresses(Protocol):
    """Names to addresses; `pacs_monitor.resolve` implements it."""

    async def resolve(self, host: str, port: int, deadline: float) -> list[Any]:
        """Socket addresses as `(family, sockaddr)`; raises CheckFailed("dns")."""


class Slots(Protocol):
    """The budget of associations; `pacs_monitor.dicom.budget` implements it."""

    def try_acquire(self, key: tuple[str, int], limit: int) -> bool:
        """Take a slot if one is free."""

    async def acquire(self, key: tuple[str, int], limit: int, priority: float) -> float:
        """Wait for a slot; returns the seconds waited."""

    def release(self, key: tuple[str, int]) -> None:
        """Give a slot back."""


class Calendar(Protocol):
    """The site's time zone, and the hours that the check's settings name; `pacs_monitor.sitetime` implements it."""

    def now(self) -> datetime:
        """This moment in the site's time zone."""

    def within(self, name: str) -> bool:
        """Whether it is within these hours now. Raises LookupError if the settings name no such hours."""

    def day_off(self, name: str, day: date) -> bool:
        """Whether a day is one of the holidays or closed days of these hours. Raises LookupError as `within` does."""

    def words(self, name: str) -> str:
        """These hours for people: `clinic (mon-fri 07:00-17:00)`. Raises LookupError as `within` does."""


def _everywhere() -> Calendar:
    from pacs_monitor.sitetime import SiteTime  # which imports settings, and they this

    return SiteTime()


class Destination(NamedTuple):
    """Where the agent takes studies that are moved to it: the section `scp`."""

    host: str
    port: int
    ae_title: str


@dataclass
class Surroundings:
    """What the engine hands to a check when it starts it; a check uses it through its own methods."""

    node: Node | None
    memory: Memory
    resolver: Addresses
    budget: Slots
    site: str = ""
    site_time: Calendar = field(default_factory=_everywhere)
    destination: Destination | None = None
    """The agent's own DICOM listener, for a check that `moves_here`."""
    deadline: float = float("inf")
    """When the run must have ended, on the event loop's clock; set anew for each run."""
    waiting: bool = False
    """Whether the run waits for the budget right now."""
    waited: float = 0.0
    """Seconds this run waited for the budget: they count as lateness, not as duration."""
    abandoned: list[int] = field(default_factory=list)
    dialled: int | None = None
    """The port that this run has gone to, for the sentence of its failure."""


class Check(BaseModel):
    """One configured measurement. Subclasses add settings as fields and a `run`."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        use_attribute_docstrings=True,
        validate_default=True,
        arbitrary_types_allowed=True,
    )

    name: OptionalName = ""
    """The check's name, one for each node; its kind unless set."""
    interval: Duration = 60.0
    """How often it runs."""
    timeout: Duration | None = None
    """How long one run may take; 10s or the interval, whichever is shorter, unless set."""
    retry_interval: Duration | None = None
    """After a failure, run again this soon if that is sooner."""
    down_after: Count = 3
    """So many failures in a row make it confirmed down."""
    up_after: Count = 1
    """So many successes in a row make it confirmed up again."""
    affects_health: bool = False
    """Whether the node's health for load balancers depends on it."""

    description: ClassVar[str] = ""
    """One sentence, for `pacs-monitor checks`; the docstring's first line unless set."""
    anywhere: ClassVar[bool] = False
    """Whether it may be given to a node, too, though it is no NodeCheck; then `surroundings.node` is there."""
    needs: ClassVar[tuple[str, ...]] = ()
    """The node's settings that this check cannot do without."""
    thresholds: ClassVar[tuple[str, ...]] = ()
    """The settings that rules compare with: exported as pacs_check_threshold."""
    leaves_out: ClassVar[tuple[Metric, ...]] = ()
    """Metrics of the class that it builds on which it never yields."""

    # Validators, and not types: they also hold for a class that declares one of these fields anew.
    @field_validator("interval", "retry_interval")
    @classmethod
    def _within_bounds(cls, seconds: float | None) -> float | None:
        return None if seconds is None else check_interval(seconds)

    @field_validator("timeout")
    @classmethod
    def _longer_than_nothing(cls, seconds: float | None) -> float | None:
        if seconds is not None and seconds <= 0:
            raise ValueError("is not longer than 0s; write for example 10s")
        return None if seconds is None else check_not_too_long(seconds)

    def run(self) -> AsyncIterator[Sample] | Iterator[Sample]:
        """Yield samples; raise CheckFailed or OSError. `async def` on the loop, or `def` in a thread."""
        raise NotImplementedError(f"{type(self).__name__} has no run")

    def bind(self, surroundings: Surroundings) -> None:
        """The engine calls this once, before the first run."""
        # Where a cached property would be kept: pydantic's private attributes cost ten times as much to read.
        self.__dict__["_surroundings"] = surroundings

    @property
    def moves_here(self) -> bool:
        """Whether, as it is set, it has studies moved to the agent's own listener and so needs the section `scp`."""
        return False

    @property
    def effective_timeout(self) -> float:
        """Seconds that one run may take."""
        return min(10.0, self.interval) if self.timeout is None else self.timeout

    @property
    def surroundings(self) -> Surroundings:
        """What the engine gave. Raises RuntimeError outside a run."""
        try:
            found: Surroundings = self.__dict__["_surroundings"]
        except KeyError:
            raise RuntimeError("the check is not started yet") from None
        return found

    @property
    def memory(self) -> Memory:
        """A small persistent mapping of this check's own."""
        return self.surroundings.memory

    @property
    def site_time(self) -> Calendar:
        """The time at the site: `now()` there, and `within(NAME)` for hours named by a setting of type HoursName."""
        return self.surroundings.site_time

    @property
    def time_left(self) -> float:
        """Seconds until this run's deadline; for `async def` checks."""
        return max(0.0, self.surroundings.deadline - asyncio.get_running_loop().time())

    async def in_thread(self, function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Run a function that blocks in a thread of its own; if it hangs, it holds up nothing but this run."""
        from pacs_monitor.threads import in_thread

        return await in_thread(functools.partial(function, *args, **kwargs), self.surroundings.abandoned)

    async def connect(self, host: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Open a TCP connection. Raises OSError, or CheckFailed("dns"), with all addresses tried."""
        self.surroundings.dialled = port
        addresses = await self.surroundings.resolver.resolve(host, port, self.surroundings.deadline)
        for place, (_, address) in enumerate(addresses):
            share = self.time_left / (len(addresses) - place)
            connecting: Awaitable[Any] = asyncio.open_connection(host_of(address), address[1])
            try:
                async with asyncio.timeout(share if place + 1 < len(addresses) else None):
                    reader, writer = await connecting
            except OSError:
                if place + 1 == len(addresses):
                    raise
            else:
                return reader, writer
        raise OSError("no address")


class NodeCheck(Check):
    """A check of a node: `self.node` is what the configuration says of it."""

    needs: ClassVar[tuple[str, ...]] = ("host",)

    @property
    def node(self) -> Node:
        """The node. Raises RuntimeError outside a run."""
        node = self.surroundings.node
        if node is None:
            raise RuntimeError("the check has no node")
        return node

    async def open_connection(self, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Open a TCP connection to the node. Raises OSError, or CheckFailed("dns"), with all addresses tried."""
        return await self.connect(str(self.node.host), port)
