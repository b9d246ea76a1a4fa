"""The base of checks that measure volumes: how much room there is, when it will be gone, and the metrics of both."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import ClassVar, NamedTuple, Self

from pydantic import PrivateAttr, model_validator

from pacs_monitor.check import Check, Duration, Gauge, Ratio, Sample
from pacs_monitor.folders import Failure
from pacs_monitor.forecast import FULL, FULL_EARLY, FULL_LATE, GROWTH, HISTORY, Forecast, Room
from pacs_monitor.quantities import percent, readable

__all__ = ["FULL", "FULL_EARLY", "FULL_LATE", "GROWTH", "HISTORY", "Space", "VolumesCheck"]

SIZE = Gauge("pacs_disk_size_bytes", "Size of the file system that holds the path.", ("path",))
FREE = Gauge("pacs_disk_free_bytes", "What users other than root may still write there.", ("path",))
USED = Gauge("pacs_disk_used_ratio", "Used share of what users other than root may fill, as df has it.", ("path",))
INODES_USED = Gauge("pacs_disk_inodes_used_ratio", "Used share of the inodes, where there is such a limit.", ("path",))
READONLY = Gauge("pacs_disk_readonly", "Whether the file system is mounted read-only.", ("path",))


class Space(NamedTuple):
    """What is known of one volume. Bytes, as users other than root see them."""

    size: float
    free: float
    used: float
    inodes: float = 0.0
    """0 if there is no such limit, or nothing is said of it."""
    inodes_free: float = 0.0
    readonly: bool | None = None

    @property
    def used_share(self) -> float:
        """The used share of what may be filled: 1.0 when no more can be written."""
        return self.used / (self.used + self.free) if self.used + self.free else 0.0

    def samples(self, path: str) -> Iterator[Sample]:
        """Its metrics; `path` is the volume's name in the settings."""
        yield SIZE(self.size, path=path)
        yield FREE(self.free, path=path)
        yield USED(self.used_share, path=path)
        if self.readonly is not None:
            yield READONLY(float(self.readonly), path=path)
        if self.inodes:
            yield INODES_USED(1 - self.inodes_free / self.inodes, path=path)


class VolumesCheck(Check):
    """A check of volumes, here or elsewhere: their limits, and the forecast."""

    free_warning: Ratio = 0.1
    """Shipped rules warn when less than this share is free."""
    free_critical: Ratio = 0.05
    """It fails when less than this share is free for users other than root."""
    inodes_critical: Ratio = 0.05
    """It fails when less than this share of the inodes is free."""
    full_warning: Duration = 30 * 86400.0
    """Shipped rules warn when it will be full sooner, by its growth; 0s for never."""
    full_critical: Duration = 7 * 86400.0
    """Shipped rules call it critical when it will be full sooner, by its growth; 0s for never."""
    writable: bool = True
    """Whether a file system that is mounted read-only is a failure."""

    thresholds: ClassVar[tuple[str, ...]] = (
        "free_warning",
        "free_critical",
        "inodes_critical",
        "full_warning",
        "full_critical",
    )

    _forecast: Forecast = PrivateAttr(default_factory=Forecast)

    @model_validator(mode="after")
    def _warned_first(self) -> Self:
        if self.free_warning < self.free_critical:
            raise ValueError("free_warning is below free_critical; a warning comes first: raise it")
        if self.full_warning < self.full_critical:
            raise ValueError("full_warning is shorter than full_critical; a warning comes first: lengthen it")
        return self

    def faults(self, what: str, space: Space) -> Iterator[Failure]:
        """What is wrong with a volume by these limits; `what` names it."""
        free_share, inodes_share = 1 - space.used_share, space.inodes_free / (space.inodes or 1)
        if self.writable and space.readonly:
            yield (
                "mismatch",
                f"{what} is mounted read-only; look into the kernel's log for disk errors before mounting it anew, "
                f"or set writable: false if it is meant to be so",
            )
        if space.size and free_share < self.free_critical:
            yield (
                "threshold",
                f"{what} has {readable(space.free)} of {readable(space.size)} left ({percent(free_share)}, at least "
                f"{percent(self.free_critical)} are due); move or delete data, or enlarge it",
            )
        if space.inodes and inodes_share < self.inodes_critical:
            yield (
                "threshold",
                f"{what} has {space.inodes_free:.0f} of {space.inodes:.0f} inodes left ({percent(inodes_share)}, at "
                f"least {percent(self.inodes_critical)} are due); delete small files, whatever its free bytes say",
            )

    async def foretell(self, spaces: Mapping[str, Space], paths: Iterable[str]) -> list[Sample]:
        """What is foretold of these paths, now that some of them were measured."""
        rooms = {path: Room(space.free, space.size) for path, space in spaces.items()}
        await self._forecast.note(self.memory, self.site_time.now().timestamp(), rooms)
        return list(self._forecast.samples(paths))
