"""Evaluates a group of rules: one after the other, each seeing what those before it gave."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pacs_monitor.alerting.alerts import Alerts, RuleFailed, Surroundings, series_of
from pacs_monitor.alerting.definitions import AlertingRule, RecordingRule, RuleGroup
from pacs_monitor.alerting.gotemplate.errors import ExpandingFailed
from pacs_monitor.alerting.gotemplate.functions import Environment
from pacs_monitor.alerting.gotemplate.values import Sample, Samples, Texts
from pacs_monitor.history.labels import NAME, Labels
from pacs_monitor.history.series import Series, Source
from pacs_monitor.history.store import History
from pacs_monitor.promql.engine import Engine
from pacs_monitor.promql.errors import PromqlError
from pacs_monitor.promql.features import NONE, Features
from pacs_monitor.promql.parse import parse
from pacs_monitor.promql.values import Vector


@dataclass(slots=True)
class RuleHealth:
    """How the last evaluation of a rule went."""

    error: str = ""
    failures: int = 0
    seconds: float = 0.0


@dataclass
class World:
    """What all groups share."""

    history: History
    engine: Engine
    external_labels: Mapping[str, str] = field(default_factory=dict)
    external_url: str = ""
    clock: Callable[[], float] = time.perf_counter
    features: Features = NONE
    """What of Prometheus' experimental functions is enabled."""


class Group:
    """A group with the state of its rules. One thread evaluates it."""

    def __init__(self, group: RuleGroup, world: World) -> None:
        self.group = group
        self.health = [RuleHealth() for _ in group.rules]
        self.alerts = {place: Alerts(rule) for place, rule in enumerate(group.rules) if isinstance(rule, AlertingRule)}
        """By the rule's place."""
        self.template_failures = 0
        self.seconds = 0.0
        """How long the last evaluation took."""
        self.evaluations = 0
        self._world = world
        self._given: list[dict[Labels, Series]] = [{} for _ in group.rules]

    @property
    def failures(self) -> int:
        """How many evaluations of its rules gave an error."""
        return sum(health.failures for health in self.health)

    @property
    def source(self) -> str:
        """What the history calls the group."""
        return f"rules {self.group.file} {self.group.name}"

    def evaluate(self, at: int) -> None:
        """Evaluate all rules as of a time in ms; what one cannot evaluate leaves its alerts and series alone."""
        began = self._world.clock()
        looked = at - (self.group.query_offset or 0)
        source = self._begun(looked)
        for place, rule in enumerate(self.group.rules):
            self._evaluate(place, rule, at, looked, source)
        self.evaluations += 1
        self.seconds = self._world.clock() - began

    def end(self, at: int) -> None:
        """Mark the end of every series that the group gave, as it is evaluated no more from this time on."""
        source = self._begun(at - (self.group.query_offset or 0)) or self._world.history.source(self.source)
        for given in self._given:
            for series in given.values():
                self._world.history.end(series, source)
        self._given = [{} for _ in self.group.rules]

    def _begun(self, at: int) -> Source | None:
        """The source at a new time; None if it has a later one: the query offset has grown, or the clock went back."""
        source = self._world.history.source(self.source)
        if source.times and source.times[-1] >= at:
            return None
        source.begin(at)
        return source

    def _evaluate(
        self, place: int, rule: AlertingRule | RecordingRule, at: int, looked: int, source: Source | None
    ) -> None:
        health, began = self.health[place], self._world.clock()
        try:
            vector = self._world.engine.vector(rule.expr, looked)
            if isinstance(rule, AlertingRule):
                found = self._followed(place, vector, at)
            else:
                found = recorded(rule, vector, self.group.limit)
        except (PromqlError, RuleFailed) as error:
            health.error = str(error)
            health.failures += 1
        else:
            health.error = ""
            if source is not None:
                self._write(place, found, source)
        health.seconds = self._world.clock() - began

    def _followed(self, place: int, vector: Vector, at: int) -> Vector:
        around = Surroundings(
            Environment(lambda text: self._asked(text, at), self._world.external_url),
            self._world.external_labels,
            self._template_failed,
        )
        alerts = self.alerts[place]
        present = alerts.follow(vector, at, self.group.limit, around)
        return [one for alert in present for one in series_of(alerts.rule, alert)]

    def _asked(self, text: str, at: int) -> Samples:
        """What a template's `query` gives. Raises ExpandingFailed."""
        try:
            vector = self._world.engine.vector(parse(text, self._world.features), at)
        except PromqlError as error:
            raise ExpandingFailed(str(error)) from None
        return Samples(Sample(Texts(labels.as_dict()), value) for labels, value in vector)

    def _template_failed(self) -> None:
        self.template_failures += 1

    def _write(self, place: int, found: Vector, source: Source) -> None:
        history, before = self._world.history, self._given[place]
        given: dict[Labels, Series] = {}
        for labels, value in found:
            series = given[labels] = history.series(labels, source)
            history.put(series, source, value)
        for labels, series in before.items():
            if labels not in given:
                history.end(series, source)
        self._given[place] = given


def recorded(rule: RecordingRule, vector: Vector, limit: int) -> Vector:
    """The series that a recording rule gives. Raises RuleFailed."""
    changes = {NAME: rule.name, **dict(rule.labels)}
    found = [(labels.changed(changes), value) for labels, value in vector]
    if len({labels for labels, _ in found}) < len(found):
        raise RuleFailed(
            "vector contains metrics with the same labelset after applying rule labels; let the expression tell them "
            "apart"
        )
    if limit and len(found) > limit:
        raise RuleFailed(f"exceeded limit of {limit} with {len(found)} series")
    return found
