"""Prometheus' own tests of its expressions, as far as they lie beside the checkout; see CONTRIBUTING."""

from __future__ import annotations

import math
import os
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest

from pacs_monitor.history.labels import EMPTY, NAME, Labels
from pacs_monitor.history.store import History
from pacs_monitor.promql import ast
from pacs_monitor.promql.engine import Engine
from pacs_monitor.promql.errors import PromqlError
from pacs_monitor.promql.features import EXPERIMENTAL_FUNCTIONS
from pacs_monitor.promql.notation import parse_metric, parse_values
from pacs_monitor.promql.parse import parse
from pacs_monitor.promql.values import Matrix, Vector
from tests.promql.scripts import NATIVE, Case, Clear, Load, commands, expected, string_of, window_of

ROOT = Path(__file__).parents[2]
FOLDER = Path(os.environ.get("PROMQLTEST_DIR") or ROOT.parent / "shared/promqltest")
SCRIPTS = sorted(FOLDER.glob("*.test")) if FOLDER.is_dir() else []
NATIVE_HISTOGRAMS, EXPERIMENTAL = "native histograms", "experimental upstream"
MINUTE = 60_000
KNOWN = {
    "aggregators.test": (154, 6, 0),
    "at_modifier.test": (78, 0, 0),
    "functions.test": (392, 39, 0),
    "histograms.test": (93, 92, 0),
    "literals.test": (25, 0, 0),
    "operators.test": (207, 7, 0),
    "selectors.test": (31, 0, 0),
    "staleness.test": (17, 0, 0),
    "subquery.test": (32, 2, 0),
}
"""How many cases pass, and are skipped for each reason, in the files of August 2026."""


@dataclass
class Outcome:
    """How the cases of a script went."""

    passed: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    failed: list[str] = field(default_factory=list)


class Judge:
    """Runs one script."""

    def __init__(self) -> None:
        self.outcome = Outcome()
        self._clear()

    def run(self, path: Path) -> Outcome:
        for command in commands(path):
            if isinstance(command, Clear):
                self._clear()
            elif isinstance(command, Load):
                self._load(command)
            else:
                self._judge(command)
        return self.outcome

    def _clear(self) -> None:
        self.history = History()
        self.engine = Engine(self.history, delayed_names=True)
        self.native: set[Labels] = set()
        self.experimental: set[Labels] = set()
        """Series that say when they began (`x@st`), or their type and unit in labels."""

    def _load(self, load: Load) -> None:
        # Of two lines for one series the later counts.
        lines = dict(map(parse_metric, load.lines))
        told = (labels for labels in lines if labels.get("__type__") or labels.get("__unit__"))
        self.experimental |= {labels for labels, _ in map(parse_metric, load.starts)} | set(told)
        for number, (labels, values) in enumerate(lines.items()):
            if NATIVE.search(values):
                self.native.add(labels)
                values = without_native(values)
            source = self.history.source(f"{len(self.history)}/{number}/{labels!r}")
            series = self.history.series(labels, source)
            for place, value in enumerate(parse_values(values)):
                if value is not None:
                    source.begin(place * load.gap)
                    self.history.put(series, source, value)
            if load.with_native and labels.name.endswith("_bucket"):
                bare = labels.but(("le",)).changed({NAME: labels.name.removesuffix("_bucket")})
                self.native.add(bare)

    def _judge(self, case: Case) -> None:
        if case.native:
            self.outcome.skipped[NATIVE_HISTOGRAMS] += 1
            return
        try:
            expr = parse(case.expr, {EXPERIMENTAL_FUNCTIONS})
        except PromqlError as error:
            self._refused(case, error)
            return
        fault = self._fault(case, expr)
        if fault and self._reads(expr, self.native):
            self.outcome.skipped[NATIVE_HISTOGRAMS] += 1
        elif fault and self._reads(expr, self.experimental):
            self.outcome.skipped[EXPERIMENTAL] += 1
        elif fault:
            self.outcome.failed.append(f"{case.place}: {case.expr}: {fault}")
        else:
            self.outcome.passed += 1

    def _refused(self, case: Case, error: PromqlError) -> None:
        if "experimental" in str(error):
            self.outcome.skipped[EXPERIMENTAL] += 1
        elif "native histogram" in str(error):
            self.outcome.skipped[NATIVE_HISTOGRAMS] += 1
        elif case.wants("fail"):
            self.outcome.passed += 1
        else:
            self.outcome.failed.append(f"{case.place}: {case.expr}: refused: {error}")

    def _reads(self, expr: ast.Expr, series: set[Labels]) -> bool:
        if isinstance(expr, ast.Selector):
            return any(all(one.matches(labels.get(one.name)) for one in expr.matchers) for labels in series)
        return any(self._reads(inner, series) for inner in ast.children(expr))

    def _fault(self, case: Case, expr: ast.Expr) -> str:
        """What is wrong with the answer; "" if it is right."""
        try:
            fault = self._of_range(case, expr) if case.step else self._of_instant(case, expr)
        except PromqlError as error:
            return "" if case.wants("fail") else f"failed: {error}"
        if case.wants("fail"):
            return "should have failed"
        # What is to be noticed of native histograms cannot be, as there are none.
        return fault or ("" if self._reads(expr, self.native) else self._of_notes(case))

    def _of_range(self, case: Case, expr: ast.Expr) -> str:
        got = {labels: dict(points) for labels, points in self.engine.range(expr, case.start, case.end, case.step)}
        return differs(case, case.start, case.step, got)

    def _of_instant(self, case: Case, expr: ast.Expr) -> str:
        value = self.engine.instant(expr, case.start)
        if isinstance(value, str):
            wanted = [string_of(detail) for what, detail in case.expects if what == "string"]
            return "" if wanted == [value] else f"{value!r} instead of {wanted}"
        if isinstance(value, float):
            wanted_number = float(case.lines[0].replace("Inf", "inf"))
            return "" if same(value, wanted_number) else f"{value} instead of {case.lines[0]}"
        if expr.kind == "matrix":
            (detail,) = (detail for what, detail in case.expects if what == "range")
            start, _, step = window_of(f"range {detail}")
            return differs(case, start, step, {labels: dict(points) for labels, points in cast(Matrix, value)})
        vector = cast(Vector, value)
        if case.wants("ordered"):
            order = [expected(line)[0] for line in case.lines]
            if [labels for labels, _ in vector] != order:
                return f"order {vector}"
        return differs(case, case.start, 1, {labels: {case.start: number} for labels, number in vector}) or (
            "" if case.wants("ordered") else self._same_in_a_range(case, expr, dict(vector))
        )

    def _same_in_a_range(self, case: Case, expr: ast.Expr, alone: dict[Labels, float]) -> str:
        """Of a query with steps, the one at the same time must give the same."""
        notes = self.engine.notes
        found = self.engine.range(expr, case.start - MINUTE, case.start + MINUTE, MINUTE)
        self.engine.notes = notes
        there = {labels: number for labels, points in found for at, number in points if at == case.start}
        if set(there) != set(alone) or any(not same(there[labels], alone[labels]) for labels in there):
            return f"in a range {there}, alone {alone}" if not _moves(expr) else ""
        return ""

    def _of_notes(self, case: Case) -> str:
        found = [
            (note.level, f"PromQL {note.level}: {note.text} (1:{note.position + 1})") for note in self.engine.notes
        ]
        for level, short in (("warning", "warn"), ("info", "info")):
            texts = [text for kind, text in found if kind == level]
            if case.wants(f"no_{short}") and texts:
                return f"told {texts}"
            if case.wants(short) and not texts:
                return f"no {level}"
            for what, detail in case.expects:
                kind, _, wanted = detail.partition(":")
                if what == short and kind == "msg" and wanted.strip() not in texts:
                    return f"told {texts} instead of {wanted.strip()}"
                if what == short and kind == "regex" and not any(re.search(wanted.strip(), text) for text in texts):
                    return f"told {texts} instead of {wanted.strip()}"
        return ""


def without_native(values: str) -> str:
    """Values of which native histograms are left out, as if there were no samples."""
    return re.sub(r"\{\{.*?\}\}(?:[+-]\{\{.*?\}\})?(?:x(\d+))?", lambda found: f"_x{int(found[1] or 0) + 1}", values)


def _moves(expr: ast.Expr) -> bool:
    """Whether start(), end(), range() or step() makes the answer depend on the query's bounds."""
    bounded = isinstance(expr, ast.Call) and expr.name in ("start", "end", "range", "step")
    return bounded or getattr(expr, "at", None) in (ast.START, ast.END) or any(map(_moves, ast.children(expr)))


def differs(case: Case, start: int, step: int, got: dict[Labels, dict[int, float]]) -> str:
    """What differs between what is expected and what came; "" if nothing does."""
    wanted: dict[Labels, dict[int, float]] = {}
    for line in case.lines:
        if re.fullmatch(r"[+-]?[\d.eInfNa]+", line):
            labels, values = EMPTY, parse_values(line)
        else:
            labels, values = expected(line)
        points = {start + place * step: value for place, value in enumerate(values) if value is not None}
        wanted[labels] = points
    if set(got) != set(wanted):
        return f"series {sorted(map(repr, got))} instead of {sorted(map(repr, wanted))}"
    for labels, points in wanted.items():
        if set(points) != set(got[labels]) or any(not same(got[labels][at], points[at]) for at in points):
            return f"{labels!r} {got[labels]} instead of {points}"
    return ""


def same(one: float, other: float) -> bool:
    """Within Prometheus' own tolerance of its tests."""
    if math.isnan(one) or math.isnan(other):
        return math.isnan(one) and math.isnan(other)
    return one == other or math.isclose(one, other, rel_tol=1e-6, abs_tol=1e-300)


def outcome_of(path: Path) -> Outcome:
    return Judge().run(path)


def test_the_scripts_are_there() -> None:
    if not SCRIPTS:
        where = f"no *.test in {FOLDER}"
        assert not os.environ.get("CI"), f"{where}; say in PROMQLTEST_DIR where Prometheus' PromQL tests are"
        pytest.skip(f"{where} (PROMQLTEST_DIR): not compared with Prometheus' own tests")


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_every_case_is_as_prometheus_has_it(path: Path) -> None:
    outcome = outcome_of(path)
    assert outcome.failed == []
    assert set(outcome.skipped) <= {NATIVE_HISTOGRAMS, EXPERIMENTAL}
    counts = (outcome.passed, outcome.skipped[NATIVE_HISTOGRAMS], outcome.skipped[EXPERIMENTAL])
    assert counts == KNOWN.get(path.name, counts)
    assert sum(counts) > 0


def test_a_wrong_answer_is_noticed() -> None:
    judge = Judge()
    judge._load(Load(MINUTE, False, ["x 1 2 3"]))
    judge._judge(Case("a:1", "x", MINUTE, MINUTE, 0, ["x 2"]))
    judge._judge(Case("a:2", "x", MINUTE, MINUTE, 0, ["x 2.0001"]))
    judge._judge(Case("a:3", "x", MINUTE, MINUTE, 0, []))
    judge._judge(Case("a:4", "x", 0, 2 * MINUTE, MINUTE, ["x 1 2 4"]))
    judge._judge(Case("a:5", "x", MINUTE, MINUTE, 0, ["x 2"], [("fail", "")]))
    assert judge.outcome.passed == 1
    assert [failed.partition(": ")[0] for failed in judge.outcome.failed] == ["a:2", "a:3", "a:4", "a:5"]
