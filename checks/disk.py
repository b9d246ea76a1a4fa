"""Disks: is there room, is the file system mounted, and may it be written to?"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from pydantic import PrivateAttr, model_validator

from pacs_monitor.check import Gauge, PlainText, Sample
from pacs_monitor.folders import Failure, FoldersCheck, Looks, explain, fail_for, hangs, is_mount, not_mounted
from pacs_monitor.volumes import Space, VolumesCheck

MOUNTED = Gauge("pacs_disk_mounted", "Whether a file system is mounted at the path, where one must be.", ("path",))


@dataclass
class Findings:
    """What one path gave."""

    samples: list[Sample] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    space: Space | None = None
    """What is to be foretold from: not of another share."""


class Disk(VolumesCheck, FoldersCheck):
    """Measure the file systems of one or several paths, each in a thread: a dead mount holds up no other."""

    mount: bool = False
    """Whether a file system must be mounted at the path itself; if it is gone, images fill the disk below."""
    marker: PlainText | None = None
    """A file that must exist below each path, as seen from there: it proves that the right share is mounted."""

    _looks: Looks[Findings] = PrivateAttr(default_factory=Looks)

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if self.marker and (self.marker.startswith("/") or ".." in self.marker.split("/")):
            raise ValueError(f"marker {self.marker} is not below the path; write it as seen from there")
        return self

    async def run(self) -> AsyncIterator[Sample]:
        """Yield what every path gives, then raise the worst failure with the sentences of all."""
        failures: list[Failure] = []
        spaces: dict[str, Space] = {}
        # Not until the deadline itself: then the whole run would be cut off, and with it what the others gave.
        for place, found in (await self._looks.at(self.places, self.measure, 0.9 * self.time_left)).items():
            if found is None:
                failures.append(hangs(place))
                continue
            for sample in found.samples:
                yield sample
            failures += found.failures
            if found.space is not None:
                spaces[str(place)] = found.space
        for sample in await self.foretell(spaces, map(str, self.places)):
            yield sample
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
                found.failures.append(not_mounted(place))
                return found
        space = _space(status)
        found.samples += space.samples(str(place))
        found.failures += self.faults(str(place), space)
        if self.marker:
            try:
                (place / self.marker).stat()
            except OSError as error:
                found.failures.append(explain(error, f"the marker {place / self.marker}"))
                return found
        found.space = space
        return found


def _space(status: os.statvfs_result) -> Space:
    unit = status.f_frsize
    return Space(
        size=status.f_blocks * unit,
        free=status.f_bavail * unit,
        used=(status.f_blocks - status.f_bfree) * unit,
        inodes=status.f_files,  # 0 from btrfs, vfat and most network file systems
        inodes_free=status.f_favail,
        readonly=bool(status.f_flag & os.ST_RDONLY),
    )
