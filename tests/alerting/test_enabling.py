"""The setting that enables experimental functions, from the file to the alert."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pacs_monitor.alerting.target import target_of
from pacs_monitor.config import load
from pacs_monitor.settings import ConfigError
from tests.agent import RunningAgent, run_agent
from tests.peers.ports import free_port

RULES = """\
groups:
- name: mine
  interval: 1s
  rules:
  - record: nodes:first
    expr: limitk(1, pacs_check_healthy)
  - record: rule:start
    expr: vector(time() - start() + range() + step())
  - alert: Down
    expr: first_over_time(pacs_check_healthy[1m]) == 0
    annotations:
      summary: >-
        {{ with query `sort_by_label_desc(pacs_check_healthy, 'node')` }}{{ . | first | label `node` }}{{ end }}
        is down
"""
ENABLED = "enable_features: [promql-experimental-functions]"
REFUSED = (
    "is experimental in Prometheus and not evaluated here; set alerting.enable_features: "
    "[promql-experimental-functions] (test rules has --enable-feature promql-experimental-functions)"
)


def alerting(folder: Path, *settings: str, rules: str = RULES) -> str:
    """A site with one node that is down, and the section with these settings."""
    (folder / "rules.yml").write_text(rules)
    section = ", ".join(("scrape_interval: 500ms", "rules: [rules.yml]", *settings))
    checks = f"[{{tcp: {{port: {free_port()}, interval: 300ms}}}}]"
    return f"nodes:\n  - {{name: ct, host: 127.0.0.1, checks: {checks}}}\nalerting: {{{section}}}\n"


def complaints(folder: Path, text: str, target: str = "") -> list[str]:
    """What is wrong with a configuration, without its folder."""
    path = folder / "pacs-monitor.yml"
    path.write_text(text)
    try:
        load(path, target=target_of(target) if target else None)
    except ConfigError as error:
        return [str(one).replace(f"{folder}/", "") for one in error.complaints]
    return []


def test_rules_with_experimental_functions_load_only_where_they_are_enabled(tmp_path: Path) -> None:
    assert complaints(tmp_path, alerting(tmp_path)) == [
        f"rules.yml:6: mine/nodes:first: expr: the aggregation limitk {REFUSED}",
        f"rules.yml:8: mine/rule:start: expr: the function start {REFUSED}",
        f"rules.yml:10: mine/Down: expr: the function first_over_time {REFUSED}",
    ]
    assert complaints(tmp_path, alerting(tmp_path, ENABLED)) == []


def test_a_feature_that_there_is_not_is_told(tmp_path: Path) -> None:
    text = alerting(tmp_path, "enable_features: [promql-duration-expr]", rules="groups: []\n")
    assert complaints(tmp_path, text) == [
        "pacs-monitor.yml:3: alerting.enable_features[0]: promql-duration-expr is none of "
        "promql-experimental-functions; write one of them"
    ]


def test_what_an_older_prometheus_lacks_is_told_all_the_same(tmp_path: Path) -> None:
    text = alerting(tmp_path, ENABLED, rules=RULES.replace("first_over_time", "mad_over_time"))
    flag = "with --enable-feature=promql-experimental-functions"
    assert complaints(tmp_path, text, "prometheus=2.53") == [
        "rules.yml:6: mine/nodes:first: expr: Prometheus 2.53 does not know limitk; "
        f"use another aggregation, or load the rules in 2.54 or later {flag}",
        "rules.yml:8: mine/rule:start: expr: Prometheus 2.53 does not know start; "
        f"use another function, or load the rules in 3.11 or later {flag}",
    ]
    assert complaints(tmp_path, text, "prometheus=3") == []


def asked(agent: RunningAgent, expression: str) -> tuple[int, str]:
    """The status and the only value, or the error."""
    answer = agent.get("/api/v1/query", params={"query": expression})
    told = answer.json()
    if answer.status_code != 200:
        return answer.status_code, told["error"]
    found = told["data"]["result"]
    return 200, found[0]["value"][1] if found else ""


def test_the_running_agent_follows_the_setting(tmp_path: Path) -> None:
    plain = "groups: [{name: mine, interval: 1s, rules: [{record: 'a:b', expr: '1'}]}]\n"
    with run_agent(tmp_path, alerting(tmp_path, rules=plain)) as agent:
        agent.wait_for(lambda: asked(agent, "a:b") == (200, "1"))
        assert asked(agent, "limitk(1, x)") == (400, f"the aggregation limitk {REFUSED} (character 1)")
        settings = agent.config.read_text()
        (tmp_path / "rules.yml").write_text(RULES)
        agent.config.write_text(settings.replace("rules: [rules.yml]", f"rules: [rules.yml], {ENABLED}"))
        agent.wait_for(lambda: asked(agent, "nodes:first") == (200, "0"))
        agent.wait_for(lambda: asked(agent, "rule:start") == (200, "0"))
        agent.wait_for(lambda: "alert Down fires: ct is down" in agent.process.output())
        assert asked(agent, "count(limitk(1, pacs_check_healthy))") == (200, "1")
        (tmp_path / "rules.yml").write_text(plain)
        agent.config.write_text(settings)
        agent.wait_for(lambda: asked(agent, "limitk(1, x)")[0] == 400)


def test_the_agent_starts_with_the_setting(tmp_path: Path) -> None:
    with run_agent(tmp_path, alerting(tmp_path, ENABLED)) as agent:
        agent.wait_for(lambda: asked(agent, "limitk(1, nodes:first)") == (200, "0"))
        command = [sys.executable, "-m", "pacs_monitor", "query", "max_of(2, 3)", "--json", "-c", str(agent.config)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        assert '"3"' in done.stdout


TESTS = """\
rule_files: [rules.yml]
tests:
- interval: 1m
  input_series: [{series: pacs_check_healthy, values: 0 1 1}]
  promql_expr_test: [{expr: 'nodes:first + max_of(0, 1)', eval_time: 2m, exp_samples: [{value: 2}]}]
"""


@pytest.mark.parametrize(
    ("flags", "status", "said", "complained"),
    [
        (["--enable-feature", "promql-experimental-functions"], 0, "tests.yml: 1 test: success\n", ""),
        (["--enable-feature=promql-experimental-functions,"], 0, "tests.yml: 1 test: success\n", ""),
        (
            [],
            1,
            "tests.yml: 1 test: failed\n",
            f"rules.yml:6: mine/nodes:first: expr: the aggregation limitk {REFUSED}",
        ),
        (
            ["--enable-feature", "agent"],
            2,
            "",
            "--enable-feature: there is no feature agent; there is promql-experimental-functions",
        ),
    ],
    ids=["enabled", "with a comma", "not enabled", "an unknown feature"],
)
def test_rule_tests_have_a_flag(tmp_path: Path, flags: list[str], status: int, said: str, complained: str) -> None:
    (tmp_path / "rules.yml").write_text(RULES)
    (tmp_path / "tests.yml").write_text(TESTS)
    command = [sys.executable, "-m", "pacs_monitor", "test", "rules", *flags, "tests.yml"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (status, said), done.stderr
    assert complained in done.stderr
