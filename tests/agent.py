"""A whole agent as a process, as an administrator runs it."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.peers.ports import free_port
from tests.peers.process import ServerProcess


class RunningAgent:
    """An agent on a free port, with its configuration, its log and its pages."""

    def __init__(self, folder: Path, port: int, process: ServerProcess, config: Path) -> None:
        self.folder = folder
        self.url = f"http://127.0.0.1:{port}"
        self.process = process
        self.config = config

    def get(self, path: str, **options: Any) -> httpx.Response:
        """GET a page."""
        return httpx.get(self.url + path, timeout=60, **options)

    def metrics(self) -> dict[str, float]:
        """All series of /metrics by their text."""
        lines = self.get("/metrics").text.splitlines()
        return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if line[:1] not in ("#", "")}

    def value(self, name: str, **labels: str) -> float | None:
        """The value of the one series of this name with these labels; None if there is none."""
        wanted = [f'{label}="{value}"' for label, value in labels.items()]
        for series, value in self.metrics().items():
            if series.partition("{")[0] == name and all(part in series for part in wanted):
                return value
        return None

    def wait_for(self, condition: Callable[[], Any], patience: float = 60.0) -> Any:
        """What the condition gives once it is true. AssertionError, with the log, after `patience` seconds."""
        until = time.monotonic() + patience
        while time.monotonic() < until:
            if found := condition():
                return found
            time.sleep(0.1)
        raise AssertionError(f"not so after {patience} s; the log:\n{self.process.output()}")

    def status(self, node: str, check: str) -> dict[str, Any]:
        """What /api/status says of a check."""
        told = self.get("/api/status").json()["checks"]
        return next(one for one in told if (one["node"] or "", one["check"]) == (node, check))

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Send a signal and wait for the end. AssertionError, with the log, after a minute."""
        started = time.monotonic()
        self.process.signal(number)
        while self.process.returncode is None:
            if time.monotonic() - started > 60:
                raise AssertionError(f"still running:\n{self.process.output()}")
            time.sleep(0.01)


@contextmanager
def run_agent(folder: Path, text: str, *, port: int | None = None, name: str = "agent") -> Iterator[RunningAgent]:
    """An agent with this configuration; `site`, `data_dir` and `web` are put in front of it."""
    port = port or free_port()
    config = folder / "pacs-monitor.yml"
    config.write_text(head(folder, port) + text)
    command: list[str | Path] = [sys.executable, "-m", "pacs_monitor", "run", "--config", config]
    process = ServerProcess(command, folder / f"{name}.log", ports=[port], grace=20.0)
    with process:
        yield RunningAgent(folder, port, process, config)


def head(folder: Path, port: int) -> str:
    """The lines that every test's configuration begins with."""
    return f"site: north\ndata_dir: {folder / 'data'}\nweb: {{listen: '127.0.0.1:{port}'}}\n"
