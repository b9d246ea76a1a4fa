"""Rules as a whole, from YAML to the annotations that people read: what ours gives, promtool must expect, too."""

from __future__ import annotations

import math
import subprocess
from pathlib import Path
from random import Random
from typing import Any

import pytest
from ruamel.yaml import YAML

from pacs_monitor.alerting.groups import Group, World
from pacs_monitor.alerting.rulefile import read_rules
from pacs_monitor.alerting.ruletest import judge
from pacs_monitor.history.store import History
from pacs_monitor.promql.engine import Engine
from pacs_monitor.promql.notation import parse_series
from pacs_monitor.promql.parse import parse
from tests.peers.process import program

MINUTE = 60_000
VALUES = ("0", "1", "0.001", "1234.5", "1e9", "-5", "NaN", "Inf", "-Inf", "1.5e-7", "86400", "3661.25", "1e21", "0.25")
TEMPLATES = (
    "{{ $labels.node }} of {{ $labels.nothing }}",
    "{{ .Value }} {{ $value }}",
    "{{ $value | humanize }} {{ humanize1024 $value }}",
    "{{ $value | humanizeDuration }}",
    "{{ $value | humanizePercentage }}",
    '{{ printf "%.2f|%5.1f|%g|%e|%v|%q|%s" $value $value $value $value $value $labels.node $labels.node }}',
    '{{ printf "%d %t %x" $value $value $labels.node }}',
    "{{ if gt $value 1.0 }}high{{ else if eq $value 1.0 }}one{{ else }}low{{ end }}",
    '{{ if and $labels.node (ne $labels.node "b") }}x{{ end }}{{ $labels.node | toUpper | title }}',
    "{{ $externalLabels.site }} {{ .ExternalLabels.site }} {{ $externalURL }}",
    '{{ reReplaceAll "(a|b)" "<$1>" $labels.node }} {{ match "^a" $labels.node }}',
    "{{- $x := $labels.node -}} {{ $x }} {{ len $x }} {{ index .Labels `node` }}",
    '{{ with query "max(x)" }}{{ . | first | value }}{{ end }}',
    '{{ range query "x" | sortByLabel "node" }}{{ .Labels.node }}={{ .Value }};{{ end }}',
    "{{ $labels }}",
    "{{ 1000 | humanize }}{{ 0.1 | humanize }}{{ 90 | humanizeDuration }}",
)
EXPRS = (
    "x > 0",
    "x",
    "x == 0",
    'x{node="a"} + 1',
    "rate(x[3m]) > 0",
    "sum by (node) (x) < 10",
    "x unless y",
    "absent(y)",
    "1",
)


def yaml(content: Any, path: Path) -> Path:
    with path.open("w") as file:
        dumper = YAML(typ="safe")
        dumper.width = 100_000  # where lines are folded, two spaces become one
        dumper.dump(content, file)
    return path


def made_rules(random: Random) -> list[dict[str, Any]]:
    """Some rules; all names differ."""
    rules: list[dict[str, Any]] = []
    for number in range(4):
        annotations = {f"a{place}": text for place, text in enumerate(random.sample(TEMPLATES, 4))}
        rules.append(
            {
                "alert": f"Alert{number}",
                "expr": random.choice(EXPRS),
                "for": random.choice(["0s", "1m", "2m", "5m"]),
                "keep_firing_for": random.choice(["0s", "0s", "1m", "3m"]),
                "labels": {"severity": "page", "about": random.choice(["{{ $labels.node }}", "", "fixed"])},
                "annotations": annotations,
            }
        )
    return [*rules[:2], {"record": "x:sum", "expr": "sum(x)", "labels": {"by": "hand"}}, *rules[2:]]


def made_series(random: Random) -> list[dict[str, str]]:
    """Values that come, stay, go and end."""
    series = []
    for name, node in (("x", "a"), ("x", "b"), ("y", "a")):
        parts: list[str] = []
        while len(parts) < 9:
            value = random.choice((*VALUES, "0", "1", "0", "1"))
            # This promtool takes no NaNx2.
            run = value if value[-1].isalpha() else f"{value}x2"
            parts.append(random.choice([run, value, f"_x{random.randint(1, 6)}", "stale", value]))
        series.append({"series": f'{name}{{node="{node}"}}', "values": " ".join(parts)})
    return series


def answers(rules: Path, series: list[dict[str, str]], minutes: int) -> tuple[list[Any], list[Any]]:
    """What ours gives, as a test that expects it."""
    history = History()
    for number, one in enumerate(series):
        labels, values = parse_series(f"{one['series']} {one['values']}")
        source = history.source(str(number))
        for place, value in enumerate(values):
            if value is not None:
                source.begin(place * MINUTE)
                history.put(history.series(labels, source), source, value)
    world = World(history, Engine(history, left_open=False), {"site": "north"}, "https://here")
    read = read_rules(rules)
    assert read.complaints == ()
    groups = [Group(group, world) for group in read.groups]
    alert_tests, expr_tests = [], []
    for minute in range(minutes):
        for group in groups:
            group.evaluate(minute * MINUTE)
            for alerts in group.alerts.values():
                firing = [
                    {
                        "exp_labels": {name: value for name, value in alert.labels.pairs if name != "alertname"},
                        "exp_annotations": dict(alert.annotations),
                    }
                    for alert in alerts.active.values()
                    if alert.state == "firing"
                ]
                alert_tests.append({"eval_time": f"{minute}m", "alertname": alerts.rule.name, "exp_alerts": firing})
    for expr in ("ALERTS", "ALERTS_FOR_STATE", "x:sum"):
        for minute in range(0, minutes, 3):
            vector = world.engine.vector(parse(expr), minute * MINUTE)
            samples = [{"labels": repr(labels), "value": value} for labels, value in vector]
            # In promtool's eyes NaN is never as expected.
            if not any(math.isnan(value) for _, value in vector):
                expr_tests.append({"expr": expr, "eval_time": f"{minute}m", "exp_samples": samples})
    return alert_tests, expr_tests


def promtool(path: Path) -> tuple[int, str]:
    argv = [program("promtool", "prometheus"), "test", "rules", str(path)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=150, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.timeout(240)
@pytest.mark.parametrize("seed", range(6))
def test_promtool_expects_what_ours_gives(seed: int, tmp_path: Path) -> None:
    random = Random(seed)
    rules = yaml({"groups": [{"name": "one", "rules": made_rules(random)}]}, tmp_path / "rules.yml")
    tests: list[dict[str, Any]] = []
    firing = 0
    for number in range(8):
        series = made_series(random)
        alerts, exprs = answers(rules, series, 20)
        firing += sum(len(one["exp_alerts"]) for one in alerts)
        tests.append(
            {
                "name": f"test {number}",
                "interval": "1m",
                "input_series": series,
                "alert_rule_test": alerts,
                "promql_expr_test": exprs,
                "external_labels": {"site": "north"},
                "external_url": "https://here",
            }
        )
    path = yaml({"rule_files": ["rules.yml"], "evaluation_interval": "1m", "tests": tests}, tmp_path / "tests.yml")
    assert firing > 50
    status, said = promtool(path)
    assert status == 0, said
    ours = judge(path, left_open=False)
    assert (ours.tests, ours.complaints, ours.failures) == (8, (), ())


def test_both_notice_what_is_not_as_expected(tmp_path: Path) -> None:
    rule = {"alert": "Up", "expr": "x > 1", "annotations": {"text": "{{ $value }}"}}
    yaml({"groups": [{"name": "one", "rules": [rule]}]}, tmp_path / "rules.yml")
    expected = {"exp_labels": {"node": "a"}, "exp_annotations": {"text": "3"}}
    test = {
        "interval": "1m",
        "input_series": [{"series": 'x{node="a"}', "values": "2 2"}],
        "alert_rule_test": [{"eval_time": "1m", "alertname": "Up", "exp_alerts": [expected]}],
        "promql_expr_test": [{"expr": "x", "eval_time": "1m", "exp_samples": [{"labels": 'x{node="b"}', "value": 2}]}],
    }
    path = yaml({"rule_files": ["rules.yml"], "tests": [test]}, tmp_path / "tests.yml")
    assert promtool(path)[0] == 1
    failures = judge(path).failures
    assert len(failures) == 2
    assert "alertname Up, time 1m\n  expected: {alertname=\"Up\", node=\"a\"} {'text': '3'}" in failures[0]
    assert 'expr x, time 1m\n  expected: x{node="b"} 2.0\n  got:      x{node="a"} 2.0' in failures[1]
