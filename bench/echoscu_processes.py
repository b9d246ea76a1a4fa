"""Measures DCMTK's echoscu, a process for each C-ECHO; `bench/echo.py` calls it."""

from __future__ import annotations

import resource
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from bench.node import CALLED, CALLING, host

PARALLEL = 4


def measure_echoscu(echoscu: str, port: int, count: int) -> dict[str, Any]:
    """Run echoscu so many times."""

    def ask(number: int) -> bool:
        command = [echoscu, "-to", "10", "-aet", CALLING, "-aec", CALLED, host(number), str(port)]
        return subprocess.run(command, stderr=subprocess.DEVNULL, check=False).returncode == 0

    def cpu() -> float:
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime

    before, wall = cpu(), time.perf_counter()
    with ThreadPoolExecutor(PARALLEL) as pool:
        succeeded = sum(pool.map(ask, range(count)))
    spent, wall = cpu() - before, time.perf_counter() - wall
    return {"succeeded": succeeded, "cpu_us": spent / count * 1e6, "per_second": succeeded / wall}
