"""Forks workers that are ready at once.

Importing what a worker needs takes a third of a second or more; a crashed worker must be replaced within one. So
a process of one thread imports everything, and forks a worker for each socket that it is handed. What it has
imported is shared memory, which keeps a second worker small.
"""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import signal
import socket
import sys
import time
from types import FrameType

FORK = b"fork"
"""The request for a worker, with its socket and board; any other is the process id of one that has ended."""
_ENDS_WITHIN = 0.1
"""Seconds from the end of a worker's pipe to its own end; it takes some milliseconds to give its memory back."""
_MOST_REMEMBERED = 256

_statuses: dict[int, int] = {}
"""Exit statuses of workers that have ended, until somebody asks."""


def serve(control: socket.socket) -> None:
    """Fork a worker for each socket and board that come, answer with its process id; until the main process is gone.

    Asked for a process id, answer with its exit status as `subprocess` has it, or "?" if it runs or is not known.
    """
    from pacs_monitor import worker_process

    gc.collect()
    gc.freeze()
    control.sendall(b"ready\n")
    while True:
        request, descriptors, _, _ = socket.recv_fds(control, 64, 2)
        if not request:
            return
        if request != FORK:
            control.sendall(f"{_status_of(int(request))}\n".encode())
            continue
        pid = os.fork()
        if pid == 0:
            control.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            worker_process.main(socket.socket(fileno=descriptors[0]), descriptors[1])
        for descriptor in descriptors:
            os.close(descriptor)
        control.sendall(f"{pid}\n".encode())


def _status_of(pid: int) -> int | str:
    until = time.monotonic() + _ENDS_WITHIN
    while pid not in _statuses and time.monotonic() < until:
        time.sleep(0.002)
    return _statuses.pop(pid, "?")


def _bury(number: int, frame: FrameType | None) -> None:
    """Take down how workers ended, and let the kernel forget them."""
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            _statuses[pid] = os.waitstatus_to_exitcode(status)
            if len(_statuses) > _MOST_REMEMBERED:
                del _statuses[next(iter(_statuses))]


def main() -> None:
    """`python -m pacs_monitor.nursery FD LEVEL`, started by the main process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, _bury)
    logging.basicConfig(level=int(sys.argv[2]), format="%(asctime)s %(levelname)s worker: %(message)s")
    for noisy in ("apscheduler", "pynetdicom", "pydicom"):
        logging.getLogger(noisy).setLevel(logging.CRITICAL)
    with contextlib.suppress(OSError):
        serve(socket.socket(fileno=int(sys.argv[1])))
    os._exit(0)


if __name__ == "__main__":
    main()
