"""One worker, seen from the main process: its pipe, its process id and its signs of life."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from typing import Any, Protocol, cast

from pacs_monitor import wire
from pacs_monitor.marks import Board


class Owner(Protocol):
    """Who is told what comes over the pipe."""

    def received(self, link: Link, message: tuple[Any, ...]) -> None:
        """A message has come."""

    def lost(self, link: Link) -> None:
        """The pipe is closed: the worker is gone."""


class Link(asyncio.Protocol):
    """One worker's end of the pipe."""

    def __init__(self, owner: Owner, place: int, early: int = 0) -> None:
        """`early`: how many workers at this place before it ended right after their birth, in a row."""
        loop = asyncio.get_running_loop()
        self._owner = owner
        self._unpacker = wire.Unpacker()
        self.place = place
        self.early = early
        self.board = Board()
        self.pid = 0
        self.born = loop.time()
        """When it was started, on the loop's clock."""
        self.seen: float | None = None
        """The last sign of life, on the loop's clock."""
        self.abandoned = 0
        self.totals = (0, 0, 0)
        self.replaced = False
        """Whether another is on its way to take its place."""
        self.retiring = False
        """Whether it may bring its runs to an end before."""
        self.ended: asyncio.Future[None] = loop.create_future()
        """Done once the worker has released everything, or is gone."""
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The pipe is there."""
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Something has come."""
        for message in self._unpacker.feed(data):
            self._owner.received(self, message)

    def connection_lost(self, exc: Exception | None) -> None:
        """The worker is gone."""
        self._owner.lost(self)

    def end(self) -> None:
        """Nothing more is to come."""
        if not self.ended.done():
            self.ended.set_result(None)

    def send(self, message: tuple[Any, ...]) -> None:
        """Nothing here waits: the transport keeps what the pipe does not take yet."""
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(wire.pack(message))

    def kill(self) -> None:
        """End the process at once."""
        if self.pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    def hang_up(self) -> None:
        """Close our end of the pipe."""
        if self.transport is not None:
            self.transport.abort()
