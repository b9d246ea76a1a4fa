"""Measures `pacs_monitor.dicom.echo` in a process of its own; `bench/echo.py` calls it."""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

from bench.common import raise_file_limit
from bench.node import CALLED, CALLING, host
from pacs_monitor.dicom.conversation import Outcome, Script
from pacs_monitor.dicom.echo import Address, echo
from pacs_monitor.loops import new_event_loop

NODES = 2_000
LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.new_event_loop,
    "uvloop": new_event_loop,
}


class Fleet:
    """Many nodes, which are one SCP by many addresses; each has its own script, as in the agent."""

    def __init__(self, port: int) -> None:
        self._nodes: list[tuple[Script, list[Address]]] = []
        for number in range(NODES):
            place = f"{host(number)}:{port}"
            script = Script.write(node=f"node-{number}", place=place, called=CALLED, calling=CALLING)
            self._nodes.append((script, [(socket.AF_INET, (host(number), port))]))
        self._next = 0

    async def echo(self) -> Outcome:
        """Ask the next one."""
        script, addresses = self._nodes[self._next % NODES]
        self._next += 1
        return await echo(script, addresses, asyncio.get_running_loop().time() + 10)


async def in_flight(fleet: Fleet, count: int, most: int) -> int:
    """So many echoes, always so many of them at once. How many succeeded."""
    left = iter(range(count))

    async def ask(left: Iterator[int]) -> int:
        succeeded = 0
        for _ in left:
            outcome = await fleet.echo()
            succeeded += outcome.failure is None
        return succeeded

    return sum(await asyncio.gather(*(ask(left) for _ in range(min(most, count)))))


async def at_rate(fleet: Fleet, count: int, rate: float) -> list[float]:
    """So many echoes, each started at its time however the others fare. The latencies that were reported."""
    loop, tasks, begun = asyncio.get_running_loop(), [], asyncio.Event()

    def start() -> None:
        tasks.append(loop.create_task(fleet.echo()))
        if len(tasks) == count:
            begun.set()

    first = loop.time() + 0.1
    for number in range(count):
        loop.call_at(first + number / rate, start)
    await begun.wait()
    outcomes = await asyncio.gather(*tasks)
    return [outcome.phases["dimse"] for outcome in outcomes if outcome.failure is None]


async def main(asked: argparse.Namespace) -> dict[str, Any]:
    fleet = Fleet(asked.port)
    await in_flight(fleet, min(asked.count, NODES), 100)
    gc.collect()
    gc.freeze()  # as a worker does once it has loaded
    cpu, wall, errors = time.process_time(), time.perf_counter(), []
    if asked.rate:
        latencies = await at_rate(fleet, asked.count, asked.rate)
        succeeded, errors = len(latencies), [seconds - asked.thinks for seconds in latencies]
    else:
        succeeded = await in_flight(fleet, asked.count, asked.in_flight)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return {
        "succeeded": succeeded,
        "cpu_us": cpu / asked.count * 1e6,
        "per_second": succeeded / wall,
        "errors": errors,
    }


def arguments(description: str | None) -> argparse.ArgumentParser:
    """What every client of the bench is told."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("port", type=int)
    parser.add_argument("count", type=int)
    parser.add_argument("in_flight", type=int)
    parser.add_argument("--rate", type=float, help="echoes a second, started at their times: an open loop")
    parser.add_argument("--thinks", type=float, default=0.0, help="seconds that the node takes")
    return parser


if __name__ == "__main__":
    raise_file_limit()
    parser = arguments(__doc__)
    parser.add_argument("--loop", choices=LOOPS, default="asyncio")
    asked = parser.parse_args()
    with asyncio.Runner(loop_factory=LOOPS[asked.loop]) as runner:
        print(json.dumps(runner.run(main(asked))))
