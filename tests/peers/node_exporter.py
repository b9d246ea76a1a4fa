"""node_exporter as Debian ships it (1.5)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.peers.ports import free_port
from tests.peers.process import ServerProcess, program


@dataclass(frozen=True)
class NodeExporter:
    """A running node_exporter."""

    port: int
    process: ServerProcess
    scheme: str = "http"

    @property
    def url(self) -> str:
        """Its page of metrics."""
        return f"{self.scheme}://127.0.0.1:{self.port}/metrics"


@contextmanager
def run_node_exporter(folder: Path, *options: str, web: Mapping[str, Any] | None = None) -> Iterator[NodeExporter]:
    """node_exporter with its files under `folder`; `web` is its web configuration: TLS and users."""
    executable = program("prometheus-node-exporter", "prometheus-node-exporter")
    port = free_port()
    argv = [executable, f"--web.listen-address=127.0.0.1:{port}", *options]
    if web:
        (folder / "web.yml").write_text(json.dumps(web))  # JSON is YAML
        argv.append(f"--web.config.file={folder / 'web.yml'}")
    with ServerProcess(argv, folder / "node_exporter.log", ports=[port]) as process:
        yield NodeExporter(port, process, "https" if web and "tls_server_config" in web else "http")
