"""Runs a program of somebody else's for a check: bounded in time and output, and killed with all that it started."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import threading
import time
from collections.abc import Sequence
from typing import NamedTuple

MOST_OUTPUT = 64 * 1024
"""So many bytes of what a program prints are kept; the rest is read and forgotten, so that it is not held up."""
_BURIED_WITHIN = 0.5
ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", "LANG": "C"}
"""All that a program gets: nothing of the agent's own, which may hold secrets. In C a decimal point is a point."""


class Ended(NamedTuple):
    """How a program ended."""

    code: int | None
    """Its exit status; that of a signal is negative. None if it was killed, since its time was over."""
    output: str


class Program:
    """One run of a program. `run` blocks: call it in a thread; `kill` from anywhere ends it at once."""

    def __init__(self, argv: Sequence[str]) -> None:
        self._argv = argv
        self._guard = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._killed = threading.Event()

    def run(self, until: float) -> Ended:
        """Run it until it ends, or until that moment of the monotonic clock. Raises OSError if it cannot be started."""
        process = self._start()
        if process is None:
            return Ended(None, "")
        code: int | None = None
        try:
            output, ended = _listen(process, until)
        finally:
            # Before it is waited for: until then its number, which is its group's, is nobody else's.
            self.kill()
            with self._guard:
                self._process = None
            with contextlib.suppress(subprocess.TimeoutExpired):  # it hangs in the kernel: the next start buries it
                code = process.wait(_BURIED_WITHIN)
            if process.stdout is not None:
                process.stdout.close()
        return Ended(code if ended else None, output.decode("utf-8", "replace"))

    def kill(self) -> None:
        """End it and its whole group; what is not started yet never is. Blocks for nothing."""
        with self._guard:
            self._killed.set()
            # One that has become another user is not ours to kill.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                if self._process is not None:
                    os.killpg(self._process.pid, signal.SIGKILL)

    def _start(self) -> subprocess.Popen[bytes] | None:
        if self._killed.is_set():
            return None
        # Without the guard: starting from a dead mount hangs, and who kills must not wait for that.
        process = subprocess.Popen(
            self._argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=ENVIRONMENT,
            cwd="/",
            start_new_session=True,
        )
        with self._guard:
            self._process = process
        if self._killed.is_set():
            self.kill()
        return process


def _listen(process: subprocess.Popen[bytes], until: float) -> tuple[bytes, bool]:
    """What it prints, and whether it ended in time. A child that it leaves behind may keep the pipe open: we do not."""
    pipe = process.stdout
    assert pipe is not None
    os.set_blocking(pipe.fileno(), False)
    kept = bytearray()
    ends = os.pidfd_open(process.pid)
    try:
        poll = select.poll()
        poll.register(ends, select.POLLIN)
        poll.register(pipe, select.POLLIN)
        while (left := until - time.monotonic()) > 0:
            ready = {descriptor for descriptor, _ in poll.poll(left * 1000)}
            if pipe.fileno() in ready and not _take(pipe.fileno(), kept):
                poll.unregister(pipe)
            elif ends in ready:
                # All that it printed itself lies in the pipe, which holds no more than 64 KiB or a little over.
                _take(pipe.fileno(), kept, 1 << 20)
                return bytes(kept), True
        return bytes(kept), False
    finally:
        os.close(ends)


def _take(descriptor: int, kept: bytearray, most: int = 65536) -> bool:
    """Take what is there; False once nothing can come any more."""
    try:
        data = os.read(descriptor, most)
    except BlockingIOError:
        return True
    kept += data[: max(0, MOST_OUTPUT - len(kept))]
    return bool(data)
