"""What commands and pages say of alerts while the agent itself tells nobody of them."""

from __future__ import annotations

import json
import re
import signal
from pathlib import Path

import httpx
import pytest

from tests.agent import RunningAgent, run_agent
from tests.notify.webserver import web_hook
from tests.peers.ports import free_port
from tests.test_cli import pacs_monitor

ROUTES = """
route: {{receiver: team, group_by: [alertname], group_wait: 100ms}}
receivers: [{{name: team, webhook_configs: [{{url: "{hook}"}}]}}]
"""
RULES = """
groups:
  - name: ours
    interval: 200ms
    rules:
      - {alert: Mine, expr: 'vector(1)', labels: {severity: critical}, annotations: {summary: it fires}}
      - {alert: Other, expr: 'vector(2)', labels: {severity: info}}
"""
NODES = """
alerting: {{rules: [rules.yml], scrape_interval: 200ms{more}}}
nodes:
  - {{name: ct1, host: 127.0.0.1, checks: [{{tcp: {{port: {port}, interval: 1m}}}}]}}
"""
HANDED = "alerts are handed over to Alertmanager 127.0.0.1:9 and am.north.example; ask there, or its amtool"
NOBODY = "nobody is told of alerts, as alerting.engine is none; leave it out, and write notify or alerting.routes"
NO_ROUTES = "nobody is told of alerts, as the configuration has no routes; add alerting: {routes: alertmanager.yml}"
ALERTMANAGERS = (
    ', engine: {alertmanagers: [{url: "http://ana:SECRET@127.0.0.1:9"}, {url: "https://am.north.example/SECRET"}]}'
)


def text(more: str) -> str:
    return NODES.format(more=more, port=free_port())


def said(agent: RunningAgent, *words: str, status: int = 0) -> str:
    """What a command prints, and on stderr."""
    done = pacs_monitor(*words, "--config", agent.config, COLUMNS="200")
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


def post(agent: RunningAgent, name: str) -> httpx.Response:
    return httpx.post(f"{agent.url}/api/v2/alerts", json=[{"labels": {"alertname": name}}], timeout=60)


@pytest.mark.parametrize(
    ("more", "why"), [(ALERTMANAGERS, HANDED), (", engine: none", NOBODY), ("", NO_ROUTES)], ids=["ams", "none", "no"]
)
def test_what_the_rules_raise_is_listed_and_counted_all_the_same(tmp_path: Path, more: str, why: str) -> None:
    (tmp_path / "rules.yml").write_text(RULES)
    with run_agent(tmp_path, text(more)) as agent:
        agent.wait_for(lambda: agent.value("pacs_monitor_alerts", state="firing") == 2)
        lines = said(agent, "alerts").splitlines()
        assert re.match(r"critical +Mine +\d+ s +firing +[0-9a-f]{8}", lines[1])
        assert re.match(r"info +Other +\d+ s +firing +[0-9a-f]{8}", lines[2])
        (mine,) = json.loads(said(agent, "alerts", "site=north", "severity=critical", "--json"))
        assert mine["labels"] == {"alertname": "Mine", "severity": "critical", "site": "north"}
        assert (mine["receivers"], mine["acknowledged"]) == ([], None)
        shown = said(agent, "status")
        assert re.search(r"^alerts +1 critical +1 info", shown, re.MULTILINE)
        assert why in shown
        for words in (("ack", "Mine"), ("explain", "Mine"), ("silence", "list"), ("test", "alert", "ct1")):
            assert said(agent, *words, status=1) == f"{why}\n"
        refused = post(agent, "Theirs")
        assert (refused.status_code, refused.json()) == (503, why)
        assert "SECRET" not in shown


def test_once_a_reload_has_somebody_else_tell_no_alert_is_taken_in_and_none_is_shown_that_is_over(
    tmp_path: Path,
) -> None:
    rules = tmp_path / "rules.yml"
    rules.write_text(RULES)
    with web_hook() as hook:
        (tmp_path / "routes.yml").write_text(ROUTES.format(hook=hook.url))
        with run_agent(tmp_path, text(", routes: routes.yml")) as agent:
            configured = agent.config.read_text()
            assert post(agent, "Theirs").status_code == 200
            agent.wait_for(lambda: len(hook.posts) == 3)
            agent.config.write_text(configured.replace("routes: routes.yml", "engine: none"))
            agent.process.signal(signal.SIGHUP)
            agent.wait_for(lambda: post(agent, "Late").status_code == 503)
            assert NOBODY in said(agent, "status")
            assert "Mine" in said(agent, "alerts")
            rules.write_text(RULES.replace("vector(1)", "vector(1) > 1"))
            agent.process.signal(signal.SIGHUP)
            agent.wait_for(lambda: "Mine" not in said(agent, "alerts"))
            # Back again: who was told of it hears that it is over, and nobody hears of the others once more.
            agent.config.write_text(configured)
            agent.process.signal(signal.SIGHUP)
            agent.wait_for(lambda: post(agent, "Theirs").status_code == 200)
            assert "Theirs" in said(agent, "alerts")
