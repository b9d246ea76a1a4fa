"""What forecasts cost: 64 volumes of one check, 13 months of hours, and what is kept of them."""

from __future__ import annotations

import asyncio
import json
import random
import tempfile
import time
import tracemalloc
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.common import machine, table
from pacs_monitor.forecast import Room
from pacs_monitor.forecast.ledger import KEPT, Ledger
from pacs_monitor.forecast.outlook import outlook
from pacs_monitor.state import State

VOLUMES = [f"/volumes/archive{number:02}" for number in range(64)]
NOW = 1_790_000_000.0


class Memory:
    """A check's memory that stays in this process."""

    def __init__(self) -> None:
        self.kept: dict[str, Any] = {}

    def get(self, key: str, default: Any = None) -> Any:
        return self.kept.get(key, default)

    def items(self) -> list[tuple[str, Any]]:
        return list(self.kept.items())

    async def put(self, key: str, value: Any, *, keep: bool = False) -> None:
        self.kept[key] = value

    async def delete(self, key: str) -> None:
        self.kept.pop(key, None)


def rooms(hour: int, rng: random.Random) -> Mapping[str, Room]:
    """Volumes that fill up, with noise."""
    return {
        volume: Room(40e12 - number * 1e10 - hour * 1.5e9 * rng.uniform(0.99, 1.01), 50e12)
        for number, volume in enumerate(VOLUMES)
    }


async def filled() -> Memory:
    """A memory as it is after 13 months."""
    memory, rng = Memory(), random.Random(1)
    ledger = Ledger(memory)
    for hour in range(KEPT * 24):
        await ledger.note(NOW - 3600 * (KEPT * 24 - hour), rooms(hour, rng))
    return memory


async def on_disk(memory: Memory) -> int:
    """Bytes that the state file grows by."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "state.db"
        state = State(path, "main")
        for key, value in memory.items():
            await state.run(state.remember(("", "disk"), key, json.dumps(value), False))
        state.close()
        return path.stat().st_size


async def main() -> None:
    """Print the table."""
    memory = await filled()
    tracemalloc.start()
    ledger = await Ledger.read(memory)
    await ledger.note(NOW, rooms(KEPT * 24, random.Random(2)))
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    began = time.perf_counter()
    await Ledger.read(memory)
    reading = time.perf_counter() - began
    each = []
    for volume in VOLUMES:
        began = time.perf_counter()
        outlook(ledger.days(volume, NOW), ledger.recent(volume, NOW), ledger.size(volume, NOW), NOW)
        each.append(time.perf_counter() - began)
    text = sum(len(key) + len(json.dumps(value)) for key, value in memory.items())
    rows = [
        ("forecasts of all, once an hour", f"{1000 * sum(each):.0f} ms"),
        ("the longest of them, which holds the loop", f"{1000 * max(each):.1f} ms"),
        ("reading the memory at the start", f"{1000 * reading:.0f} ms"),
        ("text in the memory", f"{text / 1e6:.2f} MB"),
        ("of one volume and a year", f"{text / len(VOLUMES) * 365 / KEPT / 1e3:.0f} kB"),
        ("in the state file", f"{await on_disk(memory) / 1e6:.2f} MB"),
        ("held to reckon with", f"{held / 1e6:.1f} MB"),
    ]
    print(machine())
    print(table("64 volumes, 13 months of hours", ("", ""), rows))


if __name__ == "__main__":
    asyncio.run(main())
