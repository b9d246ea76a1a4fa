"""A check that ends its process or blocks it: for tests of the engine."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import time
from collections.abc import AsyncIterator
from typing import Literal

from pacs_monitor.check import Check, FilePath, Gauge, Sample

SPARED = Gauge("pacs_takes_down_spared", "Whether it did nothing; always 1.")

How = Literal["exit", "kill", "segfault", "block", "spin", "exit in a thread"]


class TakesDown(Check):
    """Take the process down, always or once when a file is there."""

    how: How = "exit"
    trigger: FilePath | None = None
    """Only if this file is there; it is taken away first, and the time is written beside it."""

    async def run(self) -> AsyncIterator[Sample]:
        """Do it."""
        yield SPARED(1)
        await asyncio.sleep(0)
        if self.trigger is not None:
            if not self.trigger.exists():
                return
            self.trigger.unlink()
            self.trigger.with_suffix(".at").write_text(repr(time.monotonic()))
        match self.how:
            case "exit":
                os._exit(3)
            case "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            case "segfault":
                ctypes.string_at(0)
            case "block":
                time.sleep(30)  # noqa: ASYNC251 - that is the mistake
            case "spin":
                until = time.monotonic() + 30
                while time.monotonic() < until:
                    pass
            case "exit in a thread":
                await self.in_thread(os._exit, 3)
