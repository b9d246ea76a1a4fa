"""Measures whole runs, both ends of the pipe; `bench/echo.py` calls it.

The main process is this one: the agent's own `Workers`, `Results` and `Confirmation`. Its worker is the agent's
own, too, but it is started directly, by a given loop, and starts a check as soon as another has ended.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.common import python, raise_file_limit
from bench.configuration import Device, write_configuration
from bench.node import host
from bench.prober import LOOPS, NODES, arguments
from pacs_monitor import config
from pacs_monitor import workers as workers_module
from pacs_monitor.births import Births
from pacs_monitor.confirm import Confirmation
from pacs_monitor.results import Record, Results
from pacs_monitor.telemetry import Lateness
from pacs_monitor.workers import Workers


class OneWorker(Births):
    """Starts the only worker directly, without a nursery."""

    def __init__(self, *words: object) -> None:
        super().__init__(logging.ERROR)
        self._words = words
        self._started = 0
        self.process: asyncio.subprocess.Process

    async def open(self) -> None:
        pass

    async def fork(self, *descriptors: int) -> int:
        self._started += 1
        if self._started > 1:
            sys.exit("the worker was replaced while it was measured")
        self.process = await asyncio.create_subprocess_exec(
            *python("bench.restless", descriptors[0], *self._words),
            pass_fds=descriptors[:1],
            stdout=asyncio.subprocess.PIPE,
        )
        return self.process.pid


class Count:
    """Counts results: first each check's first one, then those that are measured."""

    def __init__(self, warm_up: int, count: int) -> None:
        self._marks = {warm_up, warm_up + count}
        self._warm_up = warm_up
        self._taken = 0
        self.succeeded = 0
        self.marks: list[tuple[float, float]] = []
        """CPU and wall time after the warm-up and at the end."""
        self.done = asyncio.Event()

    def __call__(self, record: Record) -> None:
        self._taken += 1
        self.succeeded += self._taken > self._warm_up and bool(record.up)
        if self._taken in self._marks:
            self._mark()

    def _mark(self) -> None:
        if not self.marks:
            gc.collect()
            gc.freeze()
        self.marks.append((time.process_time(), time.perf_counter()))
        if len(self.marks) == 2:
            self.done.set()


async def main(port: int, count: int, in_flight: int, loop: str) -> dict[str, Any]:
    nodes = min(NODES, count)
    with tempfile.TemporaryDirectory() as folder:
        devices = [Device(f"node-{number}", host(number), port) for number in range(nodes)]
        configuration = config.load(write_configuration(Path(folder), devices, "15s"))
    results = Results()
    confirmation = Confirmation(results, None)
    counted = Count(nodes, count)
    results.listeners.append(counted)
    worker = OneWorker(loop, nodes, count, in_flight)
    workers = Workers(results, None, scheduled=False, births=worker)
    workers.lateness = Lateness()
    workers_module.HANGS_AFTER = 60.0  # a busy machine is measured, too
    await workers.start(1)
    results.configure(configuration.checks, configuration.nodes, configuration.agent.site)
    confirmation.configure()
    workers.order(list(results))
    await asyncio.wait_for(counted.done.wait(), 120)
    assert worker.process.stdout is not None
    told = json.loads(await worker.process.stdout.readline())
    await workers.stop(5)
    await worker.process.wait()
    (cpu, wall), (cpu_end, wall_end) = counted.marks
    main_us = (cpu_end - cpu) / count * 1e6
    return {
        "succeeded": counted.succeeded,
        "cpu_us": main_us + told["cpu_us"],
        "main_us": main_us,
        "worker_us": told["cpu_us"],
        "per_second": counted.succeeded / (wall_end - wall),
    }


if __name__ == "__main__":
    raise_file_limit()
    parser = arguments(__doc__)
    parser.add_argument("--loop", choices=LOOPS, default="asyncio")
    asked = parser.parse_args()
    with asyncio.Runner(loop_factory=LOOPS[asked.loop]) as runner:
        print(json.dumps(runner.run(main(asked.port, asked.count, asked.in_flight, asked.loop))))
