"""What Prometheus loads although something is wrong with it: it loads here, too, and a warning tells of it."""
# ruff: noqa: E501  a message is one line, as it is printed

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from pacs_monitor.alerting.rulefile import read_rules
from tests.peers.process import program

RULE = "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: up\n"
RECORD = "groups:\n- name: g\n  rules:\n  - record: a:b\n    expr: up\n"
WARNINGS = [
    pytest.param(
        f"{RULE}  - alert: A\n    expr: up\n",
        ["rules.yml:6: g/A: the same rule with the same labels is in line 4; remove one"],
        id="a rule that is there twice",
    ),
    pytest.param(
        f"{RECORD}  - record: a:b\n    expr: up\n",
        ["rules.yml:6: g/a:b: the same rule with the same labels is in line 4; remove one"],
        id="a record that is there twice",
    ),
    pytest.param(
        f"{RULE}    annotations: {{a: '{{{{ if gt $value 3 }}}}x{{{{ end }}}}'}}\n",
        [
            "rules.yml:6: g/A: annotations: a: compares the value with 3, and Go takes that for another kind of number; write 3.0 (character 17); until then its text is an error, as in Prometheus"
        ],
        id="a template that fails whenever it is expanded",
    ),
    pytest.param(
        f"{RULE}    labels: {{a: '{{{{ .Foo }}}}'}}\n",
        [
            "rules.yml:6: g/A: labels: a: uses .Foo, which alerts do not have; there is $labels, $value, $externalLabels and $externalURL (character 4); until then its text is an error, as in Prometheus"
        ],
        id="a label with such a template",
    ),
    pytest.param(
        f"{RULE}    annotations: {{a: '{{{{ query `sum(` | first | value }}}}'}}\n",
        [
            "rules.yml:6: g/A: annotations: a: the query sum(: the expression ends where a metric, a number, a function or ( is needed; until then its text is an error, as in Prometheus"
        ],
        id="a template with a query that is no expression",
    ),
    pytest.param(
        f"{RULE}---\ngroups:\n- name: h\n  rules: []\n",
        ["rules.yml:6: begins a second document, which is not read, as in Prometheus; make it a file"],
        id="a second document",
    ),
    pytest.param(f"{RECORD}    annotations: {{}}\n    for: 0s\n", [], id="a record with annotations that say nothing"),
    pytest.param(RULE.replace("expr: up", "expr:\tup\t# why"), [], id="tabs between texts"),
]


@pytest.mark.parametrize(("text", "messages"), WARNINGS)
def test_what_prometheus_loads_is_loaded_with_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, messages: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("rules.yml").write_text(text)
    argv = [program("promtool", "prometheus"), "check", "rules", "rules.yml"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    read = read_rules(Path("rules.yml"))
    assert read.complaints == ()
    assert [str(one) for one in read.warnings] == messages
    assert [group.name for group in read.groups] == ["g"]
