"""Tests of rules in the format of `promtool test rules`: series in, alerts and samples out, at given times."""

from __future__ import annotations

import glob
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pacs_monitor.alerting.definitions import RuleGroup
from pacs_monitor.alerting.expected import AlertTest, ExprTest
from pacs_monitor.alerting.groups import Group, World
from pacs_monitor.alerting.rulefile import read_rules
from pacs_monitor.alerting.told import Part, Told, read_tree
from pacs_monitor.configuring.tree import Map, Scalar
from pacs_monitor.history.labels import Labels
from pacs_monitor.history.series import Source
from pacs_monitor.history.store import History
from pacs_monitor.promql.engine import Engine
from pacs_monitor.promql.errors import PromqlError
from pacs_monitor.promql.features import NONE, Features
from pacs_monitor.promql.notation import parse_series
from pacs_monitor.settings import Complaint
from pacs_monitor.units import format_duration

_FILE = ("rule_files", "evaluation_interval", "group_eval_order", "tests", "fuzzy_compare")
_TEST = (
    *("name", "interval", "input_series", "alert_rule_test", "promql_expr_test"),
    *("external_labels", "external_url", "start_timestamp"),
)
_MINUTE = 60_000
_EVER = 10 * 365 * 24 * 60 * _MINUTE
_EMPTY = "is empty; write `rule_files:` and `tests:`"


@dataclass(frozen=True)
class Outcome:
    """What a file of tests gave."""

    tests: int
    complaints: tuple[Complaint, ...]
    """What is wrong with the file itself or the rules; then nothing was tested."""
    failures: tuple[str, ...]
    """What differs from what is expected, each with file and line."""


def judge(path: Path, left_open: bool = True, features: Features = NONE) -> Outcome:
    """Run all tests of a file; with `left_open=False` ranges are those of Prometheus 2.

    `features` is what is enabled of Prometheus' experimental functions.
    """
    told = Told(str(path))
    tree, _ = read_tree(path, told, _EMPTY)
    if not isinstance(tree, Map):
        if tree is not None:
            told.complain(tree.line, "", _EMPTY)
        return Outcome(0, told.complaints, ())
    part = Part(tree, "", told, _FILE)
    groups, complaints = _groups(part, path, features)
    every = part.milliseconds("evaluation_interval", _MINUTE) or _MINUTE
    tests = [_Test(one, told, every, features) for one in part.maps("tests", "a test")]
    fuzzy = part.text("fuzzy_compare") == "true"
    if told.complaints or complaints:
        return Outcome(len(tests), (*told.complaints, *complaints), ())
    failures = [failure for test in tests for failure in test.run(groups, left_open, fuzzy)]
    return Outcome(len(tests), (), tuple(failures))


def _groups(part: Part, path: Path, features: Features) -> tuple[list[RuleGroup], list[Complaint]]:
    groups: list[RuleGroup] = []
    complaints: list[Complaint] = []
    for item in part.items("rule_files"):
        pattern = item.text if isinstance(item, Scalar) and item.text else ""
        names = sorted(glob.glob(pattern, root_dir=path.parent))  # noqa: PTH207 - Path.glob takes no absolute one
        if not names:
            part.told.complain(item.line, "rule_files", f"no file matches {pattern}; check the name")
        for name in names:
            read = read_rules(path.parent / name, longest=_EVER, features=features)
            groups.extend(read.groups)
            complaints.extend(read.complaints)
    places: dict[str, int] = {}
    for place, item in enumerate(part.items("group_eval_order")):
        name = (item.text or "") if isinstance(item, Scalar) else ""
        if name in places:
            part.told.complain(item.line, "group_eval_order", f"{name} is there twice; remove one of them")
        places.setdefault(name, place)
    return sorted(groups, key=lambda group: places.get(group.name, -1)), complaints


class _Test:
    """One entry of `tests`."""

    def __init__(self, value: Map, told: Told, every: int, features: Features) -> None:
        self._told = told
        self._features = features
        self._every = every
        part = Part(value, "", told, _TEST)
        part.name = self._name = part.text("name")
        self._interval = part.milliseconds("interval") or every
        self._start = _moment(part)
        self._external = {name: text for name, (_, text) in part.pairs("external_labels").items()}
        self._url = part.text("external_url")
        series = part.maps("input_series", "a series")
        self._series = [found for one in series if (found := self._input(one)) is not None]
        self._alerts = [AlertTest(self._sub(one, AlertTest.FIELDS)) for one in part.maps("alert_rule_test", "a test")]
        exprs = part.maps("promql_expr_test", "a test")
        self._exprs = [ExprTest(self._sub(one, ExprTest.FIELDS), told, features) for one in exprs]

    def _sub(self, value: Map, fields: tuple[str, ...]) -> Part:
        return Part(value, self._name, self._told, fields)

    def _input(self, value: Map) -> tuple[Labels, list[float | None]] | None:
        part = self._sub(value, ("series", "values"))
        try:
            return parse_series(f"{part.text('series')} {part.text('values')}")
        except PromqlError as error:
            part.complain("series", str(error))
            return None

    def run(self, rules: list[RuleGroup], left_open: bool, fuzzy: bool) -> Iterator[str]:
        """What differs; nothing more once a rule cannot be evaluated."""
        history = History()
        engine = Engine(history, left_open=left_open, step=self._every)
        world = World(history, engine, self._external, self._url, features=self._features)
        groups = [Group(group, world) for group in rules]
        samples = _Samples(history, self._series, self._interval, self._start)
        times = [*(one.at for one in self._alerts), *(one.at for one in self._exprs)]
        last = max(times, default=0)
        for at in range(0, last + 1, self._every):
            samples.give_until(at)
            failures = [failure for group in groups for failure in self._evaluated(group, at)]
            yield from failures
            if failures:
                return
            for test in self._alerts:
                if at <= test.at < at + self._every:
                    yield from self._said(test.line, test.failures(groups))
        for expr in self._exprs:
            yield from self._said(expr.line, expr.failures(engine, self._start, fuzzy))

    def _evaluated(self, group: Group, at: int) -> Iterator[str]:
        group.evaluate(at + self._start)
        for rule, health in zip(group.group.rules, group.health, strict=True):
            if health.error:
                name = f"{self._name}: " if self._name else ""
                place = f"{group.group.file}:{rule.line}: {name}rule {rule.name}"
                yield f"{place}, time {format_duration(at / 1000)}: {health.error}"

    def _said(self, line: int, failures: Iterator[str]) -> Iterator[str]:
        name = f"{self._name}: " if self._name else ""
        for failure in failures:
            yield f"{self._told.file}:{line}: {name}{failure}"


class _Samples:
    """The samples of the input series, given as their times come: a look ahead sees none."""

    def __init__(
        self, history: History, series: list[tuple[Labels, list[float | None]]], interval: int, start: int
    ) -> None:
        self._history = history
        self._input = [(history.source(f"input {number}"), *one) for number, one in enumerate(series)]
        self._interval = interval
        self._start = start
        self._next = 0
        self._count = max((len(values) for _, values in series), default=0)

    def give_until(self, at: int) -> None:
        """All samples up to a time in ms since the test's beginning."""
        while self._next < self._count and self._next * self._interval <= at:
            for source, labels, values in self._input:
                if self._next < len(values) and (value := values[self._next]) is not None:
                    self._give(source, labels, value)
            self._next += 1

    def _give(self, source: Source, labels: Labels, value: float) -> None:
        source.begin(self._start + self._next * self._interval)
        self._history.put(self._history.series(labels, source), source, value)


def _moment(part: Part) -> int:
    """The test's beginning in ms since 1970: seconds, or a time as in 2026-01-31T12:00:00Z."""
    text = part.text("start_timestamp")
    try:
        return round(float(text or "0") * 1000)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        part.complain("start_timestamp", f"{text} is no time; write seconds since 1970, or 2026-01-31T12:00:00Z")
        return 0
    return round(moment.timestamp() * 1000)
