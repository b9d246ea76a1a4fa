"""Writes to a state file until it is killed, and prints what is committed: `python many_writes.py FILE`."""

import asyncio
import sys
from pathlib import Path

from pacs_monitor.state import State


async def main(path: Path) -> None:
    state = State(path, "test")
    for number in range(1_000_000):
        # What is not awaited shares a transaction with what is.
        for other in range(20):
            state.submit(state.save_fact(f"fact {other}", str(number)))
        await state.run(state.remember(("n", "c"), f"key {number}", f'"{number}"', False))
        print(number, flush=True)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
