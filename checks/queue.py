"""Queues: how many files wait in the folders of a router or an interface engine, and since when?"""

from __future__ import annotations

import functools
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, ClassVar, Self

from pydantic import Field, PrivateAttr, model_validator

from pacs_monitor.check import Duration, Gauge, PlainText, Reason, Sample, Unit
from pacs_monitor.folders import FoldersCheck, Looks, explain, fail_for, hangs, is_mount, not_mounted
from pacs_monitor.walking import Counted, count

FILES = Gauge("pacs_queue_files", "Files that wait below the path.", ("path",))
BYTES = Gauge("pacs_queue_bytes", "Size of the files that wait below the path.", ("path",))
OLDEST = Gauge("pacs_queue_oldest_timestamp_seconds", "When the oldest of them was last written to.", ("path",))
COMPLETE = Gauge("pacs_queue_complete", "Whether all was looked at; if not, there are at least so many.", ("path",))

MOST_ENTRIES = 250_000
"""So many files and folders are looked at below one path."""

Failure = tuple[Reason, str]


@dataclass
class Seen:
    """What one path gave: a count, or what kept it from being counted."""

    counted: Counted | None
    failure: Failure | None = None


class Queue(FoldersCheck):
    """Count the files in spool or error folders, each in a thread: a dead mount holds up no other."""

    pattern: PlainText = "*"
    """Which names count, such as *.dcm; capitals or not."""
    most: Annotated[int, Field(ge=0, lt=MOST_ENTRIES), Unit("count", example="0")] | None = None
    """It fails when more files wait below one path; 0 for a folder that must be empty."""
    oldest: Duration | None = None
    """It fails when a file has waited longer, by the time at which it was last written to."""

    mount: bool = False
    """Whether a file system must be mounted at the path itself; if it is gone, the folder below looks empty."""

    thresholds: ClassVar[tuple[str, ...]] = ("most", "oldest")

    _looks: Looks[Seen] = PrivateAttr(default_factory=Looks)

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if self.most is None and self.oldest is None:
            raise ValueError("has no limit; set most, oldest or both")
        if "/" in self.pattern:
            raise ValueError(f"pattern {self.pattern} holds a /; it is compared with file names alone: take it out")
        return self

    async def run(self) -> AsyncIterator[Sample]:
        """Yield what every path gives, then raise the worst failure with the sentences of all."""
        failures: list[Failure] = []
        # A walk ends by itself before its result is waited for no more, and the run before its deadline.
        look = functools.partial(self.look, until=time.monotonic() + 0.8 * self.time_left)
        for place, seen in (await self._looks.at(self.places, look, 0.9 * self.time_left)).items():
            if seen is None:
                failures.append(hangs(place))
                continue
            if seen.counted is not None:
                for sample in _samples(seen.counted, str(place)):
                    yield sample
                failures += self._faults(seen.counted, str(place))
            if seen.failure is not None:
                failures.append(seen.failure)
        fail_for(failures)

    def look(self, place: Path, until: float) -> Seen:
        """What one path gives. Blocks, on a dead mount for as long as the mount is dead."""
        if self.mount and not is_mount(place):
            return Seen(None, not_mounted(place))
        try:
            return Seen(count(place, self.pattern, MOST_ENTRIES, lambda: time.monotonic() > until))
        except OSError as error:
            return Seen(None, explain(error, str(place)))

    def _faults(self, counted: Counted, place: str) -> Iterator[Failure]:
        """What is wrong with a count."""
        files = f"{'' if counted.complete else 'more than '}{counted.files} file{'s' * (counted.files != 1)}"
        since = f", the oldest since {self._clock(counted.oldest)}" if counted.oldest is not None else ""
        too_many = self.most is not None and counted.files > self.most
        too_old = self.oldest is not None and counted.oldest is not None and time.time() - counted.oldest > self.oldest
        if too_many or too_old:
            yield (
                "threshold",
                f"{place} holds {files}{since}; look at the log of the program that empties it, and at where it sends",
            )
        elif not counted.complete:
            yield (
                "timeout",
                f"{place} was counted in part only: {files}; lengthen timeout, or name folders further down",
            )
        if counted.closed:
            yield (
                "forbidden",
                f"{place} has {counted.closed} folder{'s' * (counted.closed != 1)} below that this user may not read; "
                f"give the agent's user the right to, or what waits there is not seen",
            )

    def _clock(self, at: float) -> str:
        """A time on the site's clock; with the day if that is another one."""
        now = self.site_time.now()
        local = datetime.fromtimestamp(at, now.tzinfo)
        return f"{local:%H:%M}" if local.date() == now.date() else f"{local:%Y-%m-%d %H:%M}"


def _samples(counted: Counted, place: str) -> Iterator[Sample]:
    yield FILES(counted.files, path=place)
    yield BYTES(counted.size, path=place)
    yield COMPLETE(float(counted.complete), path=place)
    if counted.oldest is not None:
        yield OLDEST(counted.oldest, path=place)
