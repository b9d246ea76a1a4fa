"""Debian's promtool as the judge of what rules give: batches many cases in one call."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

PROMTOOL = shutil.which("promtool")
needs_promtool = pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed: apt install prometheus")


@dataclass
class Case:
    """Rules, samples, and what is expected of them, to be judged apart from all other cases."""

    groups: list[dict[str, Any]]
    series: list[tuple[str, str]] = field(default_factory=list)
    alerts: list[dict[str, Any]] = field(default_factory=list)
    """As in `alert_rule_test`."""
    samples: list[dict[str, Any]] = field(default_factory=list)
    """As in `promql_expr_test`."""
    interval: str = "1m"
    more: dict[str, Any] = field(default_factory=dict)


def judge(folder: Path, cases: list[Case], evaluation_interval: str = "1m") -> str:
    """What promtool says against the cases; "" if it accepts all."""
    assert PROMTOOL
    names = []
    for number, case in enumerate(cases):
        # JSON is YAML, and nobody wonders how it reads a text.
        (folder / f"rules{number}.yml").write_text(json.dumps({"groups": case.groups}))
        test = {
            "interval": case.interval,
            "input_series": [{"series": name, "values": values} for name, values in case.series],
            "alert_rule_test": case.alerts,
            "promql_expr_test": case.samples,
            **case.more,
        }
        content = {
            "rule_files": [f"rules{number}.yml"],
            "evaluation_interval": evaluation_interval,
            "group_eval_order": [group["name"] for group in case.groups],
            "tests": [test],
        }
        names.append(f"test{number}.yml")
        (folder / names[-1]).write_text(json.dumps(content))
    run = subprocess.run([PROMTOOL, "test", "rules", *names], cwd=folder, capture_output=True, text=True, check=False)
    assert run.stdout.count("Unit Testing") == len(cases), run.stderr
    return "" if run.returncode == 0 else run.stderr + run.stdout
