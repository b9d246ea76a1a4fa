"""Rules as their files define them. Durations are in milliseconds."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field

from pacs_monitor.alerting.gotemplate.template import Template
from pacs_monitor.promql.ast import Expr
from pacs_monitor.promql.parse import reads


@dataclass(frozen=True, slots=True)
class AlertingRule:
    """Raises an alert for each element that its expression gives."""

    name: str
    expr: Expr
    text: str
    """The expression as written."""
    hold: int = 0
    """`for`: how long an element must be there until its alert fires."""
    keep_firing_for: int = 0
    labels: tuple[tuple[str, Template], ...] = ()
    """The group's and the rule's own, sorted by name."""
    annotations: tuple[tuple[str, Template], ...] = ()
    line: int = field(default=0, compare=False)
    queries: tuple[Expr, ...] = field(default=(), compare=False)
    """What its templates ask for by themselves."""

    def identity(self, group: str) -> str:
        """Stays the same for as long as what the rule says does, whatever file it stands in."""
        labels = [(name, template.text) for name, template in self.labels]
        return _digest(group, "alert", self.name, self.text, labels)

    @property
    def own_labels(self) -> dict[str, str]:
        """The labels' templates by name."""
        return {name: template.text for name, template in self.labels}


@dataclass(frozen=True, slots=True)
class RecordingRule:
    """Keeps what its expression gives as a metric."""

    name: str
    expr: Expr
    text: str
    labels: tuple[tuple[str, str], ...] = ()
    line: int = field(default=0, compare=False)

    def identity(self, group: str) -> str:
        """As of an alerting rule."""
        return _digest(group, "record", self.name, self.text, list(self.labels))

    @property
    def own_labels(self) -> dict[str, str]:
        """The labels by name."""
        return dict(self.labels)


Rule = AlertingRule | RecordingRule


@dataclass(frozen=True, slots=True)
class RuleGroup:
    """Rules that are evaluated one after the other, at the same time."""

    name: str
    rules: tuple[Rule, ...]
    interval: int | None = None
    """None: whatever all groups have that say nothing."""
    limit: int = 0
    """The most alerts or series of each rule; 0: no limit."""
    query_offset: int | None = None
    """How far before its time it is evaluated."""
    file: str = field(default="", compare=False)
    line: int = field(default=0, compare=False)


def ranges(groups: Iterable[RuleGroup]) -> dict[str, int]:
    """How far back the rules read each metric; "" stands for all metrics. What `History.ranges` takes."""
    found: dict[str, int] = {}
    for group in groups:
        for rule in group.rules:
            queries = rule.queries if isinstance(rule, AlertingRule) else ()
            for expr in (rule.expr, *queries):
                for metric, back in reads(expr):
                    found[metric] = max(found.get(metric, 0), back + (group.query_offset or 0))
    return found


def _digest(group: str, kind: str, name: str, text: str, labels: list[tuple[str, str]]) -> str:
    said = json.dumps([group, kind, name, text, labels], ensure_ascii=False)
    return hashlib.sha256(said.encode()).hexdigest()[:32]
