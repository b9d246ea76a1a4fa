"""A worker's side of memory: what a check keeps goes to the main process, which says when it is on disk."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from pacs_monitor import wire
from pacs_monitor.memory import NotSaved


class Remembering:
    """Requests that wait for their commit."""

    def __init__(self, send: Callable[[tuple[Any, ...]], None]) -> None:
        self._send = send
        self._waiting: dict[int, asyncio.Future[None]] = {}
        self._next = 1

    async def commit(self, check: int, key: str, value: str | None, keep: bool) -> None:
        """Return once it is on disk; None forgets the key. Raises NotSaved."""
        request, self._next = self._next, self._next + 1
        future = self._waiting[request] = asyncio.get_running_loop().create_future()
        self._send((wire.REMEMBER, request, check, key, value, keep))
        try:
            await future
        finally:
            del self._waiting[request]

    def committed(self, request: int, error: str) -> None:
        """The main process's answer; an error, or "" if all is well."""
        future = self._waiting.get(request)
        if future is None or future.done():
            return
        if error:
            future.set_exception(NotSaved(error))
        else:
            future.set_result(None)
