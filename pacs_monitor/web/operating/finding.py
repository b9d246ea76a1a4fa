"""Which alert somebody means: by fingerprint, by name, by node, or by matchers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from pacs_monitor.history.matchers import EQUAL, MATCH, NO_MATCH, NOT_EQUAL
from pacs_monitor.routing.engine import Engine
from pacs_monitor.routing.matching import BadMatcherError, parse_matcher
from pacs_monitor.routing.routed import RoutedAlert
from pacs_monitor.routing.stages import Moment
from pacs_monitor.web.alertmanager.answers import Refused
from pacs_monitor.web.alertmanager.shown import date_time

_FINGERPRINT = re.compile("[0-9a-f]{4,16}")
MOST_TOLD = 20
Means = Callable[[RoutedAlert], bool]


class Ambiguous(Exception):
    """Several alerts are meant."""

    def __init__(self, alerts: Sequence[RoutedAlert]) -> None:
        super().__init__(f"{len(alerts)} alerts are meant; say which, as by its fingerprint")
        self.alerts = alerts

    def to_json(self) -> dict[str, object]:
        """What the client is told."""
        told = [short(one) for one in self.alerts[:MOST_TOLD]]
        return {"error": str(self), "count": len(self.alerts), "candidates": told}


def meaning(words: Iterable[str]) -> list[Means]:
    """What each word asks of an alert. Raises Refused for a matcher that is none."""
    return [_meaning(word) for word in words]


def find(engine: Engine, words: Sequence[str], at: Moment) -> RoutedAlert:
    """The one alert that fires and is meant by all words. Raises Refused and Ambiguous."""
    wanted = meaning(words)
    firing = [one for one in engine.alerts.values() if not one.resolved(at.mono)]
    found = [one for one in firing if all(means(one) for means in wanted)]
    if not found:
        raise Refused(404, f"no alert fires that {' '.join(words)} means; `pacs-monitor alerts` lists them")
    if len(found) > 1:
        raise Ambiguous(sorted(found, key=lambda one: sorted(one.labels.items())))
    return found[0]


def short(alert: RoutedAlert) -> dict[str, object]:
    """What tells it from others."""
    return {
        "fingerprint": alert.fingerprint,
        "labels": dict(sorted(alert.labels.items())),
        "startsAt": date_time(alert.starts_at),
    }


def _meaning(word: str) -> Means:
    if any(operator in word for operator in (EQUAL, NOT_EQUAL, MATCH, NO_MATCH)):
        try:
            matcher = parse_matcher(word)
        except BadMatcherError as error:
            raise Refused(400, str(error)) from None
        return lambda alert: matcher.matches(alert.labels.get(matcher.name, ""))
    is_fingerprint = _FINGERPRINT.fullmatch(word) is not None

    def means(alert: RoutedAlert) -> bool:
        if word in (alert.labels.get("alertname"), alert.labels.get("node")):
            return True
        return is_fingerprint and alert.fingerprint.startswith(word)

    return means
