"""Reads Prometheus rule files, strictly: all complaints at once, each with file, line and rule."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pacs_monitor.alerting.definitions import AlertingRule, RecordingRule, Rule, RuleGroup
from pacs_monitor.alerting.gotemplate.errors import TemplateRefused
from pacs_monitor.alerting.gotemplate.template import Template
from pacs_monitor.alerting.target import Target
from pacs_monitor.alerting.told import Part, Told, read_tree
from pacs_monitor.configuring.tree import Map, Scalar, Value
from pacs_monitor.history.labels import NAME
from pacs_monitor.promql.ast import Expr
from pacs_monitor.promql.errors import BadExpression
from pacs_monitor.promql.features import NONE, Features
from pacs_monitor.promql.parse import parse, reads
from pacs_monitor.settings import Complaint

Templates = list[tuple[str, Template]]
LONGEST = 24 * 3_600_000
"""How far back a rule may read, in milliseconds: each sample of each series that it reads takes 8 bytes of memory."""
_GROUP = ("name", "interval", "query_offset", "limit", "labels", "rules")
_RULE = ("record", "alert", "expr", "for", "keep_firing_for", "labels", "annotations")
_METRIC = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*", re.ASCII)
_NO_NAME = "''"
_UNTIL = "; until then its text is an error, as in Prometheus"
_EMPTY = "is empty; write `groups:` and below it a list of groups"


@dataclass(frozen=True)
class RuleFile:
    """What a file defines, and what is wrong with it."""

    groups: tuple[RuleGroup, ...]
    complaints: tuple[Complaint, ...]
    warnings: tuple[Complaint, ...] = ()


def read_rules(path: Path, target: Target | None = None, longest: int = LONGEST, features: Features = NONE) -> RuleFile:
    """The groups of a file. `target` is a version of Prometheus that must take it, too; what it refuses is told.

    `longest` is how far back a rule may read, in milliseconds; `features` is what is enabled of experimental
    functions. With complaints there are no groups.
    """
    told = Told(str(path))
    tree, _ = read_tree(path, told, _EMPTY)
    groups = _Reading(told, target, longest, features).groups(tree) if isinstance(tree, Map) else []
    if tree is not None and not isinstance(tree, Map):
        told.complain(tree.line, "", _EMPTY)
    return RuleFile(() if told.complaints else tuple(groups), told.complaints, told.warnings)


class _Reading:
    def __init__(self, told: Told, target: Target | None, longest: int, features: Features) -> None:
        self._told = told
        self._target = target
        self._longest = longest
        self._features = features

    def groups(self, tree: Map) -> list[RuleGroup]:
        top = Part(tree, "", self._told, ("groups",))
        names: dict[str, int] = {}
        found = []
        for one in top.maps("groups", "a group"):
            group = self._group(one)
            if group.name and group.name in names:
                self._told.complain(
                    one.line, group.name, f"there is a group of this name in line {names[group.name]}; rename one"
                )
            names.setdefault(group.name, one.line)
            found.append(group)
        return found

    def _group(self, value: Map) -> RuleGroup:
        part = Part(value, "", self._told, _GROUP)
        part.name = name = part.text("name")
        if not name:
            part.complain("name", "every group needs one; write name: and a name")
        for field in ("query_offset", "labels"):
            if part.has(field):
                self._say(part, field, self._target.field_fault(field) if self._target else "")
        interval, limit = part.milliseconds("interval"), part.whole("limit")
        if interval == 0:
            interval = None
        if limit < 0:
            part.complain("limit", f"is {limit}; write 0 for no limit, or how many alerts a rule may give")
        labels = self._labels(part)
        rules = [self._rule(one, name, labels) for one in part.maps("rules", "a rule")]
        self._twice([rule for rule in rules if rule is not None], name)
        return RuleGroup(
            name,
            tuple(rule for rule in rules if rule is not None),
            interval,
            limit,
            part.milliseconds("query_offset"),
            self._told.file,
            value.line,
        )

    def _rule(self, value: Map, group: str, shared: dict[str, str]) -> Rule | None:
        named = value.get("alert") or value.get("record")
        called = named.text if isinstance(named, Scalar) else None
        name = f"{group}/{called}" if called else group
        part = Part(value, name, self._told, _RULE)
        alert, record = part.text("alert"), part.text("record")
        if bool(alert) == bool(record):
            both = "is both an alert and a record; keep one" if alert else "is neither an alert nor a record; name one"
            self._told.complain(value.line, name, both)
            return None
        expr = self._expr(part)
        if record:
            return self._recording(part, record, expr, shared)
        return self._alerting(part, alert, expr, shared)

    def _expr(self, part: Part) -> Expr | None:
        text = part.text("expr")
        if not text:
            part.complain("expr", "every rule needs one; write expr: and an expression")
            return None
        try:
            expr = parse(text, self._features)
        except BadExpression as error:
            part.complain("expr", self._placed(text, error))
            return None
        if expr.kind not in ("vector", "scalar"):
            kind = "a range of samples" if expr.kind == "matrix" else "a text"
            part.complain("expr", f"gives {kind}; a rule needs present values, as rate(x[5m]) has them")
            return None
        self._say(part, "expr", self._far(expr))
        self._say(part, "expr", self._target.expr_fault(text) if self._target else "")
        return expr

    def _far(self, expr: Expr) -> str:
        metric, back = max(reads(expr), key=lambda found: found[1], default=("", 0))
        if back <= self._longest:
            return ""
        return (
            f"reads {_span(back)} of {metric or 'series'}, and {_span(self._longest)} are kept; record it by a "
            "rule of its own and read that, or use a shorter range"
        )

    def _placed(self, text: str, error: BadExpression) -> str:
        if error.position is None or "\n" not in text.strip():
            return str(error)
        before = text[: error.position]
        return f"{error} (line {before.count(chr(10)) + 1} of the expression)"

    def _recording(self, part: Part, name: str, expr: Expr | None, shared: dict[str, str]) -> Rule | None:
        if not _METRIC.fullmatch(name):
            part.complain("record", f"{name!r} is no metric's name; use letters, digits, _ and :")
        for field in ("for", "keep_firing_for", "annotations"):
            if part.has(field) and not _is_nothing(part.value.get(field)):
                part.complain(field, "is for alerts; a record has none")
        labels = {**shared, **self._labels(part)}
        if expr is None:
            return None
        return RecordingRule(name, expr, part.text("expr"), tuple(sorted(labels.items())), part.value.line)

    def _alerting(self, part: Part, name: str, expr: Expr | None, shared: dict[str, str]) -> Rule | None:
        if part.has("keep_firing_for") and self._target:
            self._say(part, "keep_firing_for", self._target.field_fault("keep_firing_for"))
        hold, keep = part.milliseconds("for", 0) or 0, part.milliseconds("keep_firing_for", 0) or 0
        labels = {**shared, **self._labels(part)}
        own, shared_line = part.pairs("labels"), part.line("labels")
        lines = {key: own.get(key, (shared_line, ""))[0] for key in labels}
        queries: list[Expr] = []
        made = self._templates(part, "labels", {key: (lines[key], text) for key, text in labels.items()}, queries)
        annotations = self._templates(part, "annotations", part.pairs("annotations"), queries)
        if expr is None:
            return None
        return AlertingRule(
            name,
            expr,
            part.text("expr"),
            hold,
            keep,
            _sorted(made),
            _sorted(annotations),
            part.value.line,
            tuple(queries),
        )

    def _labels(self, part: Part) -> dict[str, str]:
        found = {}
        for name, (line, text) in part.pairs("labels").items():
            if name == "alertname":
                self._told.warn(
                    line, part.name, "labels: alertname: has no effect, as the alert's name takes its place"
                )
            fault = "is the metric's name; write record for it, or choose another name" if name == NAME else ""
            if not name or any("\ud800" <= one <= "\udfff" for one in name):
                fault = "cannot name a label; write a name"
            fault = fault or (self._target.label_fault(name) if self._target else "")
            if fault:
                self._told.complain(line, part.name, fault, "labels", name or _NO_NAME)
            else:
                found[name] = text
        return found

    def _templates(self, part: Part, field: str, texts: dict[str, tuple[int, str]], queries: list[Expr]) -> Templates:
        found = []
        for name, (line, text) in texts.items():
            try:
                found.append((name, Template(text)))
            except TemplateRefused as error:
                message = f"{error} {_place_in(text, error.offset)}"
                self._told.complain(line, part.name, message, field, name)
                continue
            for flaw in found[-1][1].flaws:
                self._told.warn(line, part.name, f"{flaw.message} {_place_in(text, flaw.offset)}{_UNTIL}", field, name)
            queries.extend(self._queries(part, line, (field, name), found[-1][1]))
        return found

    def _queries(self, part: Part, line: int, keys: tuple[str, str], template: Template) -> Iterator[Expr]:
        """What a template asks for by itself, as far as that is fixed."""
        for text in template.queries:
            try:
                expr = parse(text, self._features)
            except BadExpression as error:
                self._told.warn(line, part.name, f"the query {text}: {error}{_UNTIL}", *keys)
                continue
            fault = self._far(expr)
            if fault:
                self._told.complain(line, part.name, fault, *keys)
            yield expr

    def _say(self, part: Part, field: str, fault: str) -> None:
        if fault:
            part.complain(field, fault)

    def _twice(self, rules: list[Rule], group: str) -> None:
        seen: dict[str, Rule] = {}
        for rule in rules:
            before = seen.setdefault(rule.identity(group), rule)
            if before is not rule:
                message = f"the same rule with the same labels is in line {before.line}; remove one"
                self._told.warn(rule.line, f"{group}/{rule.name}", message)


def _sorted(templates: Templates) -> tuple[tuple[str, Template], ...]:
    return tuple(sorted(templates, key=lambda named: named[0]))


def _is_nothing(value: Value | None) -> bool:
    """Whether it says as much as if it were not there: no annotations, or no time."""
    return not value.entries if isinstance(value, Map) else isinstance(value, Scalar) and value.text in ("0", "0s")


def _place_in(text: str, offset: int) -> str:
    before = text[:offset]
    column = offset - (before.rfind("\n") + 1) + 1
    line = before.count("\n") + 1
    return f"(line {line}, character {column})" if line > 1 else f"(character {column})"


def _span(milliseconds: int) -> str:
    minutes = milliseconds / 60_000
    return f"{minutes / 60:g} h" if minutes >= 120 else f"{minutes:g} min"
