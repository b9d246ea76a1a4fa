"""The demo: the agent against the simulated hospital, states live in the terminal."""

from __future__ import annotations

import asyncio
import errno
import socket
import tempfile
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from pacs_monitor.agent import Agent
from pacs_monitor.configuring.listening import is_loopback, parse_listen
from pacs_monitor.live import show
from pacs_monitor.simulator.client import Hospital

_TAKEN = (errno.EADDRINUSE, errno.EACCES)
HEADER = """\
pacs-monitor watches a simulated hospital: real DICOM services on this machine, with faults that come and go.
  pages    {url}/
  metrics  {url}/metrics
  health   {url}/health   {url}/health/node/archive
  settings {config}
Ctrl-C ends it."""


@dataclass(frozen=True)
class Demo:
    """How to run it."""

    listen: str = "127.0.0.1:9811"
    """Where the agent listens: see `free_address`."""
    speed: float = 1.0
    seconds: float | None = None
    """End by itself after so many seconds."""


def configuration(hospital: Hospital, folder: Path, listen: str) -> str:
    """A configuration for the simulated hospital, as an administrator would write it."""
    nodes = hospital.nodes
    archive = nodes["archive"]
    lines = [
        "# The simulated hospital. Everything here works in a real configuration, too.",
        "site: demo",
        f"data_dir: {folder}",
        f"web: {{listen: '{listen}'}}",
        "hours: {clinic: {}}",
        "profiles:",
        "  archive: [{c_echo: {interval: 3s, timeout: 1500ms, down_after: 3}}]",
        "  service: [{c_echo: {interval: 3s, timeout: 1500ms, down_after: 3}}]",
        "  modality:",
        "    min_interval: 3s   # a real modality is left alone for 30 s",
        "    checks: [{c_echo: {interval: 3s, timeout: 2s, down_after: 5}}]",
        "nodes:",
    ]
    for node in nodes.values():
        profile = node.role if node.role in ("archive", "modality") else "service"
        lines += [
            f"  - name: {node.name}",
            f"    host: {node.host}",
            f"    port: {node.port}",
            f"    ae_title: {node.ae_title}",
            f"    profile: {profile}",
            f"    role: {node.role}",
            f"    importance: {'critical' if node.role == 'archive' else 'normal'}",
        ]
        if node.role == "modality":
            lines.append("    sends_to: [router]")
        if node.name == "archive":
            settings = "interval: 20s, timeout: 15s, visible_within: 5s, write: true, studies_per_day: 5000"
            settings += f", delete: {{orthanc: '{archive.rest}'}}"
            lines += ["    checks:", f"      - ingest: {{{settings}}}"]
            lines.append("      - c_find: {interval: 6s, timeout: 4s, slow: 1s}")
        if node.name == "worklist":
            settings = "stations: [CT1, MR1, US1], expect_at_least: 2, hours: clinic"
            lines.append(f"    checks: [{{worklist: {{interval: 3s, timeout: 2s, slow: 1s, {settings}}}}}]")
    if hospital.disk is not None:
        lines += [
            "checks:",
            f"  - disk: {{name: archive-disk, path: '{hospital.disk}', interval: 3s, free_warning: 20%, "
            "free_critical: 5%, down_after: 2}",
        ]
    return "\n".join(lines) + "\n"


def start(demo: Demo, console: Console) -> int:
    """Run the demo until Ctrl-C or its time is over. The process's exit status."""
    with tempfile.TemporaryDirectory(prefix="pacs-monitor-demo-") as name:
        folder = Path(name)
        console.print("starting the simulated hospital ...")
        with Hospital(scenario=True, speed=demo.speed) as hospital:
            path = folder / "pacs-monitor.yml"
            path.write_text(configuration(hospital, folder, demo.listen))
            return asyncio.run(_show(path, demo, console))


async def _show(path: Path, demo: Demo, console: Console) -> int:
    agent = Agent(path)
    if demo.seconds is not None:
        asyncio.get_running_loop().call_later(demo.seconds, agent.end)
    return await show(agent, console, HEADER.replace("{config}", str(path)))


def free_address(listen: str) -> str:
    """The address wanted, or another port if that one is not to be had: a demo must not fail for that.

    Raises ValueError with the remedy for what is no address of this machine alone.
    """
    host, port = parse_listen(listen)
    if not is_loopback(host):
        raise ValueError(f"{host} is no loopback address, and a demo listens on no other; write {Demo.listen}")
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno not in _TAKEN:
                raise ValueError(f"cannot listen on {listen} ({error.strerror}); write {Demo.listen}") from None
            return f"{listen.rpartition(':')[0]}:0"
    return listen
