"""C-ECHO: what one costs beside other clients, and how true the reported latency is.

Each row is a process of its own against one SCP in C that costs next to nothing and is not counted. Repetitions
are interleaved, ratios are taken within a repetition, and the median is shown.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.common import (
    Goal,
    compile_yardsticks,
    figure,
    goals_data,
    goals_table,
    load,
    machine,
    measure,
    middle,
    program,
    progress,
    python,
    raise_file_limit,
    table,
)
from bench.echoscu_processes import PARALLEL, measure_echoscu
from bench.node import Scp
from bench.rows import Row, data, error, find, ratio

THINKS = 0.010
"""Seconds that the node of the second table takes for an answer."""
RATE, PYNETDICOM_RATE = 667, 133
LIMIT = "C, epoll, nothing decoded"


@dataclass(frozen=True)
class Size:
    """How much is measured: echoes for each row, seconds of the second table, repetitions."""

    limit: int = 20_000
    ours: int = 5_000
    pynetdicom: int = 400
    pynetdicom_one: int = 100
    echoscu: int = 80
    seconds: float = 5.0
    repetitions: int = 3


QUICK = Size(300, 300, 24, 8, 8, 0.6, 1)


def loops() -> list[str]:
    """The event loops that are installed."""
    return ["asyncio", "uvloop"] if importlib.util.find_spec("uvloop") else ["asyncio"]


def cost_rows(size: Size, port: int, folder: Path, built: dict[str, Path]) -> Iterator[Row]:
    """The rows of the first table."""

    def row(name: str, count: int, *command: str | Path) -> Row:
        return Row(name, lambda: measure(command), count)

    if "loop" in built:
        for most in (100, 1_000):
            words = [str(folder), str(port), str(size.limit), str(most)]
            yield row(f"{LIMIT}: {most:,} in flight", size.limit, built["loop"], *words)
    for loop in loops():
        for most in (1, 100, 1_000):
            command = python("bench.prober", port, size.ours, most, "--loop", loop)
            yield row(f"prober, {loop}: {most:,} in flight", size.ours, *command)
    for loop in loops():
        command = python("bench.whole", port, size.ours, 100, "--loop", loop)
        yield row(f"whole run, {loop}: 100 in flight", size.ours, *command)
    for threads in (1, 10, 50):
        count = size.pynetdicom_one if threads == 1 else size.pynetdicom
        name = f"pynetdicom, AE.associate: {threads} {'thread' if threads == 1 else 'threads'}"
        yield row(name, count, *python("bench.pynetdicom_threads", port, count, threads))
    if echoscu := program("echoscu"):
        name = f"echoscu, a process each: {PARALLEL} at a time"
        yield Row(name, lambda: measure_echoscu(echoscu, port, size.echoscu), size.echoscu)


def truth_rows(size: Size, port: int) -> Iterator[Row]:
    """The rows of the second table."""

    def row(name: str, rate: int, client: str, in_flight: int, *words: str) -> Row:
        count = round(rate * size.seconds)
        command = python(client, port, count, in_flight, "--rate", rate, "--thinks", THINKS, *words)
        return Row(f"{name}: {rate} a second", lambda: measure(command), count)

    for loop in loops():
        yield row(f"prober, {loop}", RATE, "bench.prober", 1, "--loop", loop)
    yield row("pynetdicom, 50 threads", PYNETDICOM_RATE, "bench.pynetdicom_threads", 50)


def goals(costs: list[Row], truths: list[Row]) -> list[Goal]:
    """The goals of this project, and what was measured."""
    limit = find(costs, f"{LIMIT}: 100")
    found = []
    for loop, most in (("asyncio", 5.0), ("uvloop", 3.5)):
        prober, whole = find(costs, f"prober, {loop}: 100"), find(costs, f"whole run, {loop}")
        threads, reported = find(costs, "pynetdicom, AE.associate: 50"), find(truths, f"prober, {loop}")
        what = f"CPU of the prober, {loop}, beside the C loop, 100 in flight"
        found.append(Goal(what, ratio(prober, limit), most, "x"))
        found.append(Goal(f"CPU of a whole run, {loop}, beside the prober", ratio(whole, prober), 1.8, "x"))
        what = f"CPU of pynetdicom's 50 threads beside the prober, {loop}"
        found.append(Goal(what, ratio(threads, prober), 20, "x", at_least=True))
        for share, limit_ms in ((0.5, 0.1), (0.99, 0.5)):
            what = f"error of the reported latency, {loop}, p{share * 100:g} at {RATE}/s"
            found.append(Goal(what, error(reported, share), limit_ms, " ms"))
    return found


def cost_table(rows: list[Row]) -> str:
    """The first table."""
    limit = find(rows, f"{LIMIT}: 100")
    cells = [
        [
            row.name,
            figure(middle(row.values("cpu_us"))),
            figure(ratio(row, limit)),
            figure(middle(row.values("per_second"))),
            f"{row.succeeded} of {row.count}",
        ]
        for row in rows
    ]
    return table(
        "What a C-ECHO costs: user and system time of all processes of the client",
        ["client", "µs each", "x C", "a second", "succeeded"],
        cells,
    )


def parts(rows: list[Row]) -> str:
    """How a whole run's CPU is shared between its processes."""
    lines = [
        f"{row.name}: worker {figure(middle(row.values('worker_us')))} µs, "
        f"main process {figure(middle(row.values('main_us')))} µs"
        for row in rows
        if row.name.startswith("whole run")
    ]
    return "\n" + "\n".join(lines)


def truth_table(rows: list[Row]) -> str:
    """The second table."""
    cells = [
        [
            row.name,
            figure(error(row, 0.5)),
            figure(error(row, 0.99)),
            figure(middle(row.values("cpu_us"))),
            f"{row.succeeded} of {row.count}",
        ]
        for row in rows
    ]
    title = f"How far the reported latency is off, for a node that takes exactly {THINKS * 1e3:g} ms"
    return table(title, ["client", "p50 ms", "p99 ms", "µs each", "succeeded"], cells)


def lateness(said: dict[str, Any]) -> str:
    """What the node said of itself: it shares the machine with its clients."""
    if "late_p50_us" not in said:
        return "The node was one in Python, and its own lateness, which is not known, is part of this."
    p50, p99 = (said[f"late_{share}_us"] / 1e3 for share in ("p50", "p99"))
    return f"Of this the node itself was late by {p50:.3g} ms (p50), {p99:.3g} ms (p99)."


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="a few hundred echoes: whether it works, not how fast")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    asked = parser.parse_args()
    size = QUICK if asked.quick else Size()
    raise_file_limit()
    busy = load()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        built = compile_yardsticks(folder)
        with Scp(folder, built, (0.0, THINKS)) as scp:
            costs = list(cost_rows(size, scp.port(0.0), folder, built))
            truths = list(truth_rows(size, scp.port(THINKS)))
            for _ in range(size.repetitions):
                for row in (*costs, *truths):
                    row.repeat()
    progress("")
    found = goals(costs, truths)
    if asked.json:
        told = {"machine": machine(), "scp": scp.ended, "cost": data(costs), "truth": data(truths)}
        print(json.dumps({**told, "goals": goals_data(found)}, indent=2))
    else:
        print(machine(), busy, sep="\n")
        print(cost_table(costs), parts(costs), truth_table(truths), sep="\n")
        print(f"\n{lateness(scp.ended)}")
        print(goals_table(found))
    return 0 if all(row.succeeded for row in (*costs, *truths)) else 1


if __name__ == "__main__":
    sys.exit(main())
