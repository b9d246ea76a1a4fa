"""The built-in rules, exported, in the hands of promtool: valid, and true to their own tests."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from pacs_monitor.alerting.loading import builtin_files
from pacs_monitor.alerting.rulefile import read_rules
from tests.alerting.exporting.support import exported, promtool, rules_export
from tests.pages import ROOT

TESTS = sorted((ROOT / "alert_rules/tests").glob("*.yml"))
PAGES = ("--severity", "critical=page", "--severity", "info=ticket")


def series(entry: dict[str, str], job: str) -> dict[str, str]:
    return {**entry, "series": entry["series"].replace('job="pacs-monitor"', f'job="{job}"')}


def misleading(entry: dict[str, str]) -> dict[str, str]:
    """The same series of another job: down and suppressed, so that whoever reads it says something wrong."""
    name = entry["series"].partition("{")[0]
    values = {"pacs_check_healthy": "0x3000", "pacs_check_suppressed": "1x3000", "up": "0x3000"}
    return {**series(entry, "other"), "values": values.get(name, entry["values"])}


def moved(path: Path) -> dict[str, Any]:
    """A file of tests in which the agent is the job pacs beside another job of the same kind."""
    content: dict[str, Any] = YAML(typ="safe").load(path)
    for test in content["tests"]:
        ours = [one for one in test["input_series"] if 'job="pacs-monitor"' in one["series"]]
        rest = [one for one in test["input_series"] if one not in ours]
        test["input_series"] = [*rest, *(series(one, "pacs") for one in ours), *map(misleading, ours)]
    text = json.dumps(content).replace('"job": "pacs-monitor"', '"job": "pacs"')
    text = text.replace(r"job=\"pacs-monitor\"", r"job=\"pacs\"")
    renamed: dict[str, Any] = json.loads(text)
    return renamed


def renamed_severities(text: str) -> str:
    for old, new in (("critical", "page"), ("info", "ticket")):
        text = text.replace(f'"severity": "{old}"', f'"severity": "{new}"')
        text = text.replace(rf"severity=\"{old}\"", rf"severity=\"{new}\"")
    return text


def test_promtool_takes_all_in_one_and_file_by_file_without_a_word(tmp_path: Path) -> None:
    (tmp_path / "one.yml").write_text(exported("--selector", 'job="pacs"', *PAGES))
    assert rules_export("--output", tmp_path / "all").status == 0
    files = sorted((tmp_path / "all").iterdir())
    assert [path.name for path in files] == [path.name for path in builtin_files()]
    for path in (tmp_path / "one.yml", *files):
        assert re.fullmatch(rf"Checking {path}\n  SUCCESS: \d+ rules found\n\n", promtool("check", "rules", path))


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.stem)
def test_exported_as_they_are_they_pass_their_tests_as_they_are(tmp_path: Path, path: Path) -> None:
    assert rules_export("--output", tmp_path).status == 0
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / path.name).write_text(path.read_text())
    promtool("test", "rules", tmp_path / "tests" / path.name)


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.stem)
def test_with_a_selector_another_job_changes_nothing_of_what_they_say(tmp_path: Path, path: Path) -> None:
    assert rules_export("--output", tmp_path, "--selector", 'job="pacs"', *PAGES).status == 0
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests/test.json").write_text(renamed_severities(json.dumps(moved(path))))
    promtool("test", "rules", tmp_path / "tests/test.json")


def test_without_a_selector_the_other_job_would_have_changed_it(tmp_path: Path) -> None:
    assert rules_export("--output", tmp_path).status == 0
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests/test.json").write_text(json.dumps(moved(ROOT / "alert_rules/tests/availability.yml")))
    with pytest.raises(AssertionError, match="FAILED"):
        promtool("test", "rules", tmp_path / "tests/test.json")


def test_what_is_exported_says_what_the_files_say(tmp_path: Path) -> None:
    assert rules_export("--output", tmp_path).status == 0
    for path in builtin_files():
        assert read_rules(tmp_path / path.name).groups == read_rules(path).groups
