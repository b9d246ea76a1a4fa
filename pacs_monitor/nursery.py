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


def serve(control: socket.socket) -> None:
    """Fork a worker for each socket and board that come, answer with its process id; until the main process is gone."""
    from pacs_monitor import worker_process

    gc.collect()
    gc.freeze()
    control.sendall(b"ready\n")
    while True:
        data, descriptors, _, _ = socket.recv_fds(control, 1, 2)
        if not data:
            return
        pid = os.fork()
        if pid == 0:
            control.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            worker_process.main(socket.socket(fileno=descriptors[0]), descriptors[1])
        for descriptor in descriptors:
            os.close(descriptor)
        control.sendall(f"{pid}\n".encode())


def main() -> None:
    """`python -m pacs_monitor.nursery FD LEVEL`, started by the main process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel buries the workers
    logging.basicConfig(level=int(sys.argv[2]), format="%(asctime)s %(levelname)s worker: %(message)s")
    for noisy in ("apscheduler", "pynetdicom", "pydicom"):
        logging.getLogger(noisy).setLevel(logging.CRITICAL)
    with contextlib.suppress(OSError):
        serve(socket.socket(fileno=int(sys.argv[1])))
    os._exit(0)


if __name__ == "__main__":
    main()
