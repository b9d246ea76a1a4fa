"""What a test of rules expects, beside what came: alerts at a time, samples of an expression."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from pacs_monitor.alerting.alerts import ALERT_NAME
from pacs_monitor.alerting.groups import Group
from pacs_monitor.alerting.told import Part, Told
from pacs_monitor.history.labels import Labels, labels_of
from pacs_monitor.promql.engine import Engine
from pacs_monitor.promql.errors import PromqlError
from pacs_monitor.promql.features import Features
from pacs_monitor.promql.notation import parse_metric
from pacs_monitor.promql.parse import parse
from pacs_monitor.units import format_duration


class AlertTest:
    """All alerts of one name that are to fire at a time, and no others."""

    FIELDS = ("eval_time", "alertname", "exp_alerts")

    def __init__(self, part: Part) -> None:
        self.line = part.value.line
        self.at = part.milliseconds("eval_time", 0) or 0
        """Milliseconds since the test's beginning."""
        self._name = part.text("alertname")
        if not self._name:
            part.complain("alertname", "is needed; write which alert is expected, or expected not to fire")
        self._expected = []
        for one in part.maps("exp_alerts", "an alert"):
            alert = Part(one, part.name, part.told, ("exp_labels", "exp_annotations"))
            labels = {name: text for name, (_, text) in alert.pairs("exp_labels").items()}
            annotations = {name: text for name, (_, text) in alert.pairs("exp_annotations").items()}
            self._expected.append((labels_of({**labels, ALERT_NAME: self._name}), annotations))

    def failures(self, groups: list[Group]) -> Iterator[str]:
        """What differs."""
        every = [alerts for group in groups for alerts in group.alerts.values() if alerts.rule.name == self._name]
        unexpected, left = [], list(self._expected)
        for alert in (alert for alerts in every for alert in alerts.active.values() if alert.state == "firing"):
            one = (alert.labels, dict(alert.annotations))
            if one in left:
                left.remove(one)
            else:
                unexpected.append(one)
        if left or unexpected:
            at = f"alertname {self._name}, time {format_duration(self.at / 1000)}"
            yield f"{at}\n  expected: {_listed(left)}\n  got:      {_listed(unexpected)}"


class ExprTest:
    """What an expression is to give at a time."""

    FIELDS = ("expr", "eval_time", "exp_samples")

    def __init__(self, part: Part, told: Told, features: Features) -> None:
        self.line = part.value.line
        self.at = part.milliseconds("eval_time", 0) or 0
        """Milliseconds since the test's beginning."""
        self._text = part.text("expr")
        self._expected: dict[Labels, float] = {}
        try:
            self._expr = parse(self._text, features)
        except PromqlError as error:
            part.complain("expr", str(error))
        for one in part.maps("exp_samples", "a sample"):
            self._sample(Part(one, part.name, told, ("labels", "value", "histogram")))

    def _sample(self, part: Part) -> None:
        if part.has("histogram"):
            part.complain("histogram", "native histograms are not evaluated here; use a classic histogram")
        try:
            labels, rest = parse_metric(part.text("labels") or "{}")
        except PromqlError as error:
            part.complain("labels", str(error))
            return
        if rest.strip():
            part.complain("labels", f"{rest.strip()} comes after the labels; remove it")
        text = part.text("value") or "0"
        try:
            # YAML writes .inf and .nan.
            self._expected[labels] = float(re.sub(r"^([+-]?)\.(?=[a-zA-Z])", r"\1", text))
        except ValueError:
            part.complain("value", f"{text} is no number; write for example 1.5")

    def failures(self, engine: Engine, start: int, fuzzy: bool) -> Iterator[str]:
        """What differs; with `fuzzy`, a number may be its neighbour."""
        at = f"expr {self._text}, time {format_duration(self.at / 1000)}"
        try:
            got = dict(engine.vector(self._expr, start + self.at))
        except PromqlError as error:
            yield f"{at}: {error}"
            return
        same = set(got) == set(self._expected)
        if not same or not all(_same(got[one], self._expected[one], fuzzy) for one in got):
            yield f"{at}\n  expected: {_samples(self._expected)}\n  got:      {_samples(got)}"


def _same(one: float, other: float, fuzzy: bool) -> bool:
    if math.isnan(one) or math.isnan(other):
        return math.isnan(one) and math.isnan(other)
    return one == other or (fuzzy and math.nextafter(one, other) == other)


def _listed(alerts: list[tuple[Labels, dict[str, str]]]) -> str:
    return "\n            ".join(f"{labels!r} {annotations}" for labels, annotations in alerts) or "nothing"


def _samples(samples: dict[Labels, float]) -> str:
    return ", ".join(f"{labels!r} {value!r}" for labels, value in samples.items()) or "nothing"
