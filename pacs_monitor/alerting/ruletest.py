"""Tests of rules in the format of `promtool test rules`: series in, alerts and samples out, at given times."""

from __future__ import annotations

import glob
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pacs_monitor.alerting.alerts import ALERT_NAME
from pacs_monitor.alerting.definitions import RuleGroup, ranges
from pacs_monitor.alerting.groups import Group, World
from pacs_monitor.alerting.rulefile import read_rules
from pacs_monitor.alerting.told import Part, Told, read_tree
from pacs_monitor.configuring.tree import Map, Scalar
from pacs_monitor.history.labels import Labels, labels_of
from pacs_monitor.history.store import History
from pacs_monitor.promql.engine import Engine
from pacs_monitor.promql.errors import PromqlError
from pacs_monitor.promql.notation import parse_metric, parse_series
from pacs_monitor.promql.parse import parse, reads
from pacs_monitor.settings import Complaint

_FILE = ("rule_files", "evaluation_interval", "group_eval_order", "tests", "fuzzy_compare")
_TEST = (
    *("name", "interval", "input_series", "alert_rule_test", "promql_expr_test"),
    *("external_labels", "external_url", "start_timestamp"),
)
_MINUTE = 60_000
_EVER = 10 * 365 * 24 * 60 * _MINUTE


@dataclass(frozen=True)
class Outcome:
    """What a file of tests gave."""

    tests: int
    complaints: tuple[Complaint, ...]
    """What is wrong with the file itself or the rules; then nothing was tested."""
    failures: tuple[str, ...]
    """What differs from what is expected, each with file and line."""


def judge(path: Path, left_open: bool = True) -> Outcome:
    """Run all tests of a file; with `left_open=False` ranges are those of Prometheus 2."""
    told = Told(str(path))
    tree, _ = read_tree(path, told, "is empty; write `rule_files:` and `tests:`")
    if not isinstance(tree, Map):
        return Outcome(0, told.complaints, ())
    part = Part(tree, "", told, _FILE)
    groups, complaints = _groups(part, path)
    tests = [_Test(Part(one, "", told, _TEST), told) for one in part.maps("tests", "a test")]
    every = part.milliseconds("evaluation_interval", _MINUTE) or _MINUTE
    fuzzy = part.text("fuzzy_compare") == "true"
    if told.complaints or complaints:
        return Outcome(len(tests), (*told.complaints, *complaints), ())
    failures = [told_of for test in tests for told_of in test.run(groups, every, left_open, fuzzy)]
    return Outcome(len(tests), (), tuple(failures))


def _groups(part: Part, path: Path) -> tuple[list[RuleGroup], list[Complaint]]:
    groups: list[RuleGroup] = []
    complaints: list[Complaint] = []
    for item in part.items("rule_files"):
        pattern = item.text if isinstance(item, Scalar) and item.text else ""
        names = sorted(glob.glob(pattern, root_dir=path.parent))  # noqa: PTH207 - Path.glob takes no absolute one
        if not names:
            part.told.complain(item.line, "rule_files", f"no file matches {pattern}; check the name")
        for name in names:
            read = read_rules(path.parent / name, longest=_EVER)
            groups.extend(read.groups)
            complaints.extend(read.complaints)
    order = [item.text for item in part.items("group_eval_order") if isinstance(item, Scalar)]
    places = {name: place for place, name in enumerate(order)}
    return sorted(groups, key=lambda group: places.get(group.name, len(places))), complaints


class _Test:
    def __init__(self, part: Part, told: Told) -> None:
        self._told = told
        self._line = part.value.line
        self._name = part.text("name")
        part.name = self._name
        self._interval = part.milliseconds("interval", _MINUTE) or _MINUTE
        self._start = part.milliseconds("start_timestamp", 0) or 0
        self._external = {name: text for name, (_, text) in part.pairs("external_labels").items()}
        self._url = part.text("external_url")
        series = part.maps("input_series", "a series")
        self._series = [found for one in series if (found := self._input(one)) is not None]
        self._alerts = [_AlertTest(self._sub(one, _AlertTest.FIELDS)) for one in part.maps("alert_rule_test", "a test")]
        exprs = part.maps("promql_expr_test", "a test")
        self._exprs = [_ExprTest(self._sub(one, _ExprTest.FIELDS), told) for one in exprs]

    def _sub(self, value: Map, fields: tuple[str, ...]) -> Part:
        return Part(value, self._name, self._told, fields)

    def _input(self, value: Map) -> tuple[Labels, list[float | None]] | None:
        part = self._sub(value, ("series", "values"))
        try:
            return parse_series(f"{part.text('series')} {part.text('values')}")
        except PromqlError as error:
            part.complain("series", str(error))
            return None

    def run(self, rules: list[RuleGroup], every: int, left_open: bool, fuzzy: bool) -> Iterator[str]:
        history = self._history()
        history.ranges = {**ranges(rules), "": _EVER}
        engine = Engine(history, left_open=left_open)
        world = World(history, engine, self._external, self._url)
        groups = [Group(group, world) for group in rules]
        times = [*(one.at for one in self._alerts), *(one.at for one in self._exprs)]
        last = max(times, default=0)
        for at in range(0, last + every, every):
            for group in groups:
                group.evaluate(at + self._start)
            for test in self._alerts:
                if at <= test.at < at + every:
                    yield from self._said(test.line, test.failures(groups))
        for expr in self._exprs:
            yield from self._said(expr.line, expr.failures(engine, self._start, fuzzy))

    def _history(self) -> History:
        history = History()
        for number, (labels, values) in enumerate(self._series):
            source = history.source(f"input {number}")
            for place, value in enumerate(values):
                if value is not None:
                    source.begin(self._start + place * self._interval)
                    history.put(history.series(labels, source), source, value)
        return history

    def _said(self, line: int, failures: Iterator[str]) -> Iterator[str]:
        name = f"{self._name}: " if self._name else ""
        for failure in failures:
            yield f"{self._told.file}:{line}: {name}{failure}"


class _AlertTest:
    FIELDS = ("eval_time", "alertname", "exp_alerts")

    def __init__(self, part: Part) -> None:
        self.line = part.value.line
        self.at = part.milliseconds("eval_time", 0) or 0
        self._name = part.text("alertname")
        if not self._name:
            part.complain("alertname", "is needed; write which alert is expected, or expected not to fire")
        self._expected = []
        for one in part.maps("exp_alerts", "an alert"):
            alert = Part(one, part.name, part.told, ("exp_labels", "exp_annotations"))
            labels = {name: text for name, (_, text) in alert.pairs("exp_labels").items()}
            annotations = {name: text for name, (_, text) in alert.pairs("exp_annotations").items()}
            self._expected.append((labels_of({**labels, ALERT_NAME: self._name}), annotations))

    def failures(self, groups: list[Group]) -> Iterator[str]:
        every = [alerts for group in groups for alerts in group.alerts.values() if alerts.rule.name == self._name]
        got = [
            (alert.labels, dict(alert.annotations))
            for alerts in every
            for alert in alerts.active.values()
            if alert.state == "firing"
        ]
        left = list(self._expected)
        unexpected = []
        for one in got:
            if one in left:
                left.remove(one)
            else:
                unexpected.append(one)
        if left or unexpected:
            at = f"alertname {self._name}, time {self.at / 1000:g} s"
            yield f"{at}\n  expected: {_listed(left)}\n  got:      {_listed(unexpected)}"


class _ExprTest:
    FIELDS = ("expr", "eval_time", "exp_samples")

    def __init__(self, part: Part, told: Told) -> None:
        self.line = part.value.line
        self.at = part.milliseconds("eval_time", 0) or 0
        self._text = part.text("expr")
        self._expected: dict[Labels, float] = {}
        for one in part.maps("exp_samples", "a sample"):
            sample = Part(one, part.name, told, ("labels", "value", "histogram"))
            try:
                labels, _ = parse_metric(sample.text("labels") or "{}")
                # YAML writes .inf and .nan.
                self._expected[labels] = float(re.sub(r"^([+-]?)\.(?=[a-zA-Z])", r"\1", sample.text("value") or "0"))
            except ValueError as error:
                sample.complain("labels", str(error))

    def failures(self, engine: Engine, start: int, fuzzy: bool) -> Iterator[str]:
        try:
            expr = parse(self._text)
            reads(expr)
            got = dict(engine.vector(expr, start + self.at))
        except PromqlError as error:
            yield f"expr {self._text}: {error}"
            return
        same = set(got) == set(self._expected)
        if not same or not all(_same(got[one], self._expected[one], fuzzy) for one in got):
            at = f"expr {self._text}, time {self.at / 1000:g} s"
            yield f"{at}\n  expected: {_samples(self._expected)}\n  got:      {_samples(got)}"


def _same(one: float, other: float, fuzzy: bool) -> bool:
    if math.isnan(one) or math.isnan(other):
        return math.isnan(one) and math.isnan(other)
    return one == other or (fuzzy and math.isclose(one, other, rel_tol=1e-15, abs_tol=1e-300))


def _listed(alerts: list[tuple[Labels, dict[str, str]]]) -> str:
    return "\n            ".join(f"{labels!r} {annotations}" for labels, annotations in alerts) or "nothing"


def _samples(samples: dict[Labels, float]) -> str:
    return ", ".join(f"{labels!r} {value!r}" for labels, value in samples.items()) or "nothing"
