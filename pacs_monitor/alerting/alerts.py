"""One alerting rule's alerts, and what becomes of them from one evaluation to the next. Times in milliseconds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from pacs_monitor.alerting.definitions import AlertingRule
from pacs_monitor.alerting.gotemplate.errors import ExpandingFailed
from pacs_monitor.alerting.gotemplate.functions import Environment
from pacs_monitor.alerting.gotemplate.template import Template, data_of
from pacs_monitor.history.labels import NAME, Labels, labels_of
from pacs_monitor.promql.values import Vector

ALERTS, FOR_STATE, ALERT_NAME = "ALERTS", "ALERTS_FOR_STATE", "alertname"
RESOLVED_FOR = 15 * 60_000
"""How long a resolved alert is kept, so that everybody hears of it."""
State = Literal["pending", "firing", "inactive"]


class RuleFailed(Exception):
    """An evaluation of a rule gave no result; the sentence says why."""


@dataclass(slots=True)
class Alert:
    """One element that a rule's expression gave."""

    labels: Labels
    annotations: Mapping[str, str]
    value: float
    active_at: int
    """Since when the expression gives it."""
    state: State = "pending"
    fired_at: int | None = None
    resolved_at: int | None = None
    kept_since: int | None = None
    """Since when it only fires because of `keep_firing_for`."""
    settles_at: int | None = None
    """It is from before a restart, and until then it is no news that the expression does not give it yet."""
    told: tuple[State, Labels, Labels] | None = None
    """The labels of the series that tell of it, in a state."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What templates see beside the alert."""

    environment: Environment
    external_labels: Mapping[str, str]
    template_failed: Callable[[], None]


class Alerts:
    """The state of one rule."""

    def __init__(self, rule: AlertingRule) -> None:
        self.rule = rule
        self.active: dict[Labels, Alert] = {}
        """By labels; resolved ones stay for a while."""
        templates = [template for _, template in (*rule.labels, *rule.annotations)]
        self._fixed = not any("query" in template.functions for template in templates)
        self._expanded: dict[Labels, _Expanded] = {}

    def follow(self, vector: Vector, at: int, limit: int, around: Surroundings) -> list[Alert]:
        """Take in what the expression gave at a time. Those that are pending or firing now. Raises RuleFailed."""
        found = self._found(vector, at, around)
        for labels, alert in found.items():
            known = self.active.get(labels)
            if known is None or known.state == "inactive":
                self.active[labels] = alert
            else:
                known.value, known.annotations = alert.value, alert.annotations
        present = [alert for alert in list(self.active.values()) if self._moved(alert, alert.labels in found, at)]
        if limit and len(present) > limit:
            self.active = {}
            raise RuleFailed(f"exceeded limit of {limit} with {len(present)} alerts")
        return present

    def _moved(self, alert: Alert, found: bool, at: int) -> bool:
        """Move an alert on; whether it is pending or firing now."""
        if found:
            alert.kept_since = alert.settles_at = None
        elif alert.settles_at is not None and at < alert.settles_at and alert.state != "inactive":
            return True
        elif not self._kept(alert, at):
            if alert.state == "pending" or (alert.resolved_at is not None and at - alert.resolved_at > RESOLVED_FOR):
                del self.active[alert.labels]
            if alert.state != "inactive":
                alert.state, alert.resolved_at = "inactive", at
            return False
        if alert.state == "pending" and at - alert.active_at >= self.rule.hold:
            alert.state, alert.fired_at = "firing", at
        return True

    def _kept(self, alert: Alert, at: int) -> bool:
        if alert.state != "firing" or not self.rule.keep_firing_for:
            return False
        if alert.kept_since is None:
            alert.kept_since = at
        return at - alert.kept_since < self.rule.keep_firing_for

    def _found(self, vector: Vector, at: int, around: Surroundings) -> dict[Labels, Alert]:
        found: dict[Labels, Alert] = {}
        expanded: dict[Labels, _Expanded] = {}
        for element, value in vector:
            # Most elements are there again with the value of before.
            known = self._expanded.get(element)
            if known is None or known.value != value:
                known = _Expanding(self.rule, element, value, around).all()
            if self._fixed and not known.failed:
                expanded[element] = known
            if known.labels in found:
                raise RuleFailed(
                    f"vector contains metrics with the same labelset after applying alert labels: {known.labels!r}; "
                    "let the expression or the rule's labels tell them apart"
                )
            found[known.labels] = Alert(known.labels, known.annotations, value, at)
        self._expanded = expanded
        return found


@dataclass(frozen=True, slots=True)
class _Expanded:
    """What the templates make of an element."""

    value: float
    labels: Labels
    annotations: Mapping[str, str]
    failed: bool


class _Expanding:
    """Expands the templates of a rule for one element."""

    def __init__(self, rule: AlertingRule, element: Labels, value: float, around: Surroundings) -> None:
        self._rule = rule
        self._element = element
        self._data = data_of(element.as_dict(), value, around.external_labels, around.environment.external_url)
        self._around = around
        self._failed = False

    def all(self) -> _Expanded:
        changes = {name: self._text(template) for name, template in self._rule.labels}
        labels = self._element.changed({NAME: "", **changes, ALERT_NAME: self._rule.name})
        annotations = {name: self._text(template) for name, template in self._rule.annotations}
        return _Expanded(self._data.value, labels, annotations, self._failed)

    def _text(self, template: Template) -> str:
        try:
            return template.expand(self._rule.name, self._data, self._around.environment)
        except ExpandingFailed as error:
            self._failed = True
            self._around.template_failed()
            return f"<error expanding template: {error}>"


def series_of(rule: AlertingRule, alert: Alert) -> Iterator[tuple[Labels, float]]:
    """The two series that tell of an alert."""
    if alert.told is None or alert.told[0] != alert.state:
        # As in Prometheus, a label whose template gives nothing shows the template itself here, and here only.
        labels = {**rule.own_labels, **alert.labels.as_dict()}
        present = labels_of({**labels, NAME: ALERTS, "alertstate": alert.state})
        alert.told = (alert.state, present, labels_of({**labels, NAME: FOR_STATE}))
    yield alert.told[1], 1.0
    yield alert.told[2], float(alert.active_at // 1000)
