"""What the bench of rules evaluates: series as the agent exports them, and fifty rules over them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

STEP = 15_000
"""Milliseconds between two samples."""
BOUNDS = ("0.001", "0.0025", "0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "1.0", "+Inf")
ROLES = ("archive", "modality", "router", "workstation")
VARIANTS = range(1, 6)
ALERT = {"severity": "warning"}, {"summary": "{{ $labels.node }} ({{ $labels.role }}): {{ $value | humanize }}"}

# Each is there once for each of VARIANTS, as N; SERIES stands for what selects a fleet. A rule sees a series of each
# node, Down sees two.
ALERTS = {
    "Down": "pacs_check_healthy{SERIES} == 0 unless on (site, node, check) pacs_check_suppressed{SERIES} == 1",
    "FailsOften": "rate(pacs_check_failures_total{SERIES}[5m]) > 0.01 * N",
    "RoleDegraded": "avg by (role) (pacs_check_healthy{SERIES}) < 0.8 + 0.04 * N",
    "Late": "histogram_quantile(0.9, sum by (role, le) (rate(BUCKETS{SERIES}[5m]))) > 0.01 * N",
    "Gone": "absent(pacs_check_healthy{SERIES})",
    "Rising": "predict_linear(pacs_check_duration_seconds{SERIES}[5m], 3600) > N",
    "AboveLimit": "pacs_check_duration_seconds{SERIES} > on (role) group_left () role:limit:N",
    "Flapping": "changes(pacs_check_healthy{SERIES}[5m]) > N",
    "Several": "count by (site, role) (pacs_check_healthy{SERIES} == 0) > N",
}
RECORDED = "max by (role) (pacs_check_duration_seconds{SERIES}) * (1 - 0.01 * N)"
BUCKETS = "pacs_monitor_schedule_lateness_seconds_bucket"
RULES = (len(ALERTS) + 1) * len(VARIANTS)

Sample = tuple[int, float]
Series = tuple[dict[str, str], list[Sample]]


def write_rules(file: Path, series: str, interval: str) -> Path:
    """Fifty rules in one group, as JSON, which is YAML; they see what `series` selects, such as fleet="200"."""

    def expression(text: str, variant: int) -> str:
        return text.replace("BUCKETS", BUCKETS).replace("SERIES", series).replace("N", str(variant))

    labels, annotations = ALERT
    rules: list[dict[str, object]] = []
    for variant in VARIANTS:
        rules.append({"record": f"role:limit:{variant}", "expr": expression(RECORDED, variant)})
        for name, text in ALERTS.items():
            said = {"for": "1m", "labels": labels, "annotations": annotations}
            rules.append({"alert": f"{name}{variant}", "expr": expression(text, variant), **said})
    file.write_text(json.dumps({"groups": [{"name": "bench", "interval": interval, "rules": rules}]}))
    return file


def fleet_series(size: int, first: int, last: int) -> Iterator[Series]:
    """Five metrics of so many series each, with their size as label `fleet`; samples every 15 s. Times in ms."""
    times = range(first, last + 1, STEP)
    for number in range(size):
        random = Random(f"{size} {number}")
        labels = {"fleet": str(size), "job": "pacs-monitor", "instance": "127.0.0.1:9811", "site": "bench"}
        labels |= {"role": ROLES[number % len(ROLES)]}
        node = {**labels, "node": f"node-{number}", "check": "c_echo", "kind": "c_echo", "importance": "normal"}
        for name, value in _metrics(random).items():
            yield {"__name__": name, **node}, [(at, value(at)) for at in times]
        bucket = {**labels, "worker": str(number // len(BOUNDS)), "le": BOUNDS[number % len(BOUNDS)]}
        yield {"__name__": BUCKETS, **bucket}, [(at, float(at // STEP * (number % len(BOUNDS) + 1))) for at in times]


def _metrics(random: Random) -> dict[str, Callable[[int], float]]:
    """One node in fifty is down, one in twenty fails now and then; durations wobble."""
    down, failing, usual = random.random() < 0.02, random.random() < 0.05, random.uniform(0.002, 0.2)
    return {
        "pacs_check_healthy": lambda at: 0.0 if down else 1.0,
        "pacs_check_suppressed": lambda at: 0.0,
        "pacs_check_failures_total": lambda at: float(at // STEP % 100_000) if down or failing else 3.0,
        "pacs_check_duration_seconds": lambda at: usual * random.uniform(0.9, 1.2),
    }
