"""The life of a probing process: forked by the nursery, it ends when the main process says so or is gone."""

from __future__ import annotations

import asyncio
import logging
import os
import select
import signal
import socket
import threading
import time

# Not used here, but by the checks: what the nursery has imported, every worker has at once and shares.
import pynetdicom  # noqa: F401

from pacs_monitor import marks
from pacs_monitor.loops import new_event_loop
from pacs_monitor.worker import RELEASE_WITHIN, Worker

__all__ = ["main", "new_event_loop", "serve"]

log = logging.getLogger(__name__)


async def serve(sock: socket.socket) -> None:
    """Work for the main process at the other end of the socket until it says stop or is gone."""
    sock.setblocking(False)
    transport, worker = await asyncio.get_running_loop().create_connection(Worker, sock=sock)
    await worker.stopped
    transport.close()
    await asyncio.sleep(0)


def main(sock: socket.socket, board: int) -> None:
    """The life of a worker. Does not return: threads that hang must not keep the process."""
    # Ctrl-C and a service manager reach the whole group; the main process tells us when and how to stop.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    status = 0
    try:
        marks.use(board)
        threading.Thread(target=_end_with, args=(os.dup(sock.fileno()),), name="orphan", daemon=True).start()
        asyncio.Runner(loop_factory=new_event_loop).run(serve(sock))
    except BaseException as error:  # the last words of a process that ends by _exit
        log.error("worker ends: %s", type(error).__name__, exc_info=not isinstance(error, OSError))
        status = 1
    finally:
        logging.shutdown()
        os._exit(status)


def _end_with(pipe: int) -> None:
    """End though a check holds the loop, once the main process is gone: nobody else would."""
    poll = select.poll()
    poll.register(pipe, 0)  # a hang-up is always told
    poll.poll()
    time.sleep(RELEASE_WITHIN + 0.2)
    os._exit(1)
