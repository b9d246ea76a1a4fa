"""Prometheus and promtool as Debian ships them (2.42)."""

import json
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from tests.peers.ports import free_port
from tests.peers.process import ServerProcess, program


@dataclass(frozen=True)
class Prometheus:
    """A running Prometheus."""

    url: str
    process: ServerProcess

    def get(self, path: str, **parameters: str) -> Any:
        """The `data` of `/api/v1/<path>`; requests.HTTPError, with the server's words, if it refuses."""
        answer = requests.get(f"{self.url}/api/v1/{path}", params=parameters, timeout=60)
        if not answer.ok:
            raise requests.HTTPError(answer.text, response=answer)
        return answer.json()["data"]

    def query(self, expression: str, **parameters: str) -> list[dict[str, Any]]:
        """Instant query: a vector's samples (`metric`, `value`); a scalar as one sample without labels."""
        data = self.get("query", query=expression, **parameters)
        if data["resultType"] == "scalar":
            return [{"metric": {}, "value": data["result"]}]
        samples: list[dict[str, Any]] = data["result"]
        return samples

    def wait_for(self, expression: str, patience: float = 60.0) -> list[dict[str, Any]]:
        """The samples of an expression once it has any; AssertionError after `patience` seconds."""
        deadline = time.monotonic() + patience
        while not (samples := self.query(expression)):
            assert time.monotonic() < deadline, f"{expression} gave nothing within {patience:g} s"
            time.sleep(0.1)
        return samples


@contextmanager
def run_prometheus(folder: Path, config: Mapping[str, Any] | str, *options: str) -> Iterator[Prometheus]:
    """Prometheus with its files under `folder`; `config` is its prometheus.yml, as text or as a mapping."""
    executable = program("prometheus", "prometheus")
    file = folder / "prometheus.yml"
    file.write_text(config if isinstance(config, str) else json.dumps(config))  # JSON is YAML
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    argv = [
        executable,
        f"--config.file={file}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--web.enable-lifecycle",
        *options,
    ]
    server = ServerProcess(
        argv,
        folder / "prometheus.log",
        ports=[port],
        answers=lambda: requests.get(f"{url}/-/ready", timeout=30).ok,
    )
    with server:
        yield Prometheus(url, server)


def promtool_check_metrics(text: str) -> str:
    """What promtool has to say of an exposition text: nothing if it is as it should be."""
    argv = [program("promtool", "prometheus"), "check", "metrics"]
    done = subprocess.run(
        argv, input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=150, check=False
    )
    said = done.stdout.strip()
    return said if said or done.returncode == 0 else f"promtool ended with {done.returncode}"
