"""Alerts handed over to a cluster of two real Alertmanagers."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.agent import RunningAgent, run_agent
from tests.notify.webserver import Hook, web_hook
from tests.peers.alertmanager import Alertmanager, alertmanager
from tests.peers.ports import free_port

RULES = """\
groups:
  - name: availability
    interval: 200ms
    rules:
      - alert: NodeDown
        expr: pacs_check_healthy == 0
        labels: {severity: critical}
        annotations: {summary: "{{ $labels.node }} does not answer, {{ $value }}"}
"""
AGENT = """\
alerting:
  rules: [rules.yml]
  scrape_interval: 200ms
  engine: {{alertmanagers: [{{url: "http://127.0.0.1:{first}"}}, {{url: "http://127.0.0.1:{second}/"}}]}}
nodes:
  - {{name: archive, host: 127.0.0.1, notes: hotline 0800 123, checks: [{check}]}}
"""
NOBODY = """\
alerting: {{rules: [rules.yml], engine: none, scrape_interval: 200ms}}
nodes:
  - {{name: archive, host: 127.0.0.1, checks: [{check}]}}
"""
CHECK = "{{tcp: {{port: {port}, interval: 1s, down_after: 2, up_after: 1}}}}"


class Cluster:
    """Two, who agree on who sends."""

    def __init__(self, stack: ExitStack, folder: Path, hook: Hook) -> None:
        self._stack = stack
        self._folder = folder
        self._hook = hook
        self.ports = [free_port(), free_port()]
        self._gossip = [free_port(), free_port()]

    def start(self, place: int) -> Alertmanager:
        """One of the two."""
        config: dict[str, Any] = {
            "route": {"receiver": "team", "group_by": ["alertname"], "group_wait": "1s", "group_interval": "1s"},
            "receivers": [{"name": "team", "webhook_configs": [{"url": self._hook.url}]}],
        }
        options = [
            f"--cluster.listen-address=127.0.0.1:{self._gossip[place]}",
            f"--cluster.advertise-address=127.0.0.1:{self._gossip[place]}",
            f"--cluster.peer=127.0.0.1:{self._gossip[1 - place]}",
            "--cluster.peer-timeout=3s",
            "--cluster.gossip-interval=50ms",
            "--cluster.settle-timeout=1s",
        ]
        made = alertmanager(self._folder / f"am{place}", config, options, self.ports[place])
        return self._stack.enter_context(made)


def firing(am: Alertmanager) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = am.get("alerts")
    return found


def is_up(agent: RunningAgent, port: int) -> float | None:
    return agent.value("pacs_monitor_handover_up", alertmanager=f"127.0.0.1:{port}")


def test_both_of_a_cluster_are_told_and_they_tell(tmp_path: Path) -> None:
    port = free_port()
    (tmp_path / "rules.yml").write_text(RULES)
    with ExitStack() as stack:
        hook = stack.enter_context(web_hook())
        cluster = Cluster(stack, tmp_path, hook)
        first = cluster.start(0)
        text = AGENT.format(first=cluster.ports[0], second=cluster.ports[1], check=CHECK.format(port=port))
        agent = stack.enter_context(run_agent(tmp_path, text))
        # The second one is not there yet, which holds up nothing for the first.
        (alert,) = agent.wait_for(lambda: firing(first))
        assert alert["labels"] | {"site": "north", "node": "archive", "alertname": "NodeDown"} == alert["labels"]
        assert alert["annotations"]["summary"] == "archive does not answer, 0"
        assert alert["annotations"]["reason"] == "refused"
        assert alert["annotations"]["notes"] == "hotline 0800 123"
        assert alert["generatorURL"].startswith(agent.url)
        agent.wait_for(lambda: is_up(agent, cluster.ports[1]) == 0)
        second = cluster.start(1)
        agent.wait_for(lambda: firing(second))
        agent.wait_for(lambda: is_up(agent, cluster.ports[1]) == 1)
        agent.wait_for(lambda: hook.posts)
        assert {post.json["status"] for post in hook.posts} == {"firing"}
        with socket.create_server(("127.0.0.1", port)):
            agent.wait_for(lambda: not firing(first) and not firing(second))
            # While the two agree, the second one may say once more what the first one has said.
            agent.wait_for(lambda: hook.posts[-1].json["status"] == "resolved")
        assert "alerts reach Alertmanager" in agent.process.output()


def test_nobody_is_told_with_no_engine_and_alerts_are_shown_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "rules.yml").write_text(RULES)
    text = NOBODY.format(check=CHECK.format(port=free_port()))
    with run_agent(tmp_path, text) as agent:
        agent.wait_for(lambda: agent.value("pacs_monitor_alerts", state="firing"))
        assert "archive does not answer" in agent.get("/").text
        assert "nobody is told" not in agent.process.output()
