"""The main process's side of the nursery: keeps one running, and has it fork workers."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import sys

from pacs_monitor.endings import Ending
from pacs_monitor.nursery import FORK

log = logging.getLogger(__name__)

READY_WITHIN = 30.0
"""Seconds that the nursery has to import everything."""
FORKS_WITHIN = 5.0
"""Seconds that it has to fork a worker."""


class NurseryError(Exception):
    """No worker can be started; the message says why."""


class Births:
    """Starts workers, each in some milliseconds. If the nursery dies, another takes its place at once."""

    def __init__(self, level: int) -> None:
        """`level` is the workers' log level."""
        self._level = level
        self._loop = asyncio.get_running_loop()
        self._process: asyncio.subprocess.Process | None = None
        self._control: socket.socket | None = None
        self._one_at_a_time = asyncio.Lock()
        self._watching: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """The nursery's process id."""
        return self._process.pid if self._process else None

    async def open(self) -> None:
        """Start the nursery. Raises NurseryError."""
        async with self._one_at_a_time:
            await self._open()
        self._watching = self._loop.create_task(self._watch())

    async def fork(self, *descriptors: int) -> int:
        """A new worker's process id; it is handed the descriptors. Raises NurseryError."""
        async with self._one_at_a_time:
            for _ in range(2):
                with contextlib.suppress(OSError, ValueError):  # TimeoutError is an OSError
                    return int(await self._ask(FORK, *descriptors))
                log.error("the process that starts workers is gone; starting another")
                await self._open()
        raise NurseryError("no worker could be started: the process that forks them ends at once")

    async def ending(self, pid: int) -> Ending:
        """How a worker ended whose pipe is closed; not known if it goes on, or was forked by an earlier nursery."""
        async with self._one_at_a_time:
            try:
                return Ending(int(await self._ask(str(pid).encode())))
            except OSError:
                if self._control is not None:
                    self._control.close()  # an answer that comes late must not be taken for that to the next question
            except ValueError:
                pass
            return Ending()

    async def _ask(self, request: bytes, *descriptors: int) -> bytes:
        """The nursery's answer; empty if it is gone. Raises OSError."""
        if self._control is None:
            return b""
        socket.send_fds(self._control, [request], descriptors)
        return await asyncio.wait_for(self._loop.sock_recv(self._control, 64), FORKS_WITHIN)

    async def close(self) -> None:
        """End the nursery; its workers live on."""
        if self._watching is not None:
            self._watching.cancel()
        if self._control is not None:
            self._control.close()
        if self._process is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), 0.5)
            self._kill()
            # Reaped here: what is left to the garbage collector would complain of it.
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), 0.5)

    def _kill(self) -> None:
        """One that hangs does not see that nobody wants it any more."""
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    async def _watch(self) -> None:
        while self._process is not None:
            process = self._process
            await process.wait()
            async with self._one_at_a_time:
                if process is not self._process:
                    continue  # whoever wanted a worker was quicker
                log.error("the process that starts workers ended; starting another")
                try:
                    await self._open()
                except NurseryError as error:
                    log.error("%s", error)
                    await asyncio.sleep(1.0)

    async def _open(self) -> None:
        if self._control is not None:
            self._control.close()
        self._kill()
        try:
            ours, theirs = socket.socketpair()
        except OSError as error:
            raise NurseryError(f"the process that starts workers has no way to be asked: {error}") from None
        ours.setblocking(False)
        self._control = ours
        try:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "pacs_monitor.nursery",
                str(theirs.fileno()),
                str(self._level),
                pass_fds=[theirs.fileno()],
                stdin=asyncio.subprocess.DEVNULL,
            )
            theirs.close()  # or its end would not be seen
            ready = await asyncio.wait_for(self._loop.sock_recv(ours, 64), READY_WITHIN)
        except OSError as error:
            raise NurseryError(f"the process that starts workers does not come up: {error}") from None
        finally:
            theirs.close()
        if ready != b"ready\n":
            raise NurseryError("the process that starts workers does not come up; its log says why")
