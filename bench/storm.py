"""Ten thousand alerts at once, in fifty groups: until they are safe, until all are told, and what that takes.

The agent and Alertmanager are posted the same alerts by the same API, and tell the same receiver.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import create_server
from typing import Any

import httpx
import psutil

from bench.agent_process import AgentProcess
from bench.common import Goal, figure, goals_data, goals_table, load, machine, middle, program, progress, table

AT_ONCE = 500
"""Alerts in one request."""
PATIENCE = 120.0
PAUSE = 3.0
"""Seconds before memory and CPU are read, so that what is only late has ended."""
WAIT = "1s"
AGENT, PEER = "pacs-monitor", "Alertmanager"


@dataclass
class Row:
    """What one storm gave."""

    who: str
    accepted: float
    """Seconds until the last request was answered: the agent answers once alerts are written, Alertmanager before."""
    told: float
    """Seconds until the receiver had heard of every alert."""
    notifications: int
    cpu: float
    """Seconds of CPU."""
    memory: float
    """MB at the peak, shared pages in proportion."""
    before: float
    """MB before the storm."""


class Receiver:
    """Counts the alerts that it is told of."""

    def __init__(self) -> None:
        self.notifications = 0
        self.alerts: set[str] = set()
        self.last = 0.0
        self.port = 0

    def hear(self, body: bytes) -> None:
        now = time.monotonic()
        self.notifications += 1
        before = len(self.alerts)
        self.alerts.update(alert["fingerprint"] for alert in json.loads(body)["alerts"])
        if len(self.alerts) > before:
            self.last = now


@contextmanager
def receiver() -> Iterator[Receiver]:
    """On loopback."""
    heard, lock = Receiver(), threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()
            with lock:
                heard.hear(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    heard.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield heard
    finally:
        server.shutdown()
        server.server_close()


def routes(port: int) -> str:
    """Fifty groups, told soon."""
    return json.dumps(
        {
            "route": {"receiver": "all", "group_by": ["group"], "group_wait": WAIT, "group_interval": "5m"},
            "receivers": [{"name": "all", "webhook_configs": [{"url": f"http://127.0.0.1:{port}/"}]}],
        }
    )


def alerts(count: int, groups: int) -> list[dict[str, Any]]:
    """As Prometheus would post them."""
    now = datetime.now(UTC)
    times = {"startsAt": now.isoformat(), "endsAt": (now + timedelta(hours=1)).isoformat()}
    return [
        {
            "labels": {
                "alertname": "NodeDown",
                "site": "north",
                "node": f"node-{number:05}",
                "check": "c_echo",
                "severity": "critical",
                "group": str(number % groups),
            },
            "annotations": {
                "summary": f"node-{number:05} does not answer",
                "description": "Look whether it is switched on and reachable: pacs-monitor diagnose tells which.",
            },
            "generatorURL": "http://prometheus.north.example/graph",
            **times,
        }
        for number in range(count)
    ]


def free_port() -> int:
    """A port of loopback on which nothing listens."""
    with create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


@contextmanager
def agent(folder: Path, told: Receiver) -> Iterator[tuple[str, int]]:
    """Address and process id of an agent that routes and checks nothing."""
    port = free_port()
    (folder / "alertmanager.yml").write_text(routes(told.port))
    configuration = folder / "pacs-monitor.yml"
    configuration.write_text(
        f"site: north\ndata_dir: {folder / 'data'}\nweb: {{listen: '127.0.0.1:{port}'}}\n"
        "alerting: {rules: [], routes: alertmanager.yml}\n"
    )
    with AgentProcess(configuration, port) as running:
        yield f"http://127.0.0.1:{port}", running.pid


@contextmanager
def alertmanager(folder: Path, told: Receiver) -> Iterator[tuple[str, int]]:
    """The same of Alertmanager."""
    port, binary = free_port(), program("prometheus-alertmanager")
    assert binary is not None
    file = folder / "alertmanager.yml"
    file.write_text(routes(told.port))
    command = [
        binary,
        f"--config.file={file}",
        f"--storage.path={folder}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
    ]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        url = f"http://127.0.0.1:{port}"
        _until_ready(url)
        yield url, process.pid
    finally:
        process.terminate()
        process.wait(10)


def _until_ready(url: str) -> None:
    until = time.monotonic() + 30
    while True:
        try:
            if httpx.get(f"{url}/-/ready").status_code == 200:
                return
        except httpx.HTTPError:
            pass
        if time.monotonic() > until:
            raise RuntimeError(f"{url} is not ready")
        time.sleep(0.1)


def storm(who: str, count: int, groups: int) -> Row:
    """One storm on one of the two, in a folder of its own."""
    with tempfile.TemporaryDirectory() as name, receiver() as told:
        side = agent if who == AGENT else alertmanager
        with side(Path(name), told) as (url, pid):
            watched = Usage(pid)
            every = alerts(count, groups)
            batches = [json.dumps(every[place : place + AT_ONCE]) for place in range(0, count, AT_ONCE)]
            before, cpu = watched.memory, watched.cpu
            began = time.monotonic()
            with httpx.Client(timeout=60) as client:
                for batch in batches:
                    answer = client.post(
                        f"{url}/api/v2/alerts", content=batch, headers={"Content-Type": "application/json"}
                    )
                    answer.raise_for_status()
            accepted = time.monotonic() - began
            until = began + PATIENCE
            peak = before
            while len(told.alerts) < count and time.monotonic() < until:
                peak = max(peak, watched.memory)
                time.sleep(0.05)
            if len(told.alerts) < count:
                raise RuntimeError(f"{who} told of {len(told.alerts)} of {count} alerts in {PATIENCE:g} s")
            time.sleep(PAUSE)
            peak = max(peak, watched.memory)
            return Row(who, accepted, told.last - began, told.notifications, watched.cpu - cpu, peak, before)


class Usage:
    """CPU and memory of a process with all below it."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)

    @property
    def cpu(self) -> float:
        """Seconds, of those that still live."""
        return sum(sum(one.cpu_times()[:2]) for one in self._all())

    @property
    def memory(self) -> float:
        """MB, shared pages in proportion."""
        return sum(one.memory_full_info().pss for one in self._all()) / 1e6

    def _all(self) -> Sequence[psutil.Process]:
        return [self._process, *self._process.children(recursive=True)]


def main() -> None:
    """Print the table."""
    options = _options()
    print(f"{machine()}; {load()}", file=sys.stderr if options.json else sys.stdout)
    who = [AGENT, PEER] if program("prometheus-alertmanager") else [AGENT]
    rows: dict[str, list[Row]] = {name: [] for name in who}
    for turn in range(options.repeat):
        for name in who:
            progress(f"{name}, storm {turn + 1} of {options.repeat}")
            rows[name].append(storm(name, options.alerts, options.groups))
    goals = goals_of(rows, options.groups)
    if options.json:
        said = {name: [asdict(one) for one in every] for name, every in rows.items()}
        print(json.dumps({"rows": said, "goals": goals_data(goals)}))
        return
    head = ["", "accepted s", "told s", "notifications", "CPU s", "memory MB", "of which before MB"]
    title = f"{options.alerts:,} alerts at once in {options.groups} groups, {WAIT} to wait; medians of {options.repeat}"
    print(table(title, head, [cells(name, every) for name, every in rows.items()]))
    print(goals_table(goals))
    if len(who) == 1:
        print("\nprometheus-alertmanager is not installed: nothing to compare with")


def cells(name: str, rows: Sequence[Row]) -> list[str]:
    """One line of the table: the middle of each figure."""
    figures = ("accepted", "told", "notifications", "cpu", "memory", "before")
    return [name, *(figure(middle(getattr(row, one) for row in rows)) for one in figures)]


def goals_of(rows: dict[str, list[Row]], groups: int) -> list[Goal]:
    """What a storm may take."""
    ours = rows[AGENT]
    return [
        Goal("notifications beyond one for each group", middle(row.notifications - groups for row in ours), 0),
        Goal("until all are told", middle(row.told for row in ours), 15, " s"),
        Goal("memory for the storm", middle(row.memory - row.before for row in ours), 100, " MB"),
    ]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--alerts", type=int, default=10_000)
    parser.add_argument("--groups", type=int, default=50)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
