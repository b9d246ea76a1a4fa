"""Notices that a file has changed. Looks every few seconds: that works on every file system, also on network ones."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

from pacs_monitor.threads import in_thread

log = logging.getLogger(__name__)

EVERY = 2.0
SETTLES_WITHIN = 0.3
"""Seconds in which an editor that writes in two steps is done."""

Stamp = tuple[int, int, int]


class WatchedFiles:
    """Files and folders, and what they looked like when they were read."""

    def __init__(self, files: Iterable[Path], read_at: int) -> None:
        """`read_at` is when reading them began, in Unix time in nanoseconds."""
        self._stamps: dict[Path, Stamp | None] = {}
        self.follow(files, read_at)

    def follow(self, files: Iterable[Path], read_at: int) -> None:
        """Watch these from now on. One that was written while it was read counts as changed."""
        now = time.time_ns()
        self._stamps = {
            path: None if stamp is not None and read_at <= stamp[0] <= now else stamp
            for path, stamp in _stamps(files).items()
        }

    async def changed(self) -> bool:
        """Whether one has changed, and all have settled."""
        watched = self._stamps
        seen = await in_thread(lambda: _stamps(watched))
        if seen == watched:
            return False
        await asyncio.sleep(SETTLES_WITHIN)
        settled = await in_thread(lambda: _stamps(watched))
        # Somebody may have read them meanwhile.
        return settled == seen and watched is self._stamps

    async def watch(self, changed: Callable[[], Awaitable[object]]) -> None:
        """Call `changed` after each change, for ever."""
        while True:
            await asyncio.sleep(EVERY)
            try:
                if await self.changed():
                    await changed()
            except Exception as error:  # noqa: BLE001 - whatever one change ends in, the next one must be noticed
                log.error("files could not be looked at or read (%s); trying again", type(error).__name__)


def _stamps(files: Iterable[Path]) -> dict[Path, Stamp | None]:
    found: dict[Path, Stamp | None] = {}
    for path in files:
        try:
            stat = path.stat()
        except OSError:
            found[path] = None
        else:
            found[path] = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
    return found
