"""Disks: is there room, is the file system mounted, and may it be written to?"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, ClassVar, Self

import psutil
from pydantic import Field, PrivateAttr, model_validator

from pacs_monitor.check import Check, FilePath, Gauge, PlainText, Ratio, Reason, Sample
from pacs_monitor.folders import Looks, explain, fail_for, hangs
from pacs_monitor.quantities import percent, readable

SIZE = Gauge("pacs_disk_size_bytes", "Size of the file system that holds the path.", ("path",))
FREE = Gauge("pacs_disk_free_bytes", "What users other than root may still write there.", ("path",))
USED = Gauge("pacs_disk_used_ratio", "Used share of what users other than root may fill, as df has it.", ("path",))
INODES_USED = Gauge("pacs_disk_inodes_used_ratio", "Used share of the inodes, where there is such a limit.", ("path",))
READONLY = Gauge("pacs_disk_readonly", "Whether the file system is mounted read-only.", ("path",))
MOUNTED = Gauge("pacs_disk_mounted", "Whether a file system is mounted at the path, where one must be.", ("path",))


@dataclass
class Findings:
    """What one path gave."""

    samples: list[Sample] = field(default_factory=list)
    failures: list[tuple[Reason, str]] = field(default_factory=list)


class Disk(Check):
    """Measure the file systems of one or several paths, each in a thread: a dead mount holds up no other."""

    path: FilePath | None = None
    """The folder whose file system is measured; or `paths`."""
    paths: Annotated[tuple[FilePath, ...], Field(max_length=64)] = ()
    """Several folders, each measured."""
    free_warning: Ratio = 0.1
    """Shipped rules warn when less than this share is free."""
    free_critical: Ratio = 0.05
    """It fails when less than this share is free for users other than root."""
    inodes_critical: Ratio = 0.05
    """It fails when less than this share of the inodes is free."""
    mount: bool = False
    """Whether a file system must be mounted at the path itself; if it is gone, images fill the disk below."""
    marker: PlainText | None = None
    """A file that must exist below each path, as seen from there: it proves that the right share is mounted."""
    writable: bool = True
    """Whether a file system that is mounted read-only is a failure."""

    thresholds: ClassVar[tuple[str, ...]] = ("free_warning", "free_critical", "inodes_critical")

    _looks: Looks[Findings] = PrivateAttr(default_factory=Looks)

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if not self.places:
            raise ValueError("names no path; set path to a folder, or paths to several")
        for place in self.places:
            if not place.is_absolute():
                raise ValueError(f"{place} does not begin with /; write the whole path")
        if self.free_warning < self.free_critical:
            raise ValueError("free_warning is below free_critical; a warning comes first: raise it")
        if self.marker and (self.marker.startswith("/") or ".." in self.marker.split("/")):
            raise ValueError(f"marker {self.marker} is not below the path; write it as seen from there")
        return self

    @property
    def places(self) -> tuple[Path, ...]:
        """All paths, each once."""
        return tuple(dict.fromkeys([*((self.path,) if self.path else ()), *self.paths]))

    async def run(self) -> AsyncIterator[Sample]:
        """Yield what every path gives, then raise the worst failure with the sentences of all."""
        failures: list[tuple[Reason, str]] = []
        # Not until the deadline itself: then the whole run would be cut off, and with it what the others gave.
        for place, found in (await self._looks.at(self.places, self.measure, 0.9 * self.time_left)).items():
            if found is None:
                failures.append(hangs(place))
                continue
            for sample in found.samples:
                yield sample
            failures += found.failures
        fail_for(failures)

    def measure(self, place: Path) -> Findings:
        """What one path gives. Blocks, on a dead mount for as long as the mount is dead."""
        found = Findings()
        try:
            status = os.statvfs(place)
        except OSError as error:
            if self.mount:
                found.samples.append(MOUNTED(float(is_mount(place)), path=str(place)))
            found.failures.append(explain(error, str(place)))
            return found
        if self.mount:
            mounted = is_mount(place)
            found.samples.append(MOUNTED(float(mounted), path=str(place)))
            if not mounted:
                # What statvfs told is the disk below, and nobody asked for it.
                found.failures.append(("not_found", f"nothing is mounted at {place}; mount it, and look why it went"))
                return found
        found.samples += _samples(status, str(place))
        found.failures += self._faults(status, str(place))
        if self.marker:
            try:
                (place / self.marker).stat()
            except OSError as error:
                found.failures.append(explain(error, f"the marker {place / self.marker}"))
        return found

    def _faults(self, status: os.statvfs_result, place: str) -> Iterator[tuple[Reason, str]]:
        size, free = status.f_blocks * status.f_frsize, status.f_bavail * status.f_frsize
        free_share, inodes_share = 1 - used_share(status), status.f_favail / (status.f_files or 1)
        if self.writable and _readonly(status):
            yield (
                "mismatch",
                f"{place} is mounted read-only; look into the kernel's log for disk errors before mounting it anew, "
                f"or set writable: false if it is meant to be so",
            )
        if size and free_share < self.free_critical:
            yield (
                "threshold",
                f"{place} has {readable(free)} of {readable(size)} left ({percent(free_share)}, at least "
                f"{percent(self.free_critical)} are due); move or delete data, or enlarge it",
            )
        if status.f_files and inodes_share < self.inodes_critical:
            yield (
                "threshold",
                f"{place} has {status.f_favail} of {status.f_files} inodes left ({percent(inodes_share)}, at least "
                f"{percent(self.inodes_critical)} are due); delete small files, whatever its free bytes say",
            )


def used_share(status: os.statvfs_result) -> float:
    """The used share of what users other than root may fill: 1.0 when they can write no more."""
    used = status.f_blocks - status.f_bfree
    return used / (used + status.f_bavail) if used + status.f_bavail else 0.0


def is_mount(place: Path) -> bool:
    """Whether the kernel lists a mount there; asks its list, which does not touch the mount itself."""
    points = {mount.mountpoint for mount in psutil.disk_partitions(all=True) if mount.fstype != "autofs"}
    return os.path.normpath(place) in points or os.path.realpath(place) in points


def _readonly(status: os.statvfs_result) -> bool:
    return bool(status.f_flag & os.ST_RDONLY)


def _samples(status: os.statvfs_result, place: str) -> Iterator[Sample]:
    yield SIZE(status.f_blocks * status.f_frsize, path=place)
    yield FREE(status.f_bavail * status.f_frsize, path=place)
    yield USED(used_share(status), path=place)
    yield READONLY(float(_readonly(status)), path=place)
    if status.f_files:  # btrfs, vfat and most network file systems have no such limit and say 0
        yield INODES_USED(1 - status.f_favail / status.f_files, path=place)
