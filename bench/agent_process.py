"""The real agent as a process, seen from outside: its scrapes, its CPU, its memory."""

from __future__ import annotations

import gzip
import http.client
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from bench.common import ROOT, python

STARTS_WITHIN = 60.0
ENDS_WITHIN = 10.0


@dataclass(frozen=True)
class Scrape:
    """One answer of /metrics."""

    at: float
    """On the monotonic clock."""
    seconds: float
    """From request to the last byte."""
    compressed: bytes

    @cached_property
    def text(self) -> str:
        """The page."""
        return gzip.decompress(self.compressed).decode()

    def values(self, pattern: str) -> Iterator[re.Match[str]]:
        """The lines that match from their beginning to their end."""
        return re.finditer(rf"^{pattern}$", self.text, re.MULTILINE)

    def total(self, pattern: str) -> float:
        """The sum of the values of all lines that begin so; 0 if there is none."""
        return sum(float(found[1]) for found in self.values(rf"{pattern} (\S+)"))


class AgentProcess:
    """`pacs-monitor run` with a configuration, from `with` to its end. It is there once it is ready."""

    def __init__(self, configuration: Path, port: int, level: str = "error") -> None:
        """`level` is that of its log, which stands beside the configuration."""
        self._command = python("pacs_monitor", "run", "--config", configuration, "--log-level", level)
        self._log = configuration.with_suffix(".log")
        self._port = port

    def __enter__(self) -> Self:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                self._command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
            )
        until = time.monotonic() + STARTS_WITHIN
        while not self._is_ready():
            if self._process.poll() is not None or time.monotonic() > until:
                self._end()
                raise RuntimeError(f"the agent did not start:\n{self.said()}")
            time.sleep(0.1)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    @property
    def pid(self) -> int:
        """Of the main process."""
        return self._process.pid

    def stop(self) -> None:
        """End it before its block does."""
        self._end()

    def scrape(self) -> Scrape:
        """Scrape as Prometheus does, compressed."""
        began = time.monotonic()
        status, page = self._get("/metrics", {"Accept-Encoding": "gzip"})
        if status != 200:
            raise RuntimeError(f"/metrics answered {status}")
        return Scrape(began, time.monotonic() - began, page)

    def cpu(self) -> float:
        """Seconds of user and system time of all its processes so far."""
        times = [process.cpu_times() for process in self._all()]
        return sum(one.user + one.system for one in times)

    def memory(self) -> tuple[int, int]:
        """Bytes of all its processes: RSS, which counts what they share in each of them, and PSS, which does not."""
        full = [process.memory_full_info() for process in self._all()]
        return sum(one.rss for one in full), sum(one.pss for one in full)

    def said(self) -> str:
        """The end of its log."""
        return self._log.read_text(errors="replace")[-2000:]

    def _all(self) -> list[psutil.Process]:
        first = psutil.Process(self._process.pid)
        return [first, *first.children(recursive=True)]

    def _is_ready(self) -> bool:
        try:
            return self._get("/-/ready", {})[0] == 200
        except OSError:
            return False

    def _get(self, path: str, headers: dict[str, str]) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)
        try:
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def _end(self) -> None:
        if self._process.poll() is not None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(ENDS_WITHIN)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
