"""Nodes from a server's list: a real HTTP server, and the whole agent as a process."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from pydantic import SecretStr

from pacs_monitor.check import CheckFailed
from pacs_monitor.config import load
from pacs_monitor.discovery import HttpSd, ask, lists_of
from tests.agent import run_agent

ONE = [{"targets": ["127.0.0.1:9"], "labels": {"name": "ct1"}}]
TWO = [*ONE, {"targets": ["127.0.0.1:10"], "labels": {"name": "mr1"}}]
CHECKS = "defaults: {checks: [{tcp: {interval: 1s}}]}"


class Inventory:
    """A server that gives a list, and keeps what it was asked with."""

    def __init__(self) -> None:
        self.listed: object = ONE
        self.status = 200
        self.asked: list[dict[str, str]] = []
        inventory = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                inventory.asked.append(dict(self.headers))
                body = (
                    inventory.listed if isinstance(inventory.listed, bytes) else json.dumps(inventory.listed).encode()
                )
                self.send_response(inventory.status)
                if inventory.status == 302:
                    self.send_header("Location", "http://127.0.0.1:1/elsewhere")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/targets?canary"

    @contextmanager
    def serving(self) -> Iterator[Inventory]:
        thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield self
        self.close()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def inventory() -> Iterator[Inventory]:
    with Inventory().serving() as serving:
        yield serving


def test_a_server_is_asked_as_prometheus_asks_and_with_its_password(inventory: Inventory) -> None:
    peer = HttpSd(url=inventory.url, username="ana", password=SecretStr("geheim ü"), refresh=60)
    assert json.loads(ask(peer)) == ONE
    (asked,) = inventory.asked
    assert asked["X-Prometheus-Refresh-Interval-Seconds"] == "60"
    assert base64.b64decode(asked["Authorization"].removeprefix("Basic ")).decode() == "ana:geheim ü"
    ask(HttpSd(url=inventory.url, bearer_token=SecretStr("token")))
    assert inventory.asked[1]["Authorization"] == "Bearer token"


@pytest.mark.parametrize(
    ("status", "listed", "reason", "sentence"),
    [
        (200, {"targets": []}, "mismatch", "gives no list of targets"),
        (200, b"<html>", "mismatch", "gives no list of targets"),
        (200, b"\xff", "mismatch", "gives no list of targets"),
        (200, b"[" * 100000, "mismatch", "gives no list of targets"),
        (302, [], "mismatch", "redirects elsewhere, which is not followed; set its final address"),
        (401, [], "forbidden", "correct username and password_file, or bearer_token_file (HTTP 401)"),
        (404, [], "not_found", "has no such page; correct the address (HTTP 404)"),
        (500, [], "aborted", "cannot answer; look into its log at this time (HTTP 500)"),
    ],
)
def test_what_is_no_list_is_told_without_the_address_whole(
    inventory: Inventory, status: int, listed: object, reason: str, sentence: str
) -> None:
    inventory.status, inventory.listed = status, listed
    with pytest.raises(CheckFailed) as failure:
        ask(HttpSd(url=inventory.url))
    assert failure.value.reason == reason
    assert sentence in failure.value.message
    assert "canary" not in failure.value.message


def test_a_server_that_is_not_there_is_a_warning_and_the_last_list_stays(inventory: Inventory, tmp_path: Path) -> None:
    path = tmp_path / "pacs-monitor.yml"
    path.write_text(f"data_dir: data\nnodes_from: [{{http_sd: {{url: '{inventory.url}'}}, {CHECKS}}}]\n")
    inventory.close()
    found = load(path)
    assert found.nodes == {}
    (warning,) = [one for one in found.warnings if one.setting == "nodes_from[0].http_sd"]
    assert warning.message.startswith("no list of nodes: 127.0.0.1:")
    (tmp_path / "data").mkdir()
    lists_of(tmp_path / "data").keep(inventory.url, json.dumps(TWO))
    assert list(load(path).nodes) == ["ct1", "mr1"]
    assert (tmp_path / "data/discovered").stat().st_mode & 0o077 == 0


def test_the_agent_follows_the_list_and_keeps_the_last_one_while_there_is_none(
    inventory: Inventory, tmp_path: Path
) -> None:
    text = f"nodes_from:\n  - http_sd: {{url: '{inventory.url}', refresh: 5s}}\n    {CHECKS}\n"
    with run_agent(tmp_path, text) as agent:
        agent.wait_for(lambda: agent.value("pacs_check_up", node="ct1") is not None)
        inventory.listed = TWO
        agent.wait_for(lambda: agent.value("pacs_check_up", node="mr1") is not None)
        inventory.status = 500
        agent.wait_for(lambda: (agent.value("pacs_monitor_discovery_failures_total") or 0) >= 1)
        assert agent.value("pacs_check_up", node="mr1") is not None
        inventory.status, inventory.listed = 200, []
        agent.wait_for(lambda: agent.value("pacs_check_up", node="mr1") is None)
        assert (agent.value("pacs_monitor_discovery_last_success_timestamp_seconds") or 0) > 1e9
