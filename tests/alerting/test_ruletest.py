"""Files of rule tests: what is wrong with them, and where promtool would have another say."""
# ruff: noqa: E501  a message is one line, as it is printed

from __future__ import annotations

from pathlib import Path

import pytest

from pacs_monitor.alerting.ruletest import judge
from pacs_monitor.promql.features import EVERY

RULES = """\
groups:
- name: g
  rules:
  - {record: 'x:sum', expr: sum(x)}
  - {alert: High, expr: 'x:sum > 5', for: 1m, labels: {severity: page}, annotations: {a: '{{ $value }}'}}
"""
START = "rule_files: [rules.yml]\ntests:\n- "
MISTAKES = [
    ("", ["tests.yml:1: is empty; write `rule_files:` and `tests:`"]),
    ("- a\n", ["tests.yml:1: is empty; write `rule_files:` and `tests:`"]),
    ("tests: []\nfoo: 1\n", ["tests.yml:2: foo: there is no such setting; there is evaluation_interval, fuzzy_compare, group_eval_order, rule_files, tests"]),
    ("rule_files: [none*.yml]\n", ["tests.yml:1: rule_files: no file matches none*.yml; check the name"]),
    ("group_eval_order: [a, b, a]\n", ["tests.yml:1: group_eval_order: a is there twice; remove one of them"]),
    ("evaluation_interval: 1\n", ["tests.yml:1: evaluation_interval: 1 has no unit; write 1s for 1 second"]),
    (START + "alert_rule_tests: []\n", ["tests.yml:3: alert_rule_tests: there is no such setting; did you mean alert_rule_test?"]),
    (START + "name: one\n  input_series: [{series: 'x{', values: 1}]\n", ["tests.yml:4: one: series: x{ 1: the brace is not closed"]),
    (START + "input_series: [{series: x, values: 1 b}]\n", ["tests.yml:3: series: b is not a value; write a number, 1+2x5, _ or stale"]),
    (START + "input_series: [{series: x, values: '{{schema:0}}'}]\n", ["tests.yml:3: series: {{schema:0}}: native histograms are not evaluated here; write floats"]),
    (START + "start_timestamp: today\n", ["tests.yml:3: start_timestamp: today is no time; write seconds since 1970, or 2026-01-31T12:00:00Z"]),
    (START + "alert_rule_test: [{eval_time: 1m}]\n", ["tests.yml:3: alertname: is needed; write which alert is expected, or expected not to fire"]),
    (START + "alert_rule_test: [{eval_time: 1m, alertname: A, exp_alerts: [{labels: {}}]}]\n", ["tests.yml:3: labels: there is no such setting; did you mean exp_labels?"]),
    (START + "promql_expr_test: [{expr: 'sum(', eval_time: 1m}]\n", ["tests.yml:3: expr: the expression ends where a metric, a number, a function or ( is needed"]),
    (START + "promql_expr_test: [{expr: x, exp_samples: [{labels: 'x{', value: 1}]}]\n", ["tests.yml:3: labels: x{: the brace is not closed"]),
    (START + "promql_expr_test: [{expr: x, exp_samples: [{labels: 'x 1', value: 1}]}]\n", ["tests.yml:3: labels: 1 comes after the labels; remove it"]),
    (START + "promql_expr_test: [{expr: x, exp_samples: [{labels: x, value: one}]}]\n", ["tests.yml:3: value: one is no number; write for example 1.5"]),
    (START + "promql_expr_test: [{expr: x, exp_samples: [{labels: x, histogram: '{{}}'}]}]\n", ["tests.yml:3: histogram: native histograms are not evaluated here; use a classic histogram"]),
]  # fmt: skip


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("rules.yml").write_text(RULES)


def outcome(text: str) -> tuple[list[str], list[str]]:
    """Complaints and failures of a file of tests."""
    Path("tests.yml").write_text(text)
    found = judge(Path("tests.yml"))
    return [str(one) for one in found.complaints], list(found.failures)


@pytest.mark.parametrize(("text", "messages"), MISTAKES)
def test_a_mistake_in_a_file_of_tests_is_told(text: str, messages: list[str]) -> None:
    assert outcome(text) == (messages, [])


def test_what_is_wrong_with_the_rules_is_told() -> None:
    Path("rules.yml").write_text("groups:\n- name: g\n  rules:\n  - {alert: A, expr: 'up =='}\n")
    message = "rules.yml:4: g/A: expr: the expression ends where a metric, a number, a function or ( is needed"
    assert outcome(START + "name: a\n") == ([message], [])


def test_the_outcome_is_told_in_words() -> None:
    found = outcome(
        START
        + """name: load
  interval: 1m
  input_series: [{series: 'x{node="ct"}', values: 6x3}, {series: 'x{node="mr"}', values: 1x3}]
  alert_rule_test:
  - {eval_time: 0m, alertname: High}
  - {eval_time: 1m, alertname: High, exp_alerts: [{exp_labels: {severity: page}, exp_annotations: {a: "8"}}]}
  - {eval_time: 90s, alertname: High}
  promql_expr_test:
  - {expr: 'x:sum', eval_time: 2m, exp_samples: [{labels: 'x:sum', value: 7}]}
  - {expr: 'x:sum', eval_time: 2m, exp_samples: [{labels: 'x:sum', value: 8}]}
"""
    )
    assert found == (
        [],
        [
            "tests.yml:8: load: alertname High, time 1m\n"
            "  expected: {alertname=\"High\", severity=\"page\"} {'a': '8'}\n"
            "  got:      {alertname=\"High\", severity=\"page\"} {'a': '7'}",
            "tests.yml:9: load: alertname High, time 1m30s\n"
            "  expected: nothing\n"
            "  got:      {alertname=\"High\", severity=\"page\"} {'a': '7'}",
            "tests.yml:12: load: expr x:sum, time 2m\n  expected: x:sum{} 8.0\n  got:      x:sum{} 7.0",
        ],
    )


def test_a_rule_that_cannot_be_evaluated_ends_the_test() -> None:
    Path("rules.yml").write_text("groups:\n- name: g\n  rules:\n  - {alert: A, expr: x, labels: {node: all}}\n")
    complaints, failures = outcome(
        START
        + """input_series: [{series: 'x{node="ct"}', values: 6x3}, {series: 'x{node="mr"}', values: _ 1x3}]
  alert_rule_test: [{eval_time: 3m, alertname: A}]
"""
    )
    assert complaints == []
    assert len(failures) == 1
    assert failures[0].startswith("rules.yml:4: rule A, time 1m: vector contains metrics with the same labelset")


def test_a_beginning_may_be_given_in_two_ways() -> None:
    for start in ("1767268800", "2026-01-01T12:00:00Z"):
        text = (
            f"start_timestamp: {start}\n"
            "  input_series: [{series: x, values: 1x3}]\n"
            "  promql_expr_test:\n"
            "  - {expr: 'timestamp(x)', eval_time: 1m, exp_samples: [{value: 1767268860}]}\n"
            "  - {expr: 'hour()', eval_time: 1m, exp_samples: [{value: 12}]}\n"
        )
        assert outcome(START + text) == ([], [])


def test_without_an_interval_samples_come_at_each_evaluation() -> None:
    text = (
        "evaluation_interval: 30s\nrule_files: [rules.yml]\ntests:\n- input_series: [{series: x, values: 1+1x9}]\n"
        "  promql_expr_test:\n  - {expr: x, eval_time: 1m, exp_samples: [{labels: x, value: 3}]}\n"
        # Of a plain subquery, too, the step is that of the evaluations.
        "  - {expr: 'count_over_time(x[61s:])', eval_time: 2m, exp_samples: [{value: 3}]}\n"
    )
    assert outcome(text) == ([], [])


def test_a_rule_sees_no_sample_of_the_future() -> None:
    Path("rules.yml").write_text("groups:\n- name: g\n  rules:\n  - {record: y, expr: x offset -1m}\n")
    text = "input_series: [{series: x, values: 1 2 3}]\n  promql_expr_test: [{expr: y, eval_time: 1m, exp_samples: [{labels: y, value: 2}]}]\n"
    assert outcome(START + text) == ([], [])


@pytest.mark.parametrize(("fuzzy", "failures"), [("", 1), ("fuzzy_compare: true\n", 0)])
def test_a_number_may_be_its_neighbour_if_that_is_said(fuzzy: str, failures: int) -> None:
    text = "promql_expr_test: [{expr: 0.1 + 0.2, exp_samples: [{value: 0.3}]}]\n"
    assert len(outcome(fuzzy + START + text)[1]) == failures


EXPERIMENTAL = """\
groups:
- name: g
  rules:
  - {alert: Odd, expr: 'mad_over_time(x[5m]) > 1', annotations: {a: '{{ query `limitk(1, x)` | first | value }} at {{ with query `vector(start())` }}{{ . | first | value }}{{ end }}'}}
"""
OF_EXPERIMENTAL = (
    START + "interval: 1m\n  input_series: [{series: 'x', values: '1 5 9'}]\n"
    "  alert_rule_test: [{eval_time: 2m, alertname: Odd, exp_alerts: [{exp_annotations: {a: 9 at 120}}]}]\n"
    "  promql_expr_test: [{expr: 'ts_of_max_over_time(x[5m])', eval_time: 2m, exp_samples: [{value: 120}]}]\n"
)


def test_experimental_functions_are_tested_where_they_are_enabled() -> None:
    Path("rules.yml").write_text(EXPERIMENTAL)
    Path("tests.yml").write_text(OF_EXPERIMENTAL)
    enabled = judge(Path("tests.yml"), features=EVERY)
    assert (enabled.complaints, enabled.failures) == ((), ())
    refused = [str(one) for one in judge(Path("tests.yml")).complaints]
    remedy = (
        "set alerting.enable_features: [promql-experimental-functions] "
        "(test rules has --enable-feature promql-experimental-functions)"
    )
    for what in ("ts_of_max_over_time", "mad_over_time"):
        told = f"the function {what} is experimental in Prometheus and not evaluated here; {remedy}"
        assert [one.partition(": expr: ")[2] for one in refused].count(told) == 1, refused
