"""Group keys: those that a real Alertmanager posts are made of ours."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests

from pacs_monitor.routing.matching import make_matcher, printed_all
from pacs_monitor.routing.routefile import read_routes
from pacs_monitor.routing.tree import group_labels, matching
from tests.peers.ports import free_port
from tests.peers.process import ServerProcess, program

ROUTES = """
route:
  receiver: r
  group_wait: 0s
  group_by: [node, alertname]
  routes:
  - matchers: ['b!=x', 'a=~"1|2"', 'note!~"say \\"no\\"\\\\n.*"', a="1", a=~1]
    continue: true
    routes:
    - {match_re: {node: ct.*}, match: {site: north, alertname: Down}, group_by: [c, node, "site"]}
  - {matchers: ['{site="north",node!=""}'], group_by: ['...'], continue: true}
  - continue: true
  - {match: {nothing: ""}, group_by: [nothing, node]}
"""
ALERTS: list[dict[str, str]] = [
    {"alertname": "Down", "node": "ct1", "site": "north", "a": "1"},
    {"alertname": "Slow", "node": 'a "b"\n\\', "site": "north", "a": "1"},
    {"alertname": "Lost"},
]


class Webhook(HTTPServer):
    """Keeps what is posted to it."""

    def __init__(self) -> None:
        self.posts: list[dict[str, Any]] = []
        self.came = threading.Condition()
        super().__init__(("127.0.0.1", 0), _Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def wait_for(self, count: int) -> list[dict[str, Any]]:
        with self.came:
            assert self.came.wait_for(lambda: len(self.posts) >= count, 30), self.posts
            return list(self.posts)


class _Handler(BaseHTTPRequestHandler):
    server: Webhook

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.came:
            self.server.posts.append(body)
            self.server.came.notify_all()
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *words: object) -> None:
        pass


@pytest.fixture
def posts(tmp_path: Path) -> Any:
    webhook = Webhook()
    yield webhook
    webhook.shutdown()
    webhook.server_close()


def test_a_real_alertmanager_posts_the_same_group_keys(tmp_path: Path, posts: Webhook) -> None:
    path = tmp_path / "am.yml"
    url = f"http://127.0.0.1:{posts.server_port}"
    path.write_text(f"{ROUTES}receivers: [{{name: r, webhook_configs: [{{url: '{url}'}}]}}]\n")
    routing = read_routes(path).routing
    assert routing is not None
    expected = set()
    for labels in ALERTS:
        for route in matching(routing.route, labels):
            grouped = [make_matcher("=", name, value) for name, value in sorted(group_labels(route, labels).items())]
            # As Go quotes the values of label sets.
            text = "{" + ", ".join(f"{one.name}={json.dumps(one.value)}" for one in grouped) + "}"
            expected.add(f"{route.key}:{text}")
    assert len(expected) == 10
    assert printed_all(routing.route.routes[0].matchers) in "".join(expected)
    port = free_port()
    argv = [
        program("prometheus-alertmanager", "prometheus-alertmanager"),
        f"--config.file={path}",
        f"--storage.path={tmp_path / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
    ]
    with ServerProcess(argv, tmp_path / "log", ports=[port]):
        answer = requests.post(
            f"http://127.0.0.1:{port}/api/v2/alerts", json=[{"labels": labels} for labels in ALERTS], timeout=10
        )
        assert answer.ok, answer.text
        found = posts.wait_for(len(expected))
    assert {post["groupKey"] for post in found} == expected
    assert {tuple(sorted(post["groupLabels"].items())) for post in found} == {
        tuple(sorted(group_labels(route, labels).items()))
        for labels in ALERTS
        for route in matching(routing.route, labels)
    }
