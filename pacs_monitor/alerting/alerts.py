"""One alerting rule's alerts, and what becomes of them from one evaluation to the next. Times in milliseconds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from pacs_monitor.alerting.definitions import AlertingRule
from pacs_monitor.alerting.gotemplate.errors import ExpandingFailed
from pacs_monitor.alerting.gotemplate.functions import Environment
from pacs_monitor.alerting.gotemplate.template import Template, data_of
from pacs_monitor.alerting.gotemplate.values import Data
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
            alert.kept_since = None
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
        for element, value in vector:
            data = data_of(element.as_dict(), value, around.external_labels, around.environment.external_url)
            labels = self._labels(element, data, around)
            if labels in found:
                raise RuleFailed(
                    f"vector contains metrics with the same labelset after applying alert labels: {labels!r}; let the "
                    "expression or the rule's labels tell them apart"
                )
            annotations = {name: self._expanded(one, data, around) for name, one in self.rule.annotations}
            found[labels] = Alert(labels, annotations, value, at)
        return found

    def _labels(self, element: Labels, data: Data, around: Surroundings) -> Labels:
        changes = {name: self._expanded(template, data, around) for name, template in self.rule.labels}
        return element.changed({NAME: "", **changes, ALERT_NAME: self.rule.name})

    def _expanded(self, template: Template, data: Data, around: Surroundings) -> str:
        try:
            return template.expand(self.rule.name, data, around.environment)
        except ExpandingFailed as error:
            around.template_failed()
            return f"<error expanding template: {error}>"


def series_of(rule: AlertingRule, alert: Alert) -> Iterator[tuple[Labels, float]]:
    """The two series that tell of an alert."""
    # As in Prometheus, a label whose template gives nothing shows the template itself here, and here only.
    labels = {**rule.own_labels, **alert.labels.as_dict()}
    yield labels_of({**labels, NAME: ALERTS, "alertstate": alert.state}), 1.0
    yield labels_of({**labels, NAME: FOR_STATE}), float(alert.active_at // 1000)
