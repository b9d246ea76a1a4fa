"""Inhibition: an alert is not told while another one fires that explains it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pacs_monitor.history.matchers import Matcher
from pacs_monitor.routing.definitions import InhibitRule
from pacs_monitor.routing.routed import RoutedAlert

_Sources = dict[tuple[str, ...], dict[str, RoutedAlert]]


def matches(matchers: Iterable[Matcher], labels: Mapping[str, str]) -> bool:
    """Whether all matchers hold; a missing label counts as ""."""
    return all(one.matches(labels.get(one.name, "")) for one in matchers)


class Inhibitor:
    """Keeps the alerts that can inhibit, by what a target must have equal, so that looking takes no search."""

    def __init__(self, rules: Iterable[InhibitRule]) -> None:
        self._rules: list[tuple[InhibitRule, _Sources]] = [(rule, {}) for rule in rules]

    def take(self, alert: RoutedAlert) -> None:
        """An alert that is new, or has changed."""
        for rule, sources in self._rules:
            if matches(rule.source, alert.labels):
                sources.setdefault(_equal(rule, alert.labels), {})[alert.fingerprint] = alert

    def forget(self, alert: RoutedAlert) -> None:
        """An alert that is no more."""
        for rule, sources in self._rules:
            key = _equal(rule, alert.labels)
            same = sources.get(key)
            if same is not None and same.pop(alert.fingerprint, None) is not None and not same:
                del sources[key]

    def inhibited_by(self, labels: Mapping[str, str], now: float) -> tuple[str, ...]:
        """The fingerprint of the first alert that inhibits one with these labels; nothing if none does.

        One that matches both sides of a rule is not inhibited by others that do: or they would silence one another.
        """
        for rule, sources in self._rules:
            if not matches(rule.target, labels):
                continue
            both = matches(rule.source, labels)
            for source in sources.get(_equal(rule, labels), {}).values():
                if not source.resolved(now) and not (both and matches(rule.target, source.labels)):
                    return (source.fingerprint,)
        return ()


def _equal(rule: InhibitRule, labels: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(labels.get(name, "") for name in rule.equal)
