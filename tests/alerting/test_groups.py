from pathlib import Path

import pytest

from pacs_monitor.alerting.alerts import RESOLVED_FOR
from pacs_monitor.alerting.groups import Group, World
from pacs_monitor.alerting.rulefile import read_rules
from pacs_monitor.history.labels import labels_of
from pacs_monitor.history.store import History
from pacs_monitor.promql.engine import Engine
from pacs_monitor.promql.parse import parse

MINUTE = 60_000


class Watched:
    """A group over one metric, `x{node="ct"}` unless said otherwise, evaluated each minute."""

    def __init__(self, folder: Path, text: str) -> None:
        (folder / "rules.yml").write_text("groups:\n- name: g\n" + text)
        read = read_rules(folder / "rules.yml")
        assert read.complaints == ()
        self.history = History()
        self.engine = Engine(self.history)
        self.group = Group(read.groups[0], World(self.history, self.engine))
        self.now = 0
        self._source = self.history.source("input")

    def minute(self, **values: float) -> None:
        """One more minute; each value is of the node of that name."""
        self.now += MINUTE
        self._source.begin(self.now)
        for node, value in values.items():
            labels = labels_of({"__name__": "x", "node": node})
            self.history.put(self.history.series(labels, self._source), self._source, value)
        self.group.evaluate(self.now)

    def states(self, place: int = 0) -> dict[str, str]:
        """State of each alert by its node."""
        return {alert.labels.get("node"): alert.state for alert in self.group.alerts[place].active.values()}

    def ask(self, text: str) -> dict[str, float]:
        """The values of an expression by node."""
        return {labels.get("node"): value for labels, value in self.engine.vector(parse(text), self.now)}


def test_an_alert_is_pending_and_fires_after_for(tmp_path: Path) -> None:
    watched = Watched(tmp_path, "  rules: [{alert: A, expr: x > 0, for: 2m}]\n")
    seen = []
    for value in (0, 1, 1, 1, 0, 1):
        watched.minute(ct=value)
        seen.append(watched.states().get("ct", "none"))
    assert seen == ["none", "pending", "pending", "firing", "inactive", "pending"]


def test_a_pending_alert_that_is_gone_leaves_nothing(tmp_path: Path) -> None:
    watched = Watched(tmp_path, "  rules: [{alert: A, expr: x > 0, for: 2m}]\n")
    watched.minute(ct=1)
    watched.minute(ct=0)
    assert watched.states() == {}


def test_a_resolved_alert_stays_for_fifteen_minutes(tmp_path: Path) -> None:
    watched = Watched(tmp_path, "  rules: [{alert: A, expr: x > 0}]\n")
    watched.minute(ct=1)
    for _ in range(RESOLVED_FOR // MINUTE + 1):
        watched.minute(ct=0)
        assert watched.states() == {"ct": "inactive"}
    watched.minute(ct=0)
    assert watched.states() == {}


def test_keep_firing_for_bridges_a_gap_and_no_longer(tmp_path: Path) -> None:
    watched = Watched(tmp_path, "  rules: [{alert: A, expr: x > 0, keep_firing_for: 3m}]\n")
    seen = []
    for value in (1, 0, 0, 1, 0, 0, 0, 0):
        watched.minute(ct=value)
        seen.append(watched.states()["ct"])
    assert seen == ["firing"] * 7 + ["inactive"]


def test_alerts_are_series_that_end_with_them(tmp_path: Path) -> None:
    watched = Watched(tmp_path, "  rules: [{alert: A, expr: x > 0, for: 1m, labels: {severity: page}}]\n")
    watched.minute(ct=1)
    assert watched.ask('ALERTS{alertstate="pending", severity="page"}') == {"ct": 1.0}
    watched.minute(ct=1)
    assert watched.ask('ALERTS{alertstate="pending"}') == {}
    assert watched.ask('ALERTS{alertstate="firing"}') == {"ct": 1.0}
    assert watched.ask("ALERTS_FOR_STATE") == {"ct": 60.0}
    watched.minute(ct=0)
    assert watched.ask("ALERTS or ALERTS_FOR_STATE") == {}


def test_a_rule_sees_what_the_rules_before_it_have_just_given(tmp_path: Path) -> None:
    rules = "  rules: [{record: 'x:twice', expr: x * 2}, {alert: A, expr: 'x:twice > 5'}]\n"
    watched = Watched(tmp_path, rules)
    watched.minute(ct=3)
    assert watched.states(1) == {"ct": "firing"}
    watched.minute()  # no sample: the old one counts
    assert watched.ask("x:twice") == {"ct": 6.0}


def test_an_error_leaves_alerts_and_series_alone_and_is_counted(tmp_path: Path) -> None:
    rules = "  rules: [{alert: A, expr: 'x > on () group_left () y or x'}]\n"
    watched = Watched(tmp_path, rules)
    watched.minute(ct=1)
    assert watched.states() == {"ct": "firing"}
    twice = watched.history.source("twice")
    twice.begin(watched.now + 1)
    for node in ("a", "b"):
        watched.history.put(watched.history.series(labels_of({"__name__": "y", "node": node}), twice), twice, 1.0)
    watched.minute(ct=0)
    (health,) = watched.group.health
    assert health.failures == 1
    assert "many-to-many" in health.error or "duplicate" in health.error
    assert watched.states() == {"ct": "firing"}
    assert watched.ask("ALERTS") == {"ct": 1.0}


def test_two_elements_that_become_one_alert_are_an_error(tmp_path: Path) -> None:
    watched = Watched(tmp_path, "  rules: [{alert: A, expr: x > 0, labels: {node: all}}]\n")
    watched.minute(ct=1, mr=1)
    assert "after applying alert labels" in watched.group.health[0].error
    watched.minute(ct=1, mr=0)
    assert (watched.group.health[0].error, watched.states()) == ("", {"all": "firing"})


def test_more_alerts_than_the_limit_are_none_at_all(tmp_path: Path) -> None:
    watched = Watched(tmp_path, "  limit: 1\n  rules: [{alert: A, expr: x > 0}, {record: 'x:y', expr: x}]\n")
    watched.minute(ct=1)
    assert watched.states() == {"ct": "firing"}
    watched.minute(ct=1, mr=1)
    assert watched.states() == {}
    assert [one.error for one in watched.group.health] == [
        "exceeded limit of 1 with 2 alerts",
        "exceeded limit of 1 with 2 series",
    ]


def test_query_offset_looks_back(tmp_path: Path) -> None:
    watched = Watched(tmp_path, "  query_offset: 2m\n  rules: [{alert: A, expr: x > 0}]\n")
    seen = []
    for value in (1, 0, 0, 0):
        watched.minute(ct=value)
        seen.append(watched.states().get("ct", "none"))
    assert seen == ["none", "none", "firing", "inactive"]


def test_a_template_that_fails_says_so_in_its_place(tmp_path: Path) -> None:
    rules = "  rules: [{alert: A, expr: x > 0, annotations: {a: '{{ query `x` | value }}', b: '{{ $value }}'}}]\n"
    watched = Watched(tmp_path, rules)
    watched.minute(ct=1)
    (alert,) = watched.group.alerts[0].active.values()
    assert alert.annotations["a"].startswith("<error expanding template: ")
    assert alert.annotations["b"] == "1"
    assert watched.group.template_failures == 1


def test_a_clock_that_is_set_back_stops_nothing(tmp_path: Path) -> None:
    watched = Watched(tmp_path, "  rules: [{alert: A, expr: x > 0, for: 2m}]\n")
    for _ in range(3):
        watched.minute(ct=1)
    watched.history.forget_from(2 * MINUTE)
    watched.now = MINUTE
    watched.minute(ct=1)
    assert watched.states() == {"ct": "firing"}
    assert watched.ask("ALERTS") == {"ct": 1.0}


def test_a_group_that_is_taken_out_ends_its_series(tmp_path: Path) -> None:
    watched = Watched(tmp_path, "  rules: [{alert: A, expr: x > 0}, {record: 'x:y', expr: x}]\n")
    watched.minute(ct=1)
    assert watched.ask("ALERTS") == {"ct": 1.0}
    watched.now += 1
    watched.group.end(watched.now)
    assert watched.ask("ALERTS or x:y") == {}


def test_rules_without_a_series_are_evaluated_too(tmp_path: Path) -> None:
    watched = Watched(
        tmp_path,
        "  rules: [{alert: Watchdog, expr: vector(1)}, {alert: Gone, expr: absent(y)}, {alert: One, expr: '1'}]\n",
    )
    watched.minute(ct=1)
    assert [watched.states(place) for place in range(3)] == [{"": "firing"}] * 3


@pytest.mark.parametrize("keep", ["0s", "5m"])
def test_value_and_annotations_follow(tmp_path: Path, keep: str) -> None:
    watched = Watched(
        tmp_path, f"  rules: [{{alert: A, expr: x, keep_firing_for: {keep}, annotations: {{a: '{{{{ $value }}}}'}}}}]\n"
    )
    for value in (1, 2.5):
        watched.minute(ct=value)
    (alert,) = watched.group.alerts[0].active.values()
    assert (alert.value, alert.annotations, alert.active_at) == (2.5, {"a": "2.5"}, MINUTE)


def test_two_rules_that_give_one_series_give_its_first_value(tmp_path: Path) -> None:
    watched = Watched(tmp_path, "  rules: [{record: y, expr: x}, {record: y, expr: x * 2}, {record: z, expr: y}]\n")
    for value in (1.0, 2.0, 3.0):
        watched.minute(ct=value)
        assert watched.ask("y") == watched.ask("z") == {"ct": value}
    watched.minute(mr=1)
    assert watched.ask("timestamp(y)") == {"ct": 240.0, "mr": 240.0}


def test_a_reload_with_a_longer_offset_forgets_nothing(tmp_path: Path) -> None:
    watched = Watched(tmp_path, "  rules: [{record: y, expr: x}]\n")
    watched.minute(ct=1)
    watched.minute(ct=2)
    watched.group.end(watched.now + 1)
    longer = Watched(tmp_path, "  query_offset: 2m\n  rules: [{record: y, expr: x}]\n").group.group
    watched.group = Group(longer, World(watched.history, watched.engine))
    for value in (3, 4, 5):
        watched.minute(ct=value)
    assert watched.ask("count_over_time(x[10m])") == {"ct": 5.0}
    assert watched.ask("y offset 2m") == {"ct": 3.0}


def test_a_query_in_a_template_asks_for_the_present_whatever_the_offset(tmp_path: Path) -> None:
    rule = "{alert: A, expr: x > 0, annotations: {a: '{{ query `x` | first | value }} {{ $value }}'}}"
    watched = Watched(tmp_path, f"  query_offset: 1m\n  rules: [{rule}]\n")
    for value in (1, 2, 3):
        watched.minute(ct=value)
    (alert,) = watched.group.alerts[0].active.values()
    assert alert.annotations == {"a": "3 2"}


def test_a_template_that_fails_is_counted_each_time(tmp_path: Path) -> None:
    watched = Watched(tmp_path, "  rules: [{alert: A, expr: x, annotations: {a: '{{ humanize $labels.node }}'}}]\n")
    for _ in range(3):
        watched.minute(ct=1)
    assert watched.group.template_failures == 3
