"""Debian's promtool as the judge of templates: many of them in one call."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tests.peers.process import program

LABELS = {"node": "ct 1", "bad": "(", "host": "ct1.north.example:104"}
"""Of the one element that each template is expanded for."""


class Expansion(NamedTuple):
    """A template, the value of its alert, and what is said to come out."""

    template: str
    value: float
    text: str


def refused(expansions: Sequence[Expansion], folder: Path) -> str:
    """What promtool says against them; "" if it takes all for right."""
    # JSON is YAML, and nobody wonders how it reads a text.
    files: list[str] = []
    for value in dict.fromkeys(repr(one.value) for one in expansions):
        of_value = [one for one in expansions if repr(one.value) == value]
        files.append(_write(folder, len(files), of_value))
    argv = [program("promtool", "prometheus"), "test", "rules", *files]
    done = subprocess.run(argv, cwd=folder, capture_output=True, text=True, timeout=150, check=False)
    assert done.stdout.count("Unit Testing") == len(files), done.stderr
    return "" if done.returncode == 0 else done.stdout + done.stderr


def _write(folder: Path, number: int, expansions: Sequence[Expansion]) -> str:
    rules: list[dict[str, Any]] = []
    tests: list[dict[str, Any]] = []
    for place, one in enumerate(expansions):
        name = f"A{place}"
        rules.append({"alert": name, "expr": "x", "annotations": {"text": one.template}})
        alert = {"exp_labels": LABELS, "exp_annotations": {"text": one.text}}
        tests.append({"eval_time": "0m", "alertname": name, "exp_alerts": [alert]})
    labels = ", ".join(f"{name}={json.dumps(value)}" for name, value in LABELS.items())
    value = repr(expansions[0].value)
    series = [
        {"series": f"x{{{labels}}}", "values": {"nan": "NaN", "inf": "+Inf", "-inf": "-Inf"}.get(value, value)},
        {"series": 'y{node="b"}', "values": "2"},
        {"series": 'y{node="a"}', "values": "1"},
    ]
    test = {
        "interval": "1m",
        "input_series": series,
        "alert_rule_test": tests,
        "external_labels": {"site": "north"},
        "external_url": "https://here/p?q",
    }
    (folder / f"rules{number}.json").write_text(json.dumps({"groups": [{"name": "g", "rules": rules}]}))
    content = {"rule_files": [f"rules{number}.json"], "tests": [test]}
    (folder / f"test{number}.json").write_text(json.dumps(content))
    return f"test{number}.json"
