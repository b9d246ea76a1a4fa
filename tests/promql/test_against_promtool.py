"""What promtool (Debian's 2.42) takes and refuses of the same expressions, but for what version 3 brought."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from pacs_monitor.promql.signatures import FUNCTIONS
from tests.peers.process import program
from tests.promql.test_parse import REFUSED, TAKEN

BEYOND_2_42 = {
    "x offset 5": "a number of seconds is a duration",
    '{"my.metric", "label of mine"!~`a\\d`}': "names in quotes",
    "1_000": "underscores in numbers",
    "5m": "a duration is a number",
}
"""Taken, and what version 2.42 did not know yet."""
STRICTER = {
    "x @ 1e18": "overflows there",
    "holt_winters(x[5m], 1, 1)": "gone in version 3",
    "histogram_count(x)": "native histograms",
    'label_replace(x, "", "a", "b", "c")': "refused there when it is evaluated",
    'label_replace(x, "a", "b", "c", "(")': "refused there when it is evaluated",
    'label_join(x, "a\\xc5z", ",")': "refused there when it is evaluated",
    'count_values("a\\xc5z", x)': "refused there when it is evaluated",
}
"""Refused here, and taken by promtool."""


def refused_by_promtool(expressions: list[str], folder: Path) -> set[str]:
    rules = "".join(f"  - record: r{place}\n    expr: {json.dumps(one)}\n" for place, one in enumerate(expressions))
    file = folder / "rules.yml"
    file.write_text(f"groups:\n- name: g\n  rules:\n{rules}", "utf-8")
    argv = [program("promtool", "prometheus"), "check", "rules", "--lint=none", str(file)]
    told = subprocess.run(argv, capture_output=True, text=True, timeout=150, check=False)
    return {expressions[int(place)] for place in re.findall(r'rule \d+, "r(\d+)": ', told.stdout + told.stderr)}


def test_promtool_refuses_what_is_refused_here(tmp_path: Path) -> None:
    texts = [text for text, *_ in REFUSED]
    taken = set(texts) - refused_by_promtool(texts, tmp_path)
    assert taken == set(STRICTER)


def test_promtool_takes_what_is_taken_here(tmp_path: Path) -> None:
    texts = [text for text, _ in TAKEN]
    assert refused_by_promtool(texts, tmp_path) == set(BEYOND_2_42)


@pytest.mark.parametrize("count", range(7))
def test_both_take_as_many_arguments(count: int, tmp_path: Path) -> None:
    arguments = {"vector": "x", "scalar": "1", "matrix": "x[5m]", "string": '"a"'}
    calls: dict[str, bool] = {}
    for name, signature in FUNCTIONS.items():
        kinds = [signature.kind(place) if signature.arguments else "vector" for place in range(count)]
        fits = signature.fewest() <= count and (signature.repeated or count <= len(signature.arguments))
        calls[f"{name}({', '.join(arguments[kind] for kind in kinds)})"] = fits
    assert refused_by_promtool(list(calls), tmp_path) == {call for call, fits in calls.items() if not fits}
