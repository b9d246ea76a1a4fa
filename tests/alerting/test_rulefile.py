"""One row for each mistake in a file of rules, with all that is said of it."""
# ruff: noqa: E501  a message is one line, as it is printed

from __future__ import annotations

from pathlib import Path

import pytest

from pacs_monitor.alerting.definitions import AlertingRule, ranges
from pacs_monitor.alerting.rulefile import read_rules
from pacs_monitor.alerting.target import target_of

MISTAKES = [
    pytest.param("", ["rules.yml:1: is empty; write `groups:` and below it a list of groups"], id="an empty file"),
    pytest.param("- a\n", ["rules.yml:1: is empty; write `groups:` and below it a list of groups"], id="no mapping"),
    pytest.param(
        "groups:\n\t- name: g\n",
        ["rules.yml:2: holds a tab where only spaces may stand; indent with spaces"],
        id="a tab",
    ),
    pytest.param(
        "groups: []\ngroups: []\n",
        ["rules.yml:2: groups: stands here for the second time, first in line 1; remove one of them"],
        id="a key that is there twice",
    ),
    pytest.param(
        "group: []\n",
        ["rules.yml:1: group: there is no such setting; did you mean groups?"],
        id="an unknown field at the top",
    ),
    pytest.param(
        "groups:\n- name: g\n  intervall: 1m\n  rules: []\n",
        ["rules.yml:3: intervall: there is no such setting; did you mean interval?"],
        id="an unknown field of a group",
    ),
    pytest.param(
        "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: up == 0\n    form: 5m\n",
        ["rules.yml:6: g/A: form: there is no such setting; did you mean for?"],
        id="an unknown field of a rule",
    ),
    pytest.param(
        "groups: {name: g}\n",
        ["rules.yml:1: groups: is a mapping; write a list, each line with -"],
        id="groups that are no list",
    ),
    pytest.param(
        "groups:\n- rules: []\n",
        ["rules.yml:2: name: every group needs one; write name: and a name"],
        id="a group without a name",
    ),
    pytest.param(
        "groups:\n- name: g\n  rules: []\n- name: g\n  rules: []\n",
        ["rules.yml:4: g: there is a group of this name in line 2; rename one"],
        id="two groups of one name",
    ),
    pytest.param(
        "groups:\n- name: g\n  rules:\n  - alert: A\n    record: a:b\n    expr: up\n",
        ["rules.yml:4: g/A: is both an alert and a record; keep one"],
        id="an alert that is a record, too",
    ),
    pytest.param(
        "groups:\n- name: g\n  rules:\n  - expr: up\n",
        ["rules.yml:4: g: is neither an alert nor a record; name one"],
        id="neither alert nor record",
    ),
    pytest.param(
        "groups:\n- name: g\n  rules:\n  - alert: A\n    for: 5m\n",
        ["rules.yml:4: g/A: expr: every rule needs one; write expr: and an expression"],
        id="no expression",
    ),
    pytest.param(
        "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: up ==\n",
        ["rules.yml:5: g/A: expr: the expression ends where a metric, a number, a function or ( is needed"],
        id="a syntax error",
    ),
    pytest.param(
        "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: |\n      up == 0\n      and or down\n",
        ["rules.yml:5: g/A: expr: down comes where an operator or the end is needed (line 2 of the expression)"],
        id="a syntax error in a long expression",
    ),
    pytest.param(
        "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: rat(up[5m])\n",
        ["rules.yml:5: g/A: expr: there is no function rat; is rate meant?"],
        id="an unknown function",
    ),
    pytest.param(
        "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: mad_over_time(up[5m]) > 1\n",
        [
            "rules.yml:5: g/A: expr: the function mad_over_time is experimental in Prometheus and not evaluated here; set alerting.enable_features: [promql-experimental-functions] (test rules has --enable-feature promql-experimental-functions)"
        ],
        id="an experimental function",
    ),
    pytest.param(
        "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: histogram_count(x) > 1\n",
        [
            "rules.yml:5: g/A: expr: histogram_count reads native histograms, which are not evaluated here; use a classic histogram"
        ],
        id="a native histogram",
    ),
    pytest.param(
        "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: rate(up)\n",
        [
            "rules.yml:5: g/A: expr: rate takes a range here, and this is a vector; add a range, such as [5m], or [5m:] behind what is no plain metric"
        ],
        id="a wrong type",
    ),
    pytest.param(
        "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: up[5m]\n",
        ["rules.yml:5: g/A: expr: gives a range of samples; a rule needs present values, as rate(x[5m]) has them"],
        id="a range",
    ),
    pytest.param(
        "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: '\"a\"'\n",
        ["rules.yml:5: g/A: expr: gives a text; a rule needs present values, as rate(x[5m]) has them"],
        id="a text",
    ),
    pytest.param(
        'groups:\n- name: g\n  rules:\n  - alert: A\n    expr: up{job=~"("}\n',
        ["rules.yml:5: g/A: expr: ( is no regular expression of RE2: missing ): ("],
        id="a bad regular expression",
    ),
    pytest.param(
        "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: a + on (x) group_left (x) b\n",
        ["rules.yml:5: g/A: expr: x is in on (...) and in group_left (...); take it out of one"],
        id="a matching that cannot be",
    ),
    pytest.param(
        "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: rate(up[2d]) > 0\n",
        [
            "rules.yml:5: g/A: expr: reads 48 h of up, and 24 h are kept; record it by a rule of its own and read that, or use a shorter range"
        ],
        id="more than is kept",
    ),
    pytest.param(
        "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: up\n    for: 5 minutes\n",
        ["rules.yml:6: g/A: for: 5 minutes is not a duration; write for example 15s, 5m or 1h30m"],
        id="a bad duration",
    ),
    pytest.param(
        "groups:\n- name: g\n  interval: often\n  rules: []\n",
        ["rules.yml:3: g: interval: often is not a duration; write for example 15s, 5m or 1h30m"],
        id="a bad interval",
    ),
    pytest.param(
        "groups:\n- name: g\n  limit: -1\n  rules: []\n",
        ["rules.yml:3: g: limit: is -1; write 0 for no limit, or how many alerts a rule may give"],
        id="a limit that is none",
    ),
    pytest.param(
        "groups:\n- name: g\n  limit: ten\n  rules: []\n",
        ["rules.yml:3: g: limit: is ten, not a whole number; write for example 10"],
        id="a limit that is no number",
    ),
    pytest.param(
        "groups:\n- name: g\n  rules:\n  - record: a:b\n    expr: up\n    for: 5m\n    annotations: {a: b}\n",
        [
            "rules.yml:6: g/a:b: for: is for alerts; a record has none",
            "rules.yml:7: g/a:b: annotations: is for alerts; a record has none",
        ],
        id="for at a record",
    ),
    pytest.param(
        "groups:\n- name: g\n  rules:\n  - record: a b\n    expr: up\n",
        ["rules.yml:4: g/a b: record: 'a b' is no metric's name; use letters, digits, _ and :"],
        id="a record that is no name",
    ),
    pytest.param(
        "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: up\n    labels: {__name__: B}\n",
        ["rules.yml:6: g/A: labels: __name__: is the metric's name; write record for it, or choose another name"],
        id="a label that is the metric's name",
    ),
    pytest.param(
        "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: up\n    labels: {'': B}\n",
        ["rules.yml:6: g/A: labels: '': cannot name a label; write a name"],
        id="a label without a name",
    ),
    pytest.param(
        "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: up\n    labels: [a]\n",
        ["rules.yml:6: g/A: labels: is a list; write `name: value` lines"],
        id="labels that are a list",
    ),
    pytest.param(
        "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: up\n    labels: {a: {b: c}}\n",
        ["rules.yml:6: g/A: labels: a: is a mapping; write one text"],
        id="a label that is no text",
    ),
    pytest.param(
        "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: up\n    annotations: {summary: '{{ $labels.node'}\n",
        ["rules.yml:6: g/A: annotations: summary: has {{ without its end; close it with }} (character 1)"],
        id="a template that is not closed",
    ),
    pytest.param(
        "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: up\n    annotations: {summary: '{{ $value | humanise }}'}\n",
        [
            "rules.yml:6: g/A: annotations: summary: calls humanise, and there is no such function; did you mean humanize? (character 13)"
        ],
        id="a template with an unknown function",
    ),
    pytest.param(
        "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: up\n    annotations: {summary: '{{ template \"x\" }}'}\n",
        [
            "rules.yml:6: g/A: annotations: summary: uses template, which is not supported here; write the text where it is needed (character 4)"
        ],
        id="a template that is not supported",
    ),
    pytest.param(
        "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: up\n    labels: {a: '{{ $lables.node }}'}\n",
        [
            "rules.yml:6: g/A: labels: a: uses $lables, which is not set; there is $labels, $externalLabels, $externalURL, $value (character 4)"
        ],
        id="a template with an unknown variable",
    ),
    pytest.param(
        "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: up\n    annotations:\n      text: |\n        a\n        b {{ $x }}\n",
        [
            "rules.yml:7: g/A: annotations: text: uses $x, which is not set; there is $labels, $externalLabels, $externalURL, $value (line 2, character 6)"
        ],
        id="a mistake in a long template",
    ),
    pytest.param(
        "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: up\n    annotations: {a: '{{ `max_over_time(x[2d])` | query | first | value }}'}\n",
        [
            "rules.yml:6: g/A: annotations: a: reads 48 h of x, and 24 h are kept; record it by a rule of its own and read that, or use a shorter range"
        ],
        id="a template with a query that reads more than is kept",
    ),
]
TARGETS = [
    (
        "prometheus=2.42",
        "groups:\n- name: g\n  query_offset: 1m\n  labels: {a: b}\n  rules:\n  - alert: A\n    expr: '{\"my.metric\"} > 1'\n    keep_firing_for: 1m\n",
        [
            "rules.yml:3: g: query_offset: Prometheus 2.42 does not know it; take it out, or load the rules in 2.53 or later",
            "rules.yml:4: g: labels: Prometheus 2.42 does not know it; take it out, or load the rules in 3.0 or later",
            "rules.yml:7: g/A: expr: Prometheus 2.42 does not take a name in quotes; write it in the older way",
        ],
    ),
    (
        "prometheus=2.41",
        "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: up\n    keep_firing_for: 1m\n",
        [
            "rules.yml:6: g/A: keep_firing_for: Prometheus 2.41 does not know it; take it out, or load the rules in 2.42 or later"
        ],
    ),
    (
        "prometheus=3",
        "groups:\n- name: g\n  query_offset: 1m\n  labels: {a: b}\n  rules:\n  - alert: A\n    expr: '{\"my.metric\"} > 1'\n    keep_firing_for: 1m\n",
        [],
    ),
]


@pytest.mark.parametrize(("text", "messages"), MISTAKES)
def test_a_mistake_is_told_with_its_line_its_rule_and_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, messages: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("rules.yml").write_text(text)
    read = read_rules(Path("rules.yml"))
    assert [str(complaint) for complaint in read.complaints] == messages
    assert read.groups == ()


@pytest.mark.parametrize(("version", "text", "messages"), TARGETS)
def test_what_a_version_of_prometheus_refuses_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, text: str, messages: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("rules.yml").write_text(text)
    assert [str(complaint) for complaint in read_rules(Path("rules.yml"), target_of(version)).complaints] == messages


@pytest.mark.parametrize("text", ["prometheus", "prometheus=two", "grafana=1", ""])
def test_a_version_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"write for example prometheus=2\.42 or prometheus=3"):
        target_of(text)


def test_all_mistakes_of_a_file_are_told_in_one_go(tmp_path: Path) -> None:
    (tmp_path / "rules.yml").write_text(
        "groups:\n- name: g\n  rules:\n  - {alert: A, expr: 'up =='}\n  - {alert: B, expr: up, for: x, foo: 1}\n"
        "  - {record: 'c d', expr: 'rat(x)'}\n"
    )
    complaints = read_rules(tmp_path / "rules.yml").complaints
    assert [(one.line, one.setting) for one in complaints] == [
        (4, "g/A: expr"),
        (5, "g/B: foo"),
        (5, "g/B: for"),
        (6, "g/c d: expr"),
        (6, "g/c d: record"),
    ]


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    (complaint,) = read_rules(tmp_path / "none.yml").complaints
    assert str(complaint) == f"{tmp_path}/none.yml: there is no such file; check the name"


def test_what_a_file_says_is_read(tmp_path: Path) -> None:
    (tmp_path / "rules.yml").write_text(
        """\
groups:
- name: g
  interval: 30s
  limit: 7
  query_offset: 1m
  labels: {team: pacs}
  rules:
  - alert: A
    expr: |
      rate(x[5m]) > 1
        and on (node) y offset 1h
    for: 2m
    keep_firing_for: 1h
    labels: {severity: page, team: other}
    annotations: {summary: "{{ $labels.node }}: ${1} 100%", more: '{{ query "z offset 1h" | first | value }}'}
  - {record: "a:b", expr: "1"}
"""
    )
    read = read_rules(tmp_path / "rules.yml")
    assert read.complaints == ()
    (group,) = read.groups
    alert, record = group.rules
    assert (group.name, group.interval, group.limit, group.query_offset) == ("g", 30_000, 7, 60_000)
    assert isinstance(alert, AlertingRule)
    assert (alert.name, alert.hold, alert.keep_firing_for) == ("A", 120_000, 3_600_000)
    assert alert.own_labels == {"severity": "page", "team": "other"}
    assert [(name, template.text) for name, template in alert.annotations] == [
        ("more", '{{ query "z offset 1h" | first | value }}'),
        ("summary", "{{ $labels.node }}: ${1} 100%"),
    ]
    assert (record.name, record.own_labels) == ("a:b", {"team": "pacs"})
    assert ranges(read.groups) == {"x": 360_000, "y": 3_960_000, "z": 3_960_000}
    assert alert.identity("g") == alert.identity("g") != alert.identity("h")


def test_rules_that_differ_in_their_expression_or_labels_may_share_a_name(tmp_path: Path) -> None:
    (tmp_path / "rules.yml").write_text(
        "groups:\n- name: g\n  rules:\n  - {alert: A, expr: up}\n  - {alert: A, expr: down}\n"
        "  - {alert: A, expr: up, labels: {a: b}}\n  - {record: b, expr: up}\n  - {record: b, expr: down}\n"
    )
    assert read_rules(tmp_path / "rules.yml").complaints == ()


def test_a_label_that_the_alert_s_name_replaces_is_warned_of(tmp_path: Path) -> None:
    (tmp_path / "rules.yml").write_text(
        "groups:\n- name: g\n  rules:\n  - {alert: A, expr: up, labels: {alertname: B}}\n"
    )
    read = read_rules(tmp_path / "rules.yml")
    assert [str(one).removeprefix(f"{tmp_path}/") for one in read.warnings] == [
        "rules.yml:4: g/A: labels: alertname: has no effect, as the alert's name takes its place"
    ]
    assert len(read.groups) == 1
