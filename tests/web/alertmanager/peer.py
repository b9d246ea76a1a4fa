"""Debian's Alertmanager (0.25) beside the agent: the same requests to both."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from time import time
from typing import Any

import httpx

from tests.peers.ports import free_port
from tests.peers.process import ServerProcess, program

ROUTES = r"""
route:
  receiver: team
  group_by: [alertname]
  group_wait: 1h
  routes:
    - receiver: pager
      matchers: [severity="critical"]
      continue: true
    - receiver: chat
      group_by: [node, alertname]
      matchers: [node=~"ct.*"]
receivers:
  - name: team
  - name: pager
  - name: chat
inhibit_rules:
  - source_matchers: [severity="critical"]
    target_matchers: [severity="warning"]
    equal: [node]
"""
ADDED = {"mutedBy", "routeLabels"}
"""Fields of later versions."""
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


@contextmanager
def run_alertmanager(folder: Path, text: str = ROUTES) -> Iterator[str]:
    """Its address."""
    config, port = folder / "theirs.yml", free_port()
    config.write_text(text)
    argv = [
        program("prometheus-alertmanager", "prometheus-alertmanager"),
        f"--config.file={config}",
        f"--storage.path={folder / 'theirs'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
    ]
    url = f"http://127.0.0.1:{port}"
    ready = lambda: httpx.get(f"{url}/-/ready", trust_env=False, timeout=10).is_success  # noqa: E731
    with ServerProcess(argv, folder / "theirs.log", ports=[port], answers=ready):
        yield url


class Same:
    """Makes answers of two servers comparable: ids by their first appearance, times by how far they are away."""

    def __init__(self) -> None:
        self._ids: dict[str, str] = {}

    def of(self, answer: httpx.Response) -> tuple[int, str, Any]:
        """Status, type and content."""
        text = _UUID.sub(lambda found: self._ids.setdefault(found[0], f"id {len(self._ids)}"), answer.text)
        text = text.replace("[POST,GET]", "[GET,POST]").replace("[GET,DELETE]", "[DELETE,GET]")  # theirs is in no order
        kind = answer.headers.get("content-type", "")
        return answer.status_code, kind, self._plain(json.loads(text)) if kind and text else text

    def filled(self, text: str) -> str:
        """With the server's own ids: `ID0` is the first that was seen."""
        for number, own in enumerate(self._ids):
            text = text.replace(f"ID{number}", own)
        return text

    def _plain(self, told: Any, key: str = "") -> Any:
        if isinstance(told, dict):
            is_silence = "matchers" in told
            left_out = ADDED | ({"annotations"} if is_silence else set())
            return {name: self._plain(value, name) for name, value in told.items() if name not in left_out}
        if isinstance(told, list):
            return [self._plain(one) for one in told]
        if key in ("startsAt", "endsAt", "updatedAt", "uptime"):
            return _away(told)
        return told


def _away(text: str) -> float | str:
    """Minutes from now, or seconds since 1970 for what is far away."""
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(Z|[+-]\d\d:\d\d)", text), text
    at = datetime.fromisoformat(text).timestamp()
    return f"{round((at - time()) / 60)} min" if abs(at - time()) < 86_400 else at
