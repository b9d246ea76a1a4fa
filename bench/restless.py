"""A worker that never waits for a schedule: `python -m bench.restless FD LOOP NODES COUNT IN_FLIGHT`.

Runs each check once, then so many more, always so many at a time; prints the CPU that one of these took.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
import time
from typing import Any

from bench.prober import LOOPS
from pacs_monitor.runner import Runner
from pacs_monitor.worker import Order, Worker


class Restless(Worker):
    """The agent's worker, whose next check is due when one has given its result."""

    def __init__(self, nodes: int, count: int, in_flight: int) -> None:
        super().__init__()
        self._nodes = nodes
        self._count = count
        self._in_flight = in_flight
        self._numbers: list[int] = []
        self._started = 0
        self._delivered = 0
        self._cpu = 0.0

    def _load(self, order: Order) -> None:
        super()._load(order)
        self._numbers.append(order.number)
        if len(self._numbers) == self._nodes:
            for _ in range(min(self._in_flight, self._nodes)):
                self._loop.call_soon(self._next)

    def _next(self) -> None:
        if self._started < self._nodes + self._count:
            number = self._numbers[self._started % self._nodes]
            self._started += 1
            self._due(number, self._loop.time(), asked=True)

    def _deliver(self, runner: Runner, *result: Any) -> None:
        super()._deliver(runner, *result)
        self._loop.call_soon(self._next)  # not before the run has ended
        self._delivered += 1
        if self._delivered == self._nodes:
            self._cpu = time.process_time()
        elif self._delivered == self._nodes + self._count:
            print(json.dumps({"cpu_us": (time.process_time() - self._cpu) / self._count * 1e6}), flush=True)


async def serve(sock: socket.socket, nodes: int, count: int, in_flight: int) -> None:
    """Work until the main process says stop."""
    sock.setblocking(False)
    loop = asyncio.get_running_loop()
    transport, worker = await loop.create_connection(lambda: Restless(nodes, count, in_flight), sock=sock)
    await worker.stopped
    transport.close()
    await asyncio.sleep(0)


if __name__ == "__main__":
    fd, loop_name, *numbers = sys.argv[1:]
    with asyncio.Runner(loop_factory=LOOPS[loop_name]) as runner:
        runner.run(serve(socket.socket(fileno=int(fd)), *map(int, numbers)))
