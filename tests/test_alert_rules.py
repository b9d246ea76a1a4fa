"""The alert rules that come with the agent: tested by promtool and the agent, documented, true to its metrics."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from pacs_monitor.alerting.definitions import AlertingRule, RecordingRule, Rule
from pacs_monitor.alerting.loading import builtin_files
from pacs_monitor.alerting.rulefile import read_rules
from pacs_monitor.alerting.ruletest import judge
from pacs_monitor.alerting.target import Target
from pacs_monitor.promql.ast import Aggregation, Binary, Expr, Selector, children
from pacs_monitor.promql.parse import parse
from tests.pages import ROOT, block, generator, read, section
from tests.peers.process import program

pytestmark = pytest.mark.timeout(600)

FILES = builtin_files()
TESTS = sorted((ROOT / "alert_rules/tests").glob("*.yml"))
RUNBOOKS = ROOT / "docs/runbooks"
PAGE = "docs/alerts.md"
RULES: list[Rule] = [rule for path in FILES for group in read_rules(path).groups for rule in group.rules]
ALERTS = [rule for rule in RULES if isinstance(rule, AlertingRule)]
NAMES = sorted({rule.name for rule in ALERTS})

SCRAPED = {"job", "instance"}
OF_A_CHECK = SCRAPED | {"site", "node", "check", "kind", "role", "importance"}
OF_A_NODE = SCRAPED | {"site", "node", "role", "importance", "host", "port", "ae_title", "hours"}


def nodes_of(expr: Expr) -> Iterator[Expr]:
    yield expr
    for child in children(expr):
        yield from nodes_of(child)


def selectors(rule: Rule) -> list[Selector]:
    return [one for one in nodes_of(rule.expr) if isinstance(one, Selector)]


def run(name: str, package: str, *words: str | Path) -> None:
    """A program that must succeed; AssertionError with its output if it does not."""
    argv = [program(name, package), *map(str, words)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=580, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


# They do what they should.


def test_promtool_accepts_every_file() -> None:
    run("promtool", "prometheus", "check", "rules", *FILES)


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.stem)
def test_the_tests_succeed_by_promtool(path: Path) -> None:
    run("promtool", "prometheus", "test", "rules", path)


@pytest.mark.parametrize("left_open", [True, False], ids=["as 3.x", "as 2.x"])
@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.stem)
def test_the_tests_succeed_in_the_agent(path: Path, left_open: bool) -> None:
    outcome = judge(path, left_open)
    assert outcome.complaints == ()
    assert outcome.failures == ()
    assert outcome.tests > 1


def test_nothing_in_them_is_newer_than_the_oldest_prometheus_that_is_promised() -> None:
    for path in FILES:
        found = read_rules(path, Target((2, 42)))
        assert (found.complaints, found.warnings) == ((), ())
        assert max(map(len, path.read_text().splitlines())) <= 120, path.name


def test_the_agent_loads_the_rules_and_not_their_tests() -> None:
    assert [path.name for path in FILES] == [
        "agent.yml",
        "archive.yml",
        "arrivals.yml",
        "availability.yml",
        "capabilities.yml",
        "certificates.yml",
        "find.yml",
        "ingest.yml",
        "queues.yml",
        "recording.yml",
        "storage.yml",
        "worklist.yml",
    ]


# Each is tested, firing and not.


def expectations() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """(alert, the alerts that a test expects of it) of every test."""
    for path in TESTS:
        for test in YAML(typ="safe").load(path)["tests"]:
            for one in test.get("alert_rule_test", ()):
                yield one["alertname"], one["exp_alerts"]


def test_each_rule_has_a_test_in_which_it_fires() -> None:
    fired = {
        (name, alert["exp_labels"]["severity"], alert["exp_labels"].get("cause"))
        for name, alerts in expectations()
        for alert in alerts
    }
    assert fired == {(rule.name, rule.own_labels["severity"], rule.own_labels.get("cause")) for rule in ALERTS}


def test_each_alert_has_a_test_in_which_it_does_not_fire() -> None:
    assert {name for name, alerts in expectations() if not alerts} == set(NAMES) - {"Watchdog"}


def test_each_event_of_a_first_week_is_told_of_with_what_it_gives() -> None:
    rows = re.findall(r"^\| .+ \|$", section(PAGE, "A first week").partition("So in a first week")[0], re.MULTILINE)[2:]
    tests = [test for path in TESTS if "first_week" in path.stem for test in YAML(typ="safe").load(path)["tests"]]
    loud = [test["name"] for test in tests if test["promql_expr_test"][0]["exp_samples"]]
    assert len(loud) == sum(not row.split("|")[2].strip().startswith("none") for row in rows)
    assert len(tests) >= len(rows)


# They read what there is, and nothing that is no fault.


def declared() -> dict[str, set[str]]:
    """Labels by metric. The table is compared with a running agent by test_docs."""
    rows = re.findall(r"^\| `(pacs_\w+)` \| \w+ \|(.*?)\| .+ \|$", read("docs/metrics.md"), re.MULTILINE)
    return {name: set(re.findall(r"`(\w+)`", told)) | common(name) for name, told in rows}


def common(metric: str) -> set[str]:
    if metric.startswith("pacs_monitor_"):
        return SCRAPED
    if metric == "pacs_node_info":
        return OF_A_NODE
    return SCRAPED | {"site"} if metric.startswith(("pacs_hours_", "pacs_maintenance_")) else OF_A_CHECK


KNOWN = {**declared(), "up": SCRAPED, "instance:pacs_checks_silent:ratio": SCRAPED}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.name}-{rule.line}")
def test_a_rule_names_only_metrics_and_labels_that_there_are(rule: Rule) -> None:
    named, read_here = set[str](), selectors(rule)
    assert {one.name for one in read_here} <= set(KNOWN)
    for one in read_here:
        assert {matcher.name for matcher in one.matchers} - {"__name__"} <= KNOWN[one.name], str(one)
    for node in nodes_of(rule.expr):
        if isinstance(node, Binary) and node.matching:
            named |= {*node.matching.labels, *node.matching.include}
        if isinstance(node, Aggregation):
            named |= set(node.labels)
    assert named <= {label for one in read_here for label in KNOWN[one.name]}


def test_no_alert_asks_for_a_single_run_for_latency_or_for_the_load_of_a_machine() -> None:
    names = {one.name for rule in ALERTS for one in selectors(rule)}
    assert names & {"pacs_check_up", "pacs_dicom_phase_seconds", "pacs_check_duration_seconds"} == set()
    assert [name for name in names if re.search(r"_cpu|_memory|_load_|process_", name)] == []


def test_every_alert_of_checks_honours_suppression() -> None:
    ours = [
        rule
        for rule in ALERTS
        if any(one.name.startswith(("pacs_check_h", "pacs_disk", "pacs_ingest")) for one in selectors(rule))
    ]
    assert len(ours) > 10
    for rule in ours:
        assert "unless on (site, node, check) pacs_check_suppressed == 1" in rule.text, rule.name


def test_check_down_leaves_out_only_kinds_that_have_alerts_of_their_own() -> None:
    (pattern,) = {
        matcher.value
        for rule in ALERTS
        if rule.name == "CheckDown"
        for one in selectors(rule)
        for matcher in one.matchers
        if (matcher.name, matcher.op) == ("kind", "!~")
    }
    assert sorted(pattern.split("|")) == ["c_echo", "c_find", "disk", "ingest", "tcp", "worklist"]
    assert set(pattern.split("|")) < set(generator()["shipped"]())
    others = " ".join(rule.text for rule in ALERTS if rule.name != "CheckDown")
    assert [kind for kind in pattern.split("|") if not re.search(rf'kind=~?"[\w|]*\b{kind}\b', others)] == []


# Rules of one name differ where they should.

IMPORTANCES = {'importance="critical"': "critical", 'importance!~"critical|low"': "warning", 'importance="low"': "info"}


@pytest.mark.parametrize(
    "name", ["NodeDown", "CheckDown", "IngestFailed", "FindFailed", "WorklistDown", "WorklistEmpty"]
)
def test_severity_comes_from_importance_and_all_else_is_the_same(name: str) -> None:
    found, texts = [], set()
    for rule in ALERTS:
        if rule.name == name:
            (importance,) = {text for text in IMPORTANCES if text in rule.text}
            found.append((importance, rule.own_labels["severity"]))
            texts.add(rule.text.replace(importance, "IMPORTANCE").replace(', role!="modality"', ""))
    assert dict(found) == IMPORTANCES
    assert len(texts) == 1
    assert len({rule.annotations for rule in ALERTS if rule.name == name}) == 1


def test_nothing_of_low_importance_and_no_modality_that_is_not_critical_pages() -> None:
    pages = [rule for rule in ALERTS if rule.own_labels["severity"] == "critical" and "importance" in rule.text]
    assert len(pages) == 8
    for rule in pages:
        (health, *_) = selectors(rule)
        assert ("importance", "critical") in {(matcher.name, matcher.value) for matcher in health.matchers}


# They are documented.


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: f"{rule.name}-{rule.line}")
def test_an_alert_says_what_it_is_and_where_to_read_on(rule: AlertingRule) -> None:
    annotations = {name: template.text for name, template in rule.annotations}
    assert set(annotations) == {"summary", "description", "runbook"}
    assert annotations["runbook"] == f"docs/runbooks/{rule.name}.md"
    assert (ROOT / annotations["runbook"]).is_file()
    assert annotations["summary"][-1] != "."
    used = re.findall(r"\{\{\s*(.*?)\s*\}\}", " ".join(annotations.values()))
    plain = re.compile(r"\$labels\.\w+|\$value( \| humanize\w*)?|printf \"[^\"]+\" \$value|if \$labels\.\w+|end")
    assert [text for text in used if not plain.fullmatch(text)] == []


def test_each_alert_has_a_row_and_a_runbook_and_there_are_no_others() -> None:
    rows = re.findall(r"^\| `(\w+)` \| .+ \| \[\1\]\(runbooks/\1\.md\) \|$", section(PAGE, "The alerts"), re.MULTILINE)
    assert sorted(rows) == NAMES
    assert sorted(path.stem for path in RUNBOOKS.glob("*.md")) == NAMES


def test_the_page_names_the_recording_rules() -> None:
    names = {rule.name for rule in RULES if isinstance(rule, RecordingRule)}
    assert set(re.findall(r"`(\w+:pacs_\w+:\w+)`", read(PAGE))) == names


@pytest.mark.parametrize("name", NAMES)
def test_a_runbook_says_what_it_means_and_when_it_is_no_alarm_within_two_screens(name: str) -> None:
    text = (RUNBOOKS / f"{name}.md").read_text()
    assert text.startswith(f"# {name}\n\n**What it means.** ")
    assert re.search(r"^## (False alarm\?|It bothers somebody)$", text, re.MULTILINE)
    assert 20 < len(text.splitlines()) <= 80


def test_queries_in_runbooks_are_expressions_over_metrics_that_there_are() -> None:
    queries = [query for path in RUNBOOKS.glob("*.md") for query in re.findall(r"query '(.+?)'", path.read_text())]
    assert len(queries) > 4
    for query in queries:
        assert {one.name for one in nodes_of(parse(query)) if isinstance(one, Selector)} <= set(KNOWN), query


def test_the_examples_of_the_page_are_accepted(tmp_path: Path) -> None:
    (tmp_path / "own.yml").write_text(block(PAGE, "yaml", "MailSlow"))
    run("promtool", "prometheus", "check", "rules", tmp_path / "own.yml")
    assert read_rules(tmp_path / "own.yml").complaints == ()
    config = tmp_path / "prometheus.yml"
    config.write_text(block(PAGE, "yaml", "scrape_configs").replace("alert_rules/", f"{ROOT}/alert_rules/"))
    run("promtool", "prometheus", "check", "config", config)
    routes = tmp_path / "alertmanager.yml"
    routes.write_text(block(PAGE, "yaml", "inhibit_rules") + "receivers: [{name: pager}]\n")
    run("amtool", "prometheus-alertmanager", "check-config", routes)


def test_the_route_of_the_watchdog_is_accepted(tmp_path: Path) -> None:
    shown = block("docs/runbooks/Watchdog.md", "yaml", "dead-mans-switch")
    lines = "".join(f"  {line}\n" for line in shown.splitlines())
    path = tmp_path / "alertmanager.yml"
    path.write_text(f"route:\n  receiver: pager\n{lines}receivers: [{{name: pager}}, {{name: dead-mans-switch}}]\n")
    run("amtool", "prometheus-alertmanager", "check-config", path)
