"""A main process with workers, to be stopped or killed: `python -m tests.data.main_process FOLDER`.

Prints a line of JSON each 50 ms: process ids, replaced workers, runs. With FOLDER/block a check blocks a worker.
"""

import asyncio
import json
import logging
import sys
from pathlib import Path

from pacs_monitor.loops import new_event_loop
from pacs_monitor.workers import HANGS_AFTER
from tests.running import engine, name_at, odd


async def main(folder: Path) -> None:
    logging.basicConfig(level=logging.WARNING)
    async with engine(folder, count=2, hangs_after=HANGS_AFTER) as running:
        running.apply(
            odd("steady", name_at(0, "steady"), interval=0.2),
            odd("steady", name_at(1, "steady"), interval=0.2),
            odd("remembers", name_at(0, "remembers"), interval=0.2, told=folder / "told"),
            odd("takes_down", name_at(1, "blocks"), interval=0.2, how="block", trigger=folder / "block"),
        )
        while True:
            runs = min(running.record(name_at(place, "steady")).runs for place in (0, 1))
            line = {"pids": running.workers.pids, "restarts": running.workers.counters.restarts, "runs": runs}
            print(json.dumps(line), flush=True)
            await asyncio.sleep(0.05)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(main(Path(sys.argv[1])))
