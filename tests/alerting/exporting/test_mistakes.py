"""Each mistake has one sentence, with the remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.alerting.exporting.support import configured, exported, rules_export

REMEDY = 'write matchers such as job="pacs"'

OPTIONS = [
    (["--format", "grafana"], "--format: grafana is not a format; use prometheus or operator"),
    (["--selector", ""], f"--selector: is empty; {REMEDY}, or leave it out"),
    (["--selector", "{}"], f"--selector: is empty; {REMEDY}, or leave it out"),
    (
        ["--selector", "job=pacs"],
        f"--selector: job=pacs: pacs comes where the value of a label is needed, in quotes; {REMEDY}",
    ),
    (
        ["--selector", 'up{job="a"}'],
        '--selector: up{job="a"}: { comes where a matcher needs =, !=, =~ or !~ and a value, such as node="ct1"; '
        f"{REMEDY}",
    ),
    (["--selector", 'job=~"("'], f'--selector: job=~"(": ( is no regular expression of RE2: missing ): (; {REMEDY}'),
    (
        ["--selector", 'job="a"} or x{job="b"'],
        f'--selector: job="a"}} or x{{job="b" is more than matchers; {REMEDY}',
    ),
    (["--selector", 'job="a"} offset 5m #'], f'--selector: job="a"}} offset 5m # is more than matchers; {REMEDY}'),
    (
        ["--selector", '__name__=~"pacs_.*"'],
        f'--selector: __name__=~"pacs_.*" chooses a metric, and each rule names its own; {REMEDY}',
    ),
    (["--selector", '"up"'], f'--selector: __name__="up" chooses a metric, and each rule names its own; {REMEDY}'),
    (
        ["--selector", 'job="a",job="b"'],
        '--selector: no series meets both job="a" and job="b"; leave one out',
    ),
    (
        ["--selector", 'job="a",job!~"a|b"'],
        '--selector: no series meets both job="a" and job!~"a|b"; leave one out',
    ),
    (
        ["--selector", 'site="north"'],
        "--selector: site comes from the agent, and up and the agent's own series lack it, so that AgentBlind would "
        "never fire; name a label of the scrape, such as job or instance",
    ),
    (["--severity", "critical"], "--severity: critical has no =; write OLD=NEW, such as critical=page"),
    (["--severity", "critical="], "--severity: critical= lacks a name; write OLD=NEW, such as critical=page"),
    (["--severity", "a=b=c"], "--severity: b=c cannot name a severity; write OLD=NEW, such as critical=page"),
    (["--severity", "a={{b}}"], "--severity: {{b}} cannot name a severity; write OLD=NEW, such as critical=page"),
    (
        ["--severity", "critical=a", "--severity", "critical=b"],
        "--severity: critical is to be both a and b; give it once",
    ),
    (["--namespace", "m"], "--namespace is for --format operator; leave it out, or add that"),
    (["--label", "a=b"], "--label is for --format operator; leave it out, or add that"),
    (
        ["--format", "operator", "--namespace", "Mon"],
        "--namespace: Mon is no namespace; write up to 63 small letters, digits and -, such as monitoring",
    ),
    (
        ["--format", "operator", "--label", "release"],
        "--label: release has no =; write NAME=VALUE, such as release=prometheus",
    ),
    (
        ["--format", "operator", "--label", "a=b c"],
        "--label: a=b c is no label for Kubernetes; write up to 63 letters, digits, -, _ and . on each side, such as "
        "release=prometheus",
    ),
    (
        ["--format", "operator", "--label", "a=b", "--label", "a=c"],
        "--label: a is to be both b and c; give it once",
    ),
    (
        ["--target", "grafana"],
        "grafana is no version of Prometheus; write for example prometheus=2.42 or prometheus=3",
    ),
]


@pytest.mark.parametrize(("words", "message"), OPTIONS, ids=lambda value: " ".join(value)[:40])
def test_a_wrong_option_is_told_in_one_sentence_and_gives_2(words: list[str], message: str) -> None:
    assert rules_export(*words) == (2, "", f"{message}\n")


def test_a_severity_that_no_alert_has_is_told_with_those_that_there_are() -> None:
    assert rules_export("--severity", "criticl=page") == (
        1,
        "",
        "--severity: no exported alert has the severity criticl; did you mean critical?\n",
    )
    assert rules_export("--severity", "P1=page").err == (
        "--severity: no exported alert has the severity P1; there is critical, info, none, warning\n"
    )


RULES = [
    (
        "- alert: A\n    expr: x:y > 1",
        ["--selector", 'job="pacs"'],
        "x:y is given by no exported rule, so whether --selector fits it is not known; export the rule that gives it "
        "as well",
    ),
    (
        '- alert: A\n    expr: ALERTS{alertname="B"}',
        ["--selector", 'job="pacs"'],
        'ALERTS{alertname="B"} is given by no exported rule, so whether --selector fits it is not known; export the '
        "rule that gives it as well",
    ),
    (
        '- alert: A\n    expr: count(ALERTS{alertstate="firing"}) > 5\n  - alert: B\n    expr: up == 0',
        ["--selector", 'job="pacs"'],
        'ALERTS{alertstate="firing"} reads series with job and such as their rules leave without it, so --selector '
        "cannot be added; read them by two selectors",
    ),
    (
        '- alert: A\n    expr: up{job="node"} == 0',
        ["--selector", 'job="pacs"'],
        'up{job="node"} reads nothing that meets job="pacs"; leave this rule out',
    ),
    (
        "- alert: A\n    expr: up == 0\n    annotations:\n      a: '{{ printf \"x{a=%q}\" $labels.a | query }}'",
        ["--selector", 'job="pacs"'],
        "a template asks for a query that it puts together, so nothing can be added to that; write the query as one "
        "text",
    ),
    (
        "- alert: A\n    expr: up == 0\n    labels: {severity: 'crit{{ $labels.a }}'}",
        ["--severity", "critical=page"],
        "is put together of several parts, so --severity cannot rename it; give whole values, as "
        '{{ if eq $labels.importance "critical" }}critical{{ else }}warning{{ end }}',
    ),
    (
        '- alert: A\n    expr: ALERTS{severity="critical"}\n    labels: {severity: critical}\n'
        "  - alert: B\n    expr: up == 0\n    labels: {severity: warning}",
        ["--severity", "critical=page", "--severity", "warning=page"],
        'severity="critical" tells severities apart that --severity makes one (page); give them different names',
    ),
]


@pytest.mark.parametrize(("rules", "words", "message"), RULES, ids=lambda value: str(value)[:30])
def test_a_rule_that_cannot_be_exported_is_told_with_its_place(
    tmp_path: Path, rules: str, words: list[str], message: str
) -> None:
    config = configured(tmp_path, own=f"groups:\n- name: g\n  rules:\n  {rules}\n")
    answer = rules_export("--config", config, *words)
    assert answer == (1, "", f"{tmp_path}/own.yml:4: g/A: {message}\n")


def test_what_the_version_does_not_know_is_told_and_exported_for_one_that_does(tmp_path: Path) -> None:
    text = "groups:\n- name: g\n  query_offset: 1m\n  rules:\n  - alert: A\n    expr: rate(x[300]) > 1\n"
    config = configured(tmp_path, own=text)
    assert rules_export("--config", config).err.splitlines() == [
        f"{tmp_path}/own.yml:2: g: query_offset: Prometheus 2.42 does not know it; take it out, or load the rules in "
        "2.53 or later",
        f"{tmp_path}/own.yml:5: g/A: expr: Prometheus 2.42 does not take a range or an offset without unit; write it "
        "in the older way",
    ]
    assert "query_offset: 1m\n" in exported("--config", config, "--target", "prometheus=3")


def test_a_configuration_without_rules_has_nothing_to_export(tmp_path: Path) -> None:
    config = tmp_path / "pacs-monitor.yml"
    config.write_text(f"data_dir: {tmp_path / 'data'}\n")
    said = "loads no rules; write alerting: and rules: [builtin], or leave --config out"
    assert rules_export("--config", config) == (1, "", f"{config}: {said}\n")


def test_a_configuration_with_mistakes_is_told_as_by_check_config(tmp_path: Path) -> None:
    config = configured(tmp_path, own="groups:\n- name: g\n  rules:\n  - alert: A\n    expr: up ==\n")
    answer = rules_export("--config", config)
    assert answer.status == 1
    assert answer.err.startswith(f"{tmp_path}/own.yml:5: g/A: expr: the expression ends where")


def test_nothing_is_written_over_without_force(tmp_path: Path) -> None:
    (tmp_path / "storage.yml").write_text("mine\n")
    said = "is there already; write over with --force, or name another folder"
    assert rules_export("--output", tmp_path) == (1, "", f"{tmp_path}/storage.yml {said}\n")
    assert [path.name for path in tmp_path.iterdir()] == ["storage.yml"]
    assert (tmp_path / "storage.yml").read_text() == "mine\n"
    assert rules_export("--output", tmp_path, "--force").status == 0
    assert (tmp_path / "storage.yml").read_text().startswith("# Written by pacs-monitor")
    others = len(list(tmp_path.iterdir())) - 1
    said = f"and {others} more are there already; write over with --force, or name another folder"
    assert rules_export("--output", tmp_path).err == f"{tmp_path}/agent.yml {said}\n"


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert rules_export("--output", tmp_path / "file") == (
        1,
        "",
        f"--output: {tmp_path}/file is a file; name a folder, or - for the terminal\n",
    )
    assert rules_export("--output", tmp_path / "file/folder") == (
        1,
        "",
        f"--output: {tmp_path}/file/folder cannot be made (Not a directory); name a folder of yours\n",
    )
    (tmp_path / "rules/agent.yml").mkdir(parents=True)
    assert rules_export("--output", tmp_path / "rules", "--force") == (
        1,
        "",
        f"{tmp_path}/rules/agent.yml cannot be written (Is a directory); name a folder of yours\n",
    )


def test_two_files_that_would_be_one_are_told(tmp_path: Path) -> None:
    rules = "groups:\n- name: {}\n  rules:\n  - alert: A\n    expr: up == 0\n"
    (tmp_path / "more").mkdir()
    config = configured(tmp_path, own=rules.format("g"))
    (tmp_path / "more/own.yml").write_text(rules.format("g"))
    config.write_text(config.read_text().replace("[own.yml]", "[own.yml, more/own.yml]"))
    one, other = tmp_path / "own.yml", tmp_path / "more/own.yml"
    assert rules_export("--config", config).err == (
        f"{other}:2: g: {one} has a group of this name, too; rename one, or give --output a folder\n"
    )
    assert rules_export("--config", config, "--output", tmp_path / "out").err == (
        f"{other}: would become own.yml, as {one}; rename one\n"
    )
    assert rules_export("--config", config, "--format", "operator").err == (
        f"{other}: would become pacs-monitor-own.yml, as {one}; rename one\n"
    )
