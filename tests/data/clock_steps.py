"""Runs a scheduler and prints each start: `python clock_steps.py asyncio|uvloop SECONDS`, under libfaketime.

Each line: the check, its due time and the time of its start (CLOCK_MONOTONIC), and the wall clock.
"""

import asyncio
import sys
import time

import uvloop

from pacs_monitor.scheduler import Scheduler


async def main(seconds: float) -> None:
    def start(number: int, due: float) -> None:
        print(number, due, time.monotonic(), time.time(), flush=True)

    scheduler = Scheduler(start)
    scheduler.run()
    for number in range(10):
        scheduler.add(number, f"check-{number}", (0.4, 0.7)[number % 2] * seconds / 5)
    await asyncio.sleep(seconds)
    print("steps", scheduler.steps, scheduler.missed_rounds, scheduler.rearmed, flush=True)
    scheduler.stop()


if __name__ == "__main__":
    factory = uvloop.new_event_loop if sys.argv[1] == "uvloop" else None
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(main(float(sys.argv[2])))
