"""Where the series of a selector come from: a scrape, rules that record, or alerts. And what labels they have then."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pacs_monitor.alerting.definitions import AlertingRule, RecordingRule, Rule
from pacs_monitor.alerting.exporting.asked import Asked
from pacs_monitor.alerting.exporting.expressions import selectors_in
from pacs_monitor.alerting.exporting.keeping import Followed, keeps, makes
from pacs_monitor.history.labels import NAME
from pacs_monitor.history.matchers import EQUAL
from pacs_monitor.promql.ast import Selector

SEVERITY = "severity"
_OF_ALERTS = ("ALERTS", "ALERTS_FOR_STATE")


class Origins:
    """What is known of the series that rules read from each other."""

    def __init__(self, rules: Sequence[Rule], asked: Asked) -> None:
        self._rules = rules
        self._asked = asked
        self._without: set[tuple[int, str]] = set()
        """Rules, and labels of the selector that what they give has not always."""
        self._of_alerts: set[int] = set()
        """Records whose severity is that of alerts."""
        self._own: set[int] = set()
        """Rules whose severity is made by an expression or by the labels of a record."""
        self._settle(self._of_alerts, self._has_severity_of_alerts)
        self._settle(self._own, self._makes_severity)
        before = -1
        while before < len(self._without):
            before = len(self._without)
            pairs = [(rule, label) for rule in rules for label in asked.labels]
            self._without |= {(id(rule), label) for rule, label in pairs if not self._carries(rule, label)}

    def of(self, selector: Selector) -> list[Rule | None]:
        """The rules whose series it may read; None stands for the scrape."""
        names = [one for one in selector.matchers if one.name == NAME]

        def named(text: str) -> bool:
            return all(one.matches(text) for one in names)

        found: list[Rule | None] = [
            rule for rule in self._rules if isinstance(rule, RecordingRule) and named(rule.name)
        ]
        if any(map(named, _OF_ALERTS)):
            alerts = [one for one in selector.matchers if one.name == "alertname"]
            found += [
                rule
                for rule in self._rules
                if isinstance(rule, AlertingRule) and all(one.matches(rule.name) for one in alerts)
            ]
        scraped = not found and selector.name not in _OF_ALERTS and ":" not in selector.name
        return [*found, None] if scraped or not selector.name else found

    def have(self, selector: Selector, label: str) -> set[bool]:
        """Whether what it reads has a label of the scrape: both, if some has it and some not; nothing, if unknown."""
        return {rule is None or (id(rule), label) not in self._without for rule in self.of(selector)}

    def reads_alerts(self, selector: Selector) -> bool:
        """Whether the severity of what it reads is that of alerts."""
        return any(isinstance(rule, AlertingRule) or id(rule) in self._of_alerts for rule in self.of(selector) if rule)

    def derives_from_alerts(self, rule: Rule) -> bool:
        """Whether a rule reads the severity of alerts anywhere."""
        return any(map(self.reads_alerts, selectors_in(rule.expr)))

    def makes_severity(self, rule: Rule) -> bool:
        """Whether the elements of a rule's expression may have a severity that no alert gave them."""
        return makes(rule.expr, SEVERITY, lambda selector: any(id(one) in self._own for one in self.of(selector)))

    def _settle(self, found: set[int], holds: Callable[[Rule], bool]) -> None:
        """Rules read each other: goes over them until nothing new is found."""
        before = -1
        while before < len(found):
            before = len(found)
            found |= {id(rule) for rule in self._rules if isinstance(rule, RecordingRule) and holds(rule)}

    def _has_severity_of_alerts(self, rule: Rule) -> bool:
        return SEVERITY not in rule.own_labels and self.derives_from_alerts(rule)

    def _makes_severity(self, rule: Rule) -> bool:
        return SEVERITY in rule.own_labels or self.makes_severity(rule)

    def _carries(self, rule: Rule, label: str) -> bool:
        matchers = self._asked.of(label)
        if label in rule.own_labels:
            value = _constant(rule, label)
            return value is not None and all(one.matches(value) for one in matchers)
        fixed = [one.op for one in matchers] == [EQUAL]
        return keeps(rule.expr, Followed(label, lambda one: self.have(one, label) == {True}, fixed))


def _constant(rule: Rule, label: str) -> str | None:
    """The value of a rule's own label, if it is the same for all elements."""
    if isinstance(rule, AlertingRule):
        return dict(rule.labels)[label].constant
    return dict(rule.labels)[label]
