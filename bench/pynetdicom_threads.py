"""Measures pynetdicom's own client in a process of its own, as its manual shows it; `bench/echo.py` calls it."""

from __future__ import annotations

import gc
import json
import logging
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

from pynetdicom import AE
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]

from bench.common import raise_file_limit
from bench.node import CALLED, CALLING, host
from bench.prober import NODES, arguments

logging.getLogger("pynetdicom").setLevel(logging.CRITICAL)


def associate(address: str, port: int, called: str = CALLED) -> tuple[float, float] | None:
    """Seconds of the C-ECHO and of the whole association; None if it failed."""
    ae = AE(ae_title=CALLING)
    ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = ae.connection_timeout = 10
    ae.add_requested_context(Verification)
    began = time.perf_counter()
    assoc = ae.associate(address, port, ae_title=called)
    if not assoc.is_established:
        return None
    asked = time.perf_counter()
    status = assoc.send_c_echo()
    answered = time.perf_counter()
    assoc.release()
    if not status or status.Status != 0:
        return None
    return answered - asked, time.perf_counter() - began


def due_times(first: float, rate: float | None) -> Iterator[float]:
    """When each echo is to be started; at once without a rate."""
    number = 0
    while True:
        yield first + number / rate if rate else first
        number += 1


def main() -> None:
    asked = arguments(__doc__).parse_args()
    hosts = (host(number % NODES) for number in range(1 << 30))

    def ask(address: str, due: float) -> float | None:
        time.sleep(max(0.0, due - time.perf_counter()))
        seconds = associate(address, asked.port)
        return seconds and seconds[0]

    def run(count: int, rate: float | None) -> list[float]:
        with ThreadPoolExecutor(asked.in_flight) as pool:
            given = pool.map(ask, islice(hosts, count), due_times(time.perf_counter() + 0.1, rate))
            return [seconds for seconds in given if seconds is not None]

    run(min(asked.count, asked.in_flight), None)
    gc.collect()
    gc.freeze()  # as the prober does, for fairness
    cpu, wall = time.process_time(), time.perf_counter()
    latencies = run(asked.count, asked.rate)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    errors = [seconds - asked.thinks for seconds in latencies] if asked.rate else []
    told = {"cpu_us": cpu / asked.count * 1e6, "per_second": len(latencies) / wall, "errors": errors}
    print(json.dumps({"succeeded": len(latencies), **told}))


if __name__ == "__main__":
    raise_file_limit()
    main()
