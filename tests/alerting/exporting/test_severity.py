"""Renamed severities, wherever they come from."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pacs_monitor.alerting.exporting.severities import rename_matcher, rename_template
from pacs_monitor.history.matchers import Matcher
from tests.alerting.exporting.support import configured, exported, fires, promtool, rules_export, rules_in

SWAP = {"critical": "warning", "warning": "critical"}
PAGE = ("--severity", "critical=page")


def export(folder: Path, rules: str, *words: str) -> str:
    return exported("--config", configured(folder, own=f"groups:\n- name: g\n  rules:\n{rules}"), *words)


TEMPLATES = [
    ("critical", "warning"),
    ("info", "info"),
    (
        '{{ if eq $labels.importance "critical" }}critical{{ else if $labels.x }}info{{ else }}warning{{ end }}',
        '{{ if eq $labels.importance "critical" }}warning{{ else }}'
        "{{ if $labels.x }}info{{ else }}critical{{ end }}{{ end }}",
    ),
    ("{{ with $labels.x }}{{ $y := . }}critical{{ end }}", "{{ with $labels.x }}{{ $y := . }}warning{{ end }}"),
    (
        "{{ $labels.importance }}",
        '{{ with printf "%v" ($labels.importance) }}{{ if eq . "critical" }}warning'
        '{{ else if eq . "warning" }}critical{{ else }}{{ . }}{{ end }}{{ end }}',
    ),
]


@pytest.mark.parametrize(("before", "after"), TEMPLATES, ids=[before for before, _ in TEMPLATES])
def test_names_in_templates_may_change_places(before: str, after: str) -> None:
    assert rename_template(before, SWAP) == after


def test_templates_give_the_new_names_in_prometheus(tmp_path: Path) -> None:
    rules = "".join(
        f"  - alert: A{place}\n    expr: x\n    labels: {{severity: {json.dumps(text)}}}\n"
        for place, (text, _) in enumerate(TEMPLATES)
    )
    made = export(tmp_path, rules, "--severity", "critical=warning", "--severity", "warning=critical")
    names = ["warning", "info", "warning", "warning", "warning"]
    assert fires(tmp_path, made, {'x{importance="critical", x="1"}': "1x20"}) == {
        f'{{alertname="A{place}", severity="{name}"}}' for place, name in enumerate(names)
    }
    assert '{alertname="A4", severity="critical"}' in fires(tmp_path, made, {'x{importance="warning"}': "1x20"})
    assert '{alertname="A4", severity="low"}' in fires(tmp_path, made, {'x{importance="low"}': "1x20"})


def test_a_severity_that_an_expression_or_a_record_makes_is_renamed(tmp_path: Path) -> None:
    rules = """\
  - record: a:b
    expr: x
    labels: {severity: critical}
  - alert: Recorded
    expr: a:b
  - alert: Replaced
    expr: label_replace(x, "severity", "critical", "", "")
  - alert: Copied
    expr: label_replace(x, "severity", "$1", "importance", "(.*)")
  - alert: Counted
    expr: count by (severity) (label_replace(x, "severity", "critical", "", ""))
  - alert: Plain
    expr: x
"""
    made = export(tmp_path, rules, *PAGE)
    assert [rule.get("labels") for rule in rules_in(made)].count(None) == 1
    names = ("Recorded", "Replaced", "Copied", "Counted")
    assert fires(tmp_path, made, {'x{importance="critical"}': "1x20"}) == {
        '{alertname="Plain"}',
        *(f'{{alertname="{name}", severity="page"}}' for name in names),
    }
    assert '{alertname="Copied", severity="low"}' in fires(tmp_path, made, {'x{importance="low"}': "1x20"})


def test_matchers_on_the_severity_of_alerts_follow_and_those_on_other_series_do_not(tmp_path: Path) -> None:
    rules = """\
  - alert: A
    expr: x
    labels: {severity: critical}
  - alert: B
    expr: x
    labels: {severity: info}
  - record: severity:alerts:count
    expr: count by (severity) (ALERTS{severity!="info"})
  - alert: Pages
    expr: severity:alerts:count{severity="critical"} > 0
  - alert: Quiet
    expr: 'count(ALERTS{severity=~"info|crit.*", alertstate="firing"}) > 1'
  - alert: Scraped
    expr: x{severity="critical"}
    annotations: {a: '{{ query "ALERTS{severity=\\"critical\\"}" | len }}'}
"""
    made = export(tmp_path, rules, *PAGE)
    found = rules_in(made)
    assert [rule["expr"] for rule in found[2:]] == [
        'count by (severity) (ALERTS{severity!="info"})',
        'severity:alerts:count{severity="page"} > 0',
        'count(ALERTS{severity=~"info|page",alertstate="firing"}) > 1',
        'x{severity="critical"}',
    ]
    assert found[-1]["annotations"]["a"] == r'{{ query "ALERTS{severity=\"page\"}" | len }}'
    assert fires(tmp_path, made, {"x": "1x20"}) == {
        '{alertname="A", severity="page"}',
        '{alertname="B", severity="info"}',
        '{alertname="Pages", severity="page"}',
        '{alertname="Quiet"}',
    }


KNOWN = ("critical", "warning", "info", "")


@pytest.mark.parametrize("op", ["=", "!=", "=~", "!~"])
@pytest.mark.parametrize(
    "value", ["critical", "warning", "info", "", "critical|info", "w.*|", ".*", ".+", "(?i)CRIT.*"]
)
def test_a_renamed_matcher_is_true_of_the_same_alerts(op: str, value: str) -> None:
    before = Matcher(op, "severity", value)
    after = rename_matcher(before, SWAP, KNOWN)
    assert [before.matches(one) for one in KNOWN] == [after.matches(SWAP.get(one, one)) for one in KNOWN]


def test_alerts_that_become_alike_are_exported_with_a_word_of_warning(tmp_path: Path) -> None:
    answer = rules_export("--output", tmp_path, "--severity", "warning=ticket", "--severity", "info=ticket")
    assert answer.status == 0
    said = "several of its rules have the same labels now; promtool says so, and alerts of one element become one"
    assert answer.err.splitlines() == [
        f"availability.yml: NodeDown: {said} (warning)",
        f"availability.yml: CheckDown: {said} (warning)",
        f"find.yml: FindFailed: {said} (warning)",
        f"ingest.yml: IngestFailed: {said} (warning)",
        f"queues.yml: QueueStuck: {said} (warning)",
        f"worklist.yml: WorklistDown: {said} (warning)",
        f"worklist.yml: WorklistEmpty: {said} (warning)",
    ]
    assert "duplicate rule(s) found" in promtool("check", "rules", tmp_path / "availability.yml")
