"""The peer of the fleet: blackbox_exporter, asked for one TCP probe after the other at a steady rate.

It only connects, where the agent also talks DICOM, keeps results and answers scrapes; and who asks it (Prometheus,
here this process) is not counted.
"""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.common import program
from tests.peers.ports import free_port
from tests.peers.process import ServerProcess

NAME = "prometheus-blackbox-exporter"
ASKERS = 8
MODULE = {"modules": {"tcp": {"prober": "tcp", "timeout": "5s", "tcp": {"preferred_ip_protocol": "ip4"}}}}


@dataclass(frozen=True)
class Asked:
    """What it took."""

    probes: int
    cpu_percent: float
    """Of one core."""
    rss: int
    """Bytes."""


def probe_all(folder: Path, targets: Sequence[str], rate: float, seconds: float) -> Asked | None:
    """Have host:port targets probed in turn, so many a second. None if it is not installed."""
    executable = program(NAME)
    if executable is None:
        return None
    port = free_port()
    file = folder / "blackbox.yml"
    file.write_text(json.dumps(MODULE))  # JSON is YAML
    argv = [executable, f"--config.file={file}", f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"]
    with ServerProcess(argv, folder / "blackbox.log", ports=[port]) as server:
        process = psutil.Process(server.pid)
        _ask(port, targets, rate, 1.0)
        before, began = process.cpu_times(), time.perf_counter()
        probes = _ask(port, targets, rate, seconds)
        after, took = process.cpu_times(), time.perf_counter() - began
        spent = after.user + after.system - before.user - before.system
        return Asked(probes, spent / took * 100, process.memory_info().rss)


def _ask(port: int, targets: Sequence[str], rate: float, seconds: float) -> int:
    local, first = threading.local(), time.perf_counter()

    def one(number: int) -> bool:
        if not hasattr(local, "connection"):
            local.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        time.sleep(max(0.0, first + number / rate - time.perf_counter()))
        local.connection.request("GET", f"/probe?module=tcp&target={targets[number % len(targets)]}")
        answer = local.connection.getresponse()
        return b"probe_success" in answer.read()

    with ThreadPoolExecutor(ASKERS) as pool:
        return sum(pool.map(one, range(round(rate * seconds))))
