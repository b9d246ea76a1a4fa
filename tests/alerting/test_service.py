"""The whole agent with rules: real processes, real time."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.agent import RunningAgent, head, run_agent
from tests.peers.ports import free_port
from tests.peers.prometheus import promtool_check_metrics

RULES = """\
groups:
- name: mine
  interval: 1s
  rules:
  - record: nodes:healthy
    expr: sum(pacs_check_healthy)
  - alert: Down
    expr: pacs_check_healthy == 0 unless on (site, node, check) pacs_check_suppressed == 1
    annotations: {summary: "{{ $labels.node }} is down"}
  - alert: Long
    expr: pacs_check_healthy == 0
    for: 1h
"""


def settings(folder: Path, rules: str = RULES, port: int | None = None) -> str:
    (folder / "rules.yml").write_text(rules)
    return f"""\
nodes:
  - {{name: ct, host: 127.0.0.1, checks: [{{tcp: {{port: {port or free_port()}, interval: 300ms}}}}]}}
alerting: {{scrape_interval: 500ms, rules: [rules.yml]}}
"""


def configuration(folder: Path, rules: str = RULES) -> Path:
    path = folder / "pacs-monitor.yml"
    path.write_text(head(folder, free_port()) + settings(folder, rules))
    return path


def query(agent: RunningAgent, expression: str) -> dict[str, float]:
    """Values by alertname, or node, or nothing."""
    answer = agent.get("/api/v1/query", params={"query": expression})
    assert answer.status_code == 200, answer.text
    found = answer.json()["data"]["result"]
    return {one["metric"].get("alertname") or one["metric"].get("node", ""): float(one["value"][1]) for one in found}


def until(agent: RunningAgent, expression: str, wanted: Callable[[dict[str, float]], bool]) -> dict[str, float]:
    found: dict[str, float] = {}

    def settled() -> bool:
        nonlocal found
        found = query(agent, expression)
        return wanted(found)

    agent.wait_for(settled)
    return found


def test_a_node_that_is_down_fires_an_alert_that_is_in_log_metrics_and_queries(tmp_path: Path) -> None:
    with run_agent(tmp_path, settings(tmp_path)) as agent:
        assert until(agent, 'ALERTS{alertstate="firing"}', bool) == {"Down": 1.0}
        assert query(agent, 'ALERTS{alertstate="pending"}') == {"Long": 1.0}
        assert query(agent, "nodes:healthy") == {"": 0.0}
        metrics = agent.get("/metrics").text
        assert 'pacs_monitor_alerts{state="firing"} 1.0' in metrics
        assert 'pacs_monitor_rule_evaluation_failures_total{group="mine"} 0.0' in metrics
    assert "alert Down fires: ct is down" in agent.process.output()


def test_what_is_pending_or_fires_goes_on_after_a_restart_and_is_told_once(tmp_path: Path) -> None:
    text, port = settings(tmp_path), free_port()
    with run_agent(tmp_path, text, port=port) as agent:
        until(agent, "ALERTS", lambda found: set(found) == {"Down", "Long"})
        since = query(agent, "ALERTS_FOR_STATE")
    restarted = time.time()
    with run_agent(tmp_path, text, port=port, name="again") as agent:
        until(agent, "ALERTS", lambda found: set(found) == {"Down", "Long"})
        after = query(agent, "ALERTS_FOR_STATE")
        assert after["Down"] == since["Down"]
        # The time away does not count as time for which it was seen.
        assert since["Long"] <= after["Long"] < since["Long"] + 60
        answer = agent.get("/api/v1/query", params={"query": "pacs_check_healthy[5m]"}).json()
        assert answer["data"]["result"][0]["values"][0][0] < restarted
    assert "2 alerts are known from before" in agent.process.output()
    assert "alert Down fires" not in agent.process.output()


def test_an_alert_ends_when_the_node_is_back(tmp_path: Path) -> None:
    port = free_port()
    with run_agent(tmp_path, settings(tmp_path, port=port)) as agent:
        until(agent, "ALERTS", lambda found: "Down" in found)
        with socket.create_server(("127.0.0.1", port)):
            until(agent, "ALERTS", lambda found: found == {})
        agent.wait_for(lambda: "alert Down is over: ct is down" in agent.process.output())


def test_a_reload_takes_new_rules_and_keeps_the_alerts_of_those_that_stay(tmp_path: Path) -> None:
    with run_agent(tmp_path, settings(tmp_path)) as agent:
        until(agent, "ALERTS", lambda found: set(found) == {"Down", "Long"})
        since = query(agent, "ALERTS_FOR_STATE")
        (tmp_path / "rules.yml").write_text(RULES.replace("alert: Long", "alert: Longer"))
        until(agent, "ALERTS", lambda found: set(found) == {"Down", "Longer"})
        assert query(agent, "ALERTS_FOR_STATE")["Down"] == since["Down"]


def test_a_reload_follows_the_interval_of_samples_and_the_address_for_links(tmp_path: Path) -> None:
    rules = RULES.replace("{{ $labels.node }} is down", "see {{ $externalURL }}")
    with run_agent(tmp_path, settings(tmp_path, rules)) as agent:
        agent.wait_for(lambda: f"alert Down fires: see {agent.url}" in agent.process.output())
        changed = agent.config.read_text().replace("scrape_interval: 500ms", "scrape_interval: 100ms")
        (tmp_path / "rules.yml").write_text(rules.replace("alert: Down", "alert: Gone"))
        agent.config.write_text(f"external_url: https://pacsmon.example\n{changed}")
        agent.wait_for(lambda: "alert Gone fires: see https://pacsmon.example" in agent.process.output())
        until(agent, "count_over_time(up[2s])", lambda found: found[""] > 10)
        assert "takes effect when" not in agent.process.output()


def test_groups_of_one_name_in_two_files_are_one_series_of_the_metrics(tmp_path: Path) -> None:
    text = settings(tmp_path).replace("[rules.yml]", "[rules.yml, more.yml]")
    (tmp_path / "more.yml").write_text("groups: [{name: mine, interval: 1s, rules: [{record: 'a:b', expr: '1'}]}]\n")
    with run_agent(tmp_path, text) as agent:
        until(agent, "a:b", bool)
        metrics = agent.get("/metrics").text
    for name in ("last_duration_seconds", "iterations_missed_total"):
        assert metrics.count(f'pacs_monitor_rule_group_{name}{{group="mine"}}') == 1
    assert promtool_check_metrics(metrics) == ""


def test_a_mistake_in_a_rule_file_leaves_the_rules_of_before_in_force(tmp_path: Path) -> None:
    with run_agent(tmp_path, settings(tmp_path)) as agent:
        until(agent, "ALERTS", lambda found: "Down" in found)
        (tmp_path / "rules.yml").write_text(RULES.replace("sum(", "smu("))
        agent.wait_for(lambda: "was not reloaded" in agent.process.output())
        assert "there is no function smu; is sum meant?" in agent.process.output()
        assert "Down" in query(agent, "ALERTS")


def test_what_no_rule_reads_is_answered_all_the_same(tmp_path: Path) -> None:
    with run_agent(tmp_path, settings(tmp_path)) as agent:
        agent.wait_for(lambda: query(agent, "pacs_check_runs_total").get("ct", 0) > 1)
        assert query(agent, "pacs_monitor_nodes") == {"": 1.0}


@pytest.mark.parametrize(
    ("parameters", "status", "message"),
    [
        ({"query": "sum("}, 400, "a metric, a number, a function or ( is needed (character 5)"),
        ({"query": "1", "time": "noon"}, 400, "'noon' is no time; write seconds since 1970 or 2026-11-24T10:00:00Z"),
        ({"query": "up + on (nope) {__name__=~'up|scrape_.*'}"}, 422, "many"),
    ],
)
def test_a_question_that_is_none_is_answered_with_what_is_wrong(
    tmp_path: Path, parameters: dict[str, Any], status: int, message: str
) -> None:
    with run_agent(tmp_path, settings(tmp_path)) as agent:
        until(agent, "pacs_check_up", bool)
        answer = agent.get("/api/v1/query", params=parameters)
        assert (answer.status_code, answer.json()["status"]) == (status, "error")
        assert message in answer.json()["error"]


def test_without_alerting_a_query_says_what_to_set(tmp_path: Path) -> None:
    text = settings(tmp_path)
    with run_agent(tmp_path, text[: text.index("alerting")]) as agent:
        path = agent.config
        answer = agent.get("/api/v1/query", params={"query": "1"})
        assert answer.status_code == 503
        assert "add alerting: {rules: [builtin]}" in answer.json()["error"]
        path.write_text(path.read_text() + "alerting: {scrape_interval: 500ms, rules: [rules.yml]}\n")
        agent.wait_for(lambda: agent.get("/api/v1/query", params={"query": "ALERTS"}).status_code == 200)
        until(agent, "ALERTS", lambda found: "Down" in found)


def command(*arguments: object) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "pacs_monitor", *map(str, arguments)]
    return subprocess.run(argv, capture_output=True, text=True, timeout=150, check=False)


def test_the_command_line_asks_the_running_agent(tmp_path: Path) -> None:
    with run_agent(tmp_path, settings(tmp_path)) as agent:
        path = agent.config
        until(agent, "ALERTS", lambda found: "Down" in found)
        done = command("query", "nodes:healthy", "-c", path)
        assert (done.returncode, done.stdout) == (0, "nodes:healthy{}  0\n")
        done = command("query", "nodes:healthy", "-c", path, "--range", "1s", "--step", "500ms", "--json")
        assert json.loads(done.stdout)["resultType"] == "matrix"
        done = command("query", "nodes:healthy", "-c", path, "--range", "1s", "--step", "1s")
        assert " UTC  0" in done.stdout
        done = command("query", "1 +", "-c", path)
        assert (done.returncode, done.stdout) == (1, "")
        assert "is needed (character 4)" in done.stderr
    assert command("query", "1", "-c", path).returncode == 1


def test_the_command_line_tests_rules(tmp_path: Path) -> None:
    (tmp_path / "rules.yml").write_text(RULES)
    text = """\
rule_files: [rules.yml]
tests:
- input_series: [{series: 'pacs_check_healthy{node="ct"}', values: "1 0"}]
  alert_rule_test:
  - {eval_time: 1m, alertname: Down, exp_alerts: [{exp_labels: {node: ct}, exp_annotations: {summary: ct is down}}]}
"""
    (tmp_path / "good.yml").write_text(text)
    (tmp_path / "bad.yml").write_text(text.replace("ct is down", "mr is down"))
    done = command("test", "rules", tmp_path / "good.yml")
    assert (done.returncode, done.stdout) == (0, f"{tmp_path}/good.yml: 1 test: success\n")
    done = command("test", "rules", tmp_path / "good.yml", tmp_path / "bad.yml")
    assert done.returncode == 1
    assert "bad.yml:5: alertname Down, time 1m" in done.stderr
    assert done.stdout.endswith("bad.yml: 1 test: failed\n")


def test_check_config_covers_rules_and_what_an_older_prometheus_refuses(tmp_path: Path) -> None:
    path = configuration(tmp_path, RULES.replace("interval: 1s", "interval: 1s\n  query_offset: 1s"))
    assert command("check-config", "-c", path).returncode == 0
    done = command("check-config", "-c", path, "--target", "prometheus=2.42")
    assert done.returncode == 1
    assert "rules.yml:4: mine: query_offset: Prometheus 2.42 does not know it" in done.stderr
    assert command("check-config", "-c", path, "--target", "two").returncode == 2
    path.write_text(path.read_text().replace("[rules.yml]", "[builtin], disable: [NodeUp]"))
    assert "there is no built-in alert NodeUp; there is " in command("check-config", "-c", path).stderr
