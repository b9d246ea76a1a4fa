"""Rules exported by the command itself, and judged by Debian's promtool."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ruamel.yaml import YAML
from typer.testing import CliRunner

from pacs_monitor.__main__ import app
from tests.peers.process import program


class Answer(NamedTuple):
    """What a command gives."""

    status: int
    out: str
    err: str


def rules_export(*words: str | Path) -> Answer:
    """`pacs-monitor rules export` with these words."""
    done = CliRunner(env={"COLUMNS": "200"}).invoke(app, ["rules", "export", *map(str, words)])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return Answer(done.exit_code, done.stdout, done.stderr)


def configured(folder: Path, **files: str) -> Path:
    """A configuration that loads these rule files, each by its name without ending."""
    for name, text in files.items():
        (folder / f"{name}.yml").write_text(text)
    path = folder / "pacs-monitor.yml"
    path.write_text(f"data_dir: {folder / 'data'}\nalerting: {{rules: [{', '.join(f'{one}.yml' for one in files)}]}}\n")
    return path


def exported(*words: str | Path) -> str:
    """What the command prints; AssertionError unless it succeeds."""
    answer = rules_export(*words)
    assert answer.status == 0, answer.err
    return answer.out


def plain(text: str) -> Any:
    """A YAML text by a reader of version 1.1, as that of Kubernetes."""
    yaml = YAML(typ="safe", pure=True)
    yaml.version = "1.1"
    return list(yaml.load_all(text))


def rules_in(text: str) -> list[dict[str, Any]]:
    """The rules of an exported file."""
    (document,) = plain(text)
    return [rule for group in document["groups"] for rule in group["rules"]]


def promtool(*words: str | Path) -> str:
    """What promtool says; AssertionError if it refuses."""
    argv = [program("promtool", "prometheus"), *map(str, words)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=150, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def fires(folder: Path, rules: str, series: Mapping[str, str], at: str = "10m") -> set[str]:
    """The alerts that fire in a Prometheus with these rules and series: names, severities and jobs."""
    (folder / "rules.yml").write_text(rules)
    expr = 'count by (alertname, severity, job) (ALERTS{alertstate="firing"})'
    test = {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [{"expr": expr, "eval_time": at, "exp_samples": [{"labels": "none", "value": 1}]}],
    }
    content = {"rule_files": ["rules.yml"], "evaluation_interval": "1m", "tests": [test]}
    (folder / "test.json").write_text(json.dumps(content))
    argv = [program("promtool", "prometheus"), "test", "rules", "test.json"]
    done = subprocess.run(argv, cwd=folder, capture_output=True, text=True, timeout=150, check=False)
    got = re.search(r"got:(.*)", done.stdout + done.stderr)
    assert got, done.stdout + done.stderr
    return set(re.findall(r"\{.*?\}", got[1]))
