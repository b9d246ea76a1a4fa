"""Expressions that ours takes, and whether Prometheus 2.42 does: Debian's promtool is the judge."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from pacs_monitor.alerting.target import target_of
from pacs_monitor.promql.features import EVERY
from pacs_monitor.promql.parse import parse
from tests.peers.process import program

EXPRESSIONS = (
    "x[300:]",
    "rate(x[300])",
    "rate(x[5m] offset 5)",
    "rate(x[5m] offset 5m)",
    "x > 5m",
    "x > 5m\nor x",
    "x > 300",
    "x + -5m",
    'x{a="5m"}',
    "x # 5m",
    "vector(1) > bool 1h30m",
    '{"a.b"}',
    '{"a.b", c="d"}',
    '{c="d", "a.b"}',
    '{c="d,e", f=~"a{1,2}"}',
    'x{"a"="b"}',
    'x{a="b", "c"="d"}',
    "{a='b'}",
    'sum by ("a.b") (x)',
    'x + on ("a") y',
    "sum by (a) (x)",
    "x + on (a) group_left (b) y",
    'label_replace(x, "a-b", "$1", "c", ".*")',
    'count_values("a.b", x)',
    "x + 1_000",
    "x_1_000",
    "0x10",
    "1.5e3",
    "Inf",
    "x offset -5m",
    "x @ 5",
    "x @ 1.5e9",
    "max_over_time(x[5m:])",
    "max_over_time(x[5m:30s])",
    "max_over_time(x[5m:30])",
    "max_over_time(x[1h:1m] offset 5m)",
    "last_over_time(x[1h30m])",
    "rate(x[ 5m ])",
    "x atan2 y",
    "present_over_time(x[1d])",
    "absent_over_time(x[5m])",
    "sgn(x)",
    "clamp(x, 0, 1)",
    "acosh(x)",
    "x5m",
    "x:5m",
    "topk(5, x)",
    "quantile_over_time(0.5, x[5m])",
    "(x > 1) and on (a) (y unless z)",
)


def test_what_prometheus_2_42_does_not_take_is_told_and_no_more(tmp_path: Path) -> None:
    target = target_of("prometheus=2.42")
    for number, text in enumerate(EXPRESSIONS):
        parse(text)
        rules = {"groups": [{"name": "g", "rules": [{"record": "y", "expr": text}]}]}
        (tmp_path / f"{number:03}.yml").write_text(json.dumps(rules))
    argv = [program("promtool", "prometheus"), "check", "rules", *sorted(path.name for path in tmp_path.iterdir())]
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    refused = {int(number) for number in re.findall(r"^(\d{3})\.yml:", done.stdout + done.stderr, re.MULTILINE)}
    assert {EXPRESSIONS[number] for number in refused} == {text for text in EXPRESSIONS if target.expr_fault(text)}
    assert len(refused) > 10


@pytest.mark.parametrize(
    ("text", "name", "since", "what"),
    [
        ('sort_by_label(x, "a")', "sort_by_label", "2.51", "function"),
        ("mad_over_time(x[5m])", "mad_over_time", "2.52", "function"),
        ("limitk(1, x)", "limitk", "2.54", "aggregation"),
        ("LIMIT_RATIO by (a) (0.5, x)", "limit_ratio", "2.54", "aggregation"),
        ("double_exponential_smoothing(x[5m], 0.5, 0.5)", "double_exponential_smoothing", "3.0", "function"),
        ("ts_of_max_over_time(x[5m])", "ts_of_max_over_time", "3.5", "function"),
        ("ts_of_first_over_time(x[5m])", "ts_of_first_over_time", "3.7", "function"),
        ('histogram_quantiles(x, "q", 0.5)', "histogram_quantiles", "3.11", "function"),
        ("x @ start() > start ()", "start", "3.11", "function"),
        ("vector(min_of(1, 2))", "min_of", "3.13", "function"),
    ],
)
def test_an_older_version_does_not_know_what_is_experimental_later(text: str, name: str, since: str, what: str) -> None:
    parse(text, EVERY)
    for version in ("2.42", "2.50"):
        assert target_of(f"prometheus={version}").expr_fault(text) == (
            f"Prometheus {version} does not know {name}; use another {what}, or load the rules in {since} or later "
            "with --enable-feature=promql-experimental-functions"
        )
    for version in (since, "3"):
        assert target_of(f"prometheus={version}").expr_fault(text) == ""


def test_a_modifier_is_older_than_the_function_of_its_name() -> None:
    for text in ("x @ start()", "x @end ( )", "sum by (start, end) (range)", 'x{step="start()"}', "x # step()"):
        assert target_of("prometheus=2.42").expr_fault(text) == "", text


def test_without_a_minor_version_the_newest_3_is_meant() -> None:
    assert str(target_of("prometheus=3")) == "Prometheus 3"
    assert str(target_of("prometheus=3.0")) == "Prometheus 3.0"
