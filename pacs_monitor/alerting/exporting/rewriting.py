"""Rules with the matchers and the names of severities that are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pacs_monitor.alerting.definitions import AlertingRule, Rule, RuleGroup
from pacs_monitor.alerting.exporting.asked import Asked, rules_out
from pacs_monitor.alerting.exporting.expressions import with_selectors
from pacs_monitor.alerting.exporting.origins import SEVERITY, Origins
from pacs_monitor.alerting.exporting.queries import MadeUp, with_queries
from pacs_monitor.alerting.exporting.severities import (
    CannotRename,
    of_the_element,
    rename_matcher,
    rename_template,
    severities_in,
)
from pacs_monitor.alerting.gotemplate.template import Template
from pacs_monitor.configuring.fields import suggestion
from pacs_monitor.history.labels import NAME
from pacs_monitor.history.matchers import EQUAL, Matcher
from pacs_monitor.promql.ast import Selector
from pacs_monitor.promql.errors import BadExpression
from pacs_monitor.promql.features import EVERY
from pacs_monitor.promql.parse import parse
from pacs_monitor.settings import Complaint

JOB = "pacs-monitor"
"""What the agent calls its own series, when no Prometheus does."""
Named = tuple[tuple[str, Template], ...]


class CannotRewrite(ValueError):
    """The sentence says what of a rule is in the way, and what to do."""


class Rewriting:
    """The groups that come out, and what is in the way, all at once."""

    def __init__(self, groups: Sequence[RuleGroup], asked: Asked) -> None:
        rules = [rule for group in groups for rule in group.rules]
        self._asked = asked
        self._origins = Origins(rules, asked)
        self._severities = severities_in(rules)
        self.complaints: list[Complaint] = []
        if unknown := self._unknown_severity():
            self.complaints.append(Complaint("--severity", 0, "", unknown))
        self.groups = [replace(group, rules=tuple(self._rule(rule, group) for rule in group.rules)) for group in groups]

    def _unknown_severity(self) -> str:
        known = self._severities.known
        unknown = [one for one in self._asked.severities if one not in known]
        if not unknown or not self._severities.complete:
            return ""
        return f"no exported alert has the severity {unknown[0]}; {suggestion(unknown[0], known)}"

    def _rule(self, rule: Rule, group: RuleGroup) -> Rule:
        name = f"{group.name}/{rule.name}"
        try:
            text = with_selectors(rule.text, self._selector)
            made = replace(rule, text=text, expr=parse(text, EVERY))
            if isinstance(made, AlertingRule):
                labels = self._with_queries(self._labels(rule, made.labels))
                made = replace(made, labels=labels, annotations=self._with_queries(made.annotations))
        except (CannotRewrite, CannotRename, BadExpression) as error:
            self.complaints.append(Complaint(group.file, rule.line, name, str(error)))
            return rule
        return made

    def _selector(self, selector: Selector) -> Selector:
        matchers = selector.matchers
        for label in self._asked.labels:
            if self._gets(selector, label):
                matchers = self._narrowed(selector, matchers, label)
        if self._asked.severities and self._origins.reads_alerts(selector):
            known = self._severities.known
            matchers = tuple(
                rename_matcher(one, self._asked.severities, known) if one.name == SEVERITY else one for one in matchers
            )
        return replace(selector, matchers=matchers)

    def _gets(self, selector: Selector, label: str) -> bool:
        """Whether matchers on a label of the scrape are to be added."""
        have = self._origins.have(selector, label)
        if len(have) == 1:
            return have.pop()
        if have:
            raise CannotRewrite(
                f"{selector} reads series with {label} and such as their rules leave without it, so --selector "
                "cannot be added; read them by two selectors"
            )
        raise CannotRewrite(
            f"{selector} is given by no exported rule, so whether --selector fits it is not known; export the rule "
            "that gives it as well"
        )

    def _narrowed(self, selector: Selector, matchers: tuple[Matcher, ...], label: str) -> tuple[Matcher, ...]:
        asked = self._asked.of(label)
        # True of all that the agent sees of itself: what another scrape calls the agent takes its place.
        kept = [one for one in matchers if not (label == "job" == one.name and one.matches(JOB))]
        for one in kept:
            for other in asked:
                pairs = ((one, other), (other, one))
                if one.name == label and any(b.op == EQUAL and rules_out(a, b) for a, b in pairs):
                    raise CannotRewrite(f"{selector} reads nothing that meets {other}; leave this rule out")
        name = [one for one in kept if one.name == NAME]
        rest = [one for one in kept if one.name != NAME]
        return (*rest, *(one for one in asked if one not in rest), *name)

    def _labels(self, rule: Rule, labels: Named) -> Named:
        renamed = self._asked.severities
        if not renamed:
            return labels
        own = {name: template.text for name, template in labels}
        if SEVERITY in own:
            own[SEVERITY] = rename_template(own[SEVERITY], renamed)
        elif self._origins.makes_severity(rule):
            if self._origins.derives_from_alerts(rule) and set(renamed) & set(renamed.values()):
                raise CannotRewrite(
                    "reads alerts and makes a severity of its own, so --severity cannot tell old names from new "
                    "ones; give the rule a label severity"
                )
            own[SEVERITY] = of_the_element(renamed)
        return tuple(sorted((name, Template(text)) for name, text in own.items()))

    def _with_queries(self, templates: Named) -> Named:
        if not self._asked.labels and not self._asked.severities:
            return templates
        return tuple((name, Template(self._queries(text.text))) for name, text in templates)

    def _query(self, text: str) -> str:
        try:
            return with_selectors(text, self._selector)
        except BadExpression:
            return text  # Prometheus loads that, too, and shows an error in its place

    def _queries(self, text: str) -> str:
        try:
            return with_queries(text, self._query)
        except MadeUp:
            raise CannotRewrite(
                "a template asks for a query that it puts together, so nothing can be added to that; write the "
                "query as one text"
            ) from None
