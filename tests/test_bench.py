import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.common import Goal, percentile, program, table

pytestmark = pytest.mark.timeout(600)

ROOT = Path(__file__).parent.parent


def run(name: str, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, f"bench/{name}.py", *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=580, check=False)
    assert done.returncode == 0, done.stderr
    return done


def run_json(name: str, *words: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(run(name, *words, "--json").stdout)
    return told


def test_every_client_of_the_echo_bench_gets_its_echoes() -> None:
    told = run_json("echo", "--quick")
    rows = told["cost"] + told["truth"]
    names = {row["client"].partition(",")[0] for row in rows}
    assert names >= {"prober", "whole run", "pynetdicom"}
    assert ("C" in names) == (shutil.which("gcc") is not None)
    for row in rows:
        assert [one["succeeded"] for one in row["repetitions"]] == [row["count"]], row["client"]
    for row in told["truth"]:
        assert row["error_ms"]["p50"] > 0


@pytest.mark.skipif(not program("storescp"), reason="storescp is not installed (Debian's package dcmtk)")
def test_the_peers_bench_prints_what_each_client_says_of_each_server() -> None:
    printed = run("peers", "--quick").stdout
    for client in ("pacs-monitor", "pynetdicom", "echoscu"):
        assert f"storescp by {client}" in printed
    assert "C-ECHO of storescp as pacs-monitor reports it" in printed


@pytest.mark.skipif(not program("prometheus"), reason="prometheus is not installed (Debian's package prometheus)")
def test_both_engines_of_the_rules_bench_raise_the_same_alerts() -> None:
    (size,) = run_json("rules", "--quick")["sizes"]
    (ours,), (theirs,) = size["ours"], size["theirs"]
    assert ours["ms"] > 0
    assert theirs["ms"] > 0
    assert ours["alerts"] == pytest.approx(theirs["alerts"], rel=0.1)
    assert ours["alerts"] > 50


def test_everybody_in_the_storm_bench_tells_every_alert_once() -> None:
    rows = run_json("storm", "--alerts", "300", "--groups", "3", "--repeat", "1")["rows"]
    assert ("Alertmanager" in rows) == (program("prometheus-alertmanager") is not None)
    assert [row["notifications"] for every in rows.values() for row in every] == [3] * len(rows)


@pytest.mark.slow
def test_the_reliability_bench_kills_at_each_point_and_finds_nothing_lost() -> None:
    told = run_json("reliability", "--quick")
    assert len(told["rows"]) == 12
    assert all(row["kept"] and row["kills"] == 1 for row in told["rows"])
    assert {goal["verdict"] for goal in told["goals"]} == {"met"}


@pytest.mark.parametrize(
    ("measured", "at_least", "verdict"),
    [
        (1.0, False, "met"),
        (2.0, False, "met"),
        (2.1, False, "missed"),
        (None, False, "not measured"),
        (1.9, True, "missed"),
    ],
)
def test_a_goal_is_met_up_to_its_limit(measured: float | None, at_least: bool, verdict: str) -> None:
    assert Goal("", measured, 2.0, at_least=at_least).verdict == verdict


def test_a_table_is_aligned() -> None:
    assert table("Title", ["client", "µs"], [["C", "1"], ["prober", "1,000"]]).splitlines() == [
        "",
        "Title",
        "",
        "client     µs",
        "------  -----",
        "C           1",
        "prober  1,000",
    ]


def test_a_percentile_is_one_of_the_values() -> None:
    values = [float(value) for value in range(100)]
    assert (percentile(values, 0.5), percentile(values, 0.99), percentile(values, 1.0)) == (50.0, 99.0, 99.0)
