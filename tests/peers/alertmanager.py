"""A real Alertmanager on loopback."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from tests.peers.ports import free_port
from tests.peers.process import ServerProcess, program


class Alertmanager:
    """What it answers."""

    def __init__(self, url: str) -> None:
        self.url = url

    def post(self, path: str, body: Any) -> Any:
        """What the API answers to a POST."""
        answer = requests.post(f"{self.url}/api/v2/{path}", json=body, timeout=10)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def get(self, path: str) -> Any:
        """What the API answers to a GET."""
        answer = requests.get(f"{self.url}/api/v2/{path}", timeout=10)
        answer.raise_for_status()
        return answer.json()

    def delete(self, path: str) -> None:
        """DELETE something."""
        requests.delete(f"{self.url}/api/v2/{path}", timeout=10).raise_for_status()


@contextmanager
def alertmanager(
    folder: Path, config: Mapping[str, Any], options: Sequence[str] = ("--cluster.listen-address=",), port: int = 0
) -> Iterator[Alertmanager]:
    """One with this configuration, ready."""
    port = port or free_port()
    folder.mkdir(exist_ok=True)
    file = folder / "alertmanager.json"
    file.write_text(json.dumps(config))
    command = [
        program("prometheus-alertmanager", "prometheus-alertmanager"),
        f"--config.file={file}",
        f"--storage.path={folder}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--web.external-url=http://pacsmon.north.example",
        *options,
    ]
    with ServerProcess(command, folder / "alertmanager.log", ports=[port]):
        yield Alertmanager(f"http://127.0.0.1:{port}")
