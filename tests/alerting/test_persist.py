"""Alerts over a restart: written by one group, given back to another of the same rules."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from pacs_monitor.alerting.persist import restore, written
from tests.alerting.test_groups import MINUTE, Watched

RULES = "  rules: [{alert: A, expr: x > 0, for: 10m, annotations: {a: '{{ $value }} é'}}]\n"
HOUR = 60 * MINUTE


def again(watched: Watched, folder: Path, rules: str, away: int = 0, settle: int = 0) -> tuple[Watched, int]:
    """What runs after a time away in ms, with these rules; and how many alerts it knows."""
    text = written([watched.group], watched.now)
    after = Watched(folder, rules)
    after.now = watched.now + away
    return after, restore(text, [after.group], after.now, settle)


def test_what_is_known_of_an_alert_is_the_same_after(tmp_path: Path) -> None:
    watched = Watched(
        tmp_path, "  rules: [{alert: A, expr: x, keep_firing_for: 5m, annotations: {a: '{{ $value }} é'}}]\n"
    )
    watched.minute(ct=math.inf, mr=2)
    watched.minute(ct=math.inf)
    watched.now += 5 * MINUTE
    watched.minute(ct=-1.5)
    after, count = again(watched, tmp_path, "  rules: [{alert: A, expr: x, keep_firing_for: 5m}]\n")
    assert count == 2
    before = watched.group.alerts[0].active
    for labels, alert in after.group.alerts[0].active.items():
        known = before[labels]
        assert (alert.annotations, alert.value, alert.state) == (known.annotations, known.value, known.state)
        times = (alert.active_at, alert.fired_at, alert.resolved_at, alert.kept_since)
        assert times == (known.active_at, known.fired_at, known.resolved_at, known.kept_since)
    assert after.states() == {"ct": "firing", "mr": "firing"}


@pytest.mark.parametrize("away", [0, MINUTE, 2 * HOUR])
def test_a_pending_alert_waits_for_the_rest_of_its_time_however_long_the_agent_was_away(
    tmp_path: Path, away: int
) -> None:
    watched = Watched(tmp_path, RULES)
    for _ in range(5):
        watched.minute(ct=1)
    after, _ = again(watched, tmp_path, RULES, away)
    seen = []
    for _ in range(6):
        after.minute(ct=1)
        seen.append(after.states()["ct"])
    assert seen == ["pending"] * 5 + ["firing"]


def test_a_firing_alert_fires_on_at_once(tmp_path: Path) -> None:
    watched = Watched(tmp_path, RULES)
    for _ in range(11):
        watched.minute(ct=1)
    after, _ = again(watched, tmp_path, RULES, 2 * HOUR)
    after.minute(ct=1)
    (alert,) = after.group.alerts[0].active.values()
    assert (alert.state, alert.active_at, alert.fired_at) == ("firing", MINUTE, 11 * MINUTE)


def test_what_has_no_samples_yet_is_not_over(tmp_path: Path) -> None:
    watched = Watched(tmp_path, RULES)
    for _ in range(11):
        watched.minute(ct=1, mr=1)
    watched.minute(mr=1, ct=1, us=1)
    after, _ = again(watched, tmp_path, RULES, HOUR, settle=5 * MINUTE)
    seen = []
    for values in ({}, {"mr": 1.0}, {"mr": 0.0}, {}, {}):
        after.minute(**values)
        seen.append(after.states())
    pending = {"ct": "firing", "us": "pending"}
    assert seen[:2] == [{**pending, "mr": "firing"}] * 2
    assert seen[2:4] == [{**pending, "mr": "inactive"}] * 2  # what was seen again is over when it is gone
    assert seen[4] == {"ct": "inactive", "mr": "inactive"}


def test_rules_that_say_something_else_know_no_alerts(tmp_path: Path) -> None:
    watched = Watched(tmp_path, RULES)
    watched.minute(ct=1)
    for rules in (RULES.replace("> 0", "> 1"), RULES.replace("alert: A", "alert: B"), "  labels: {a: b}\n" + RULES):
        assert again(watched, tmp_path, rules)[1] == 0
    # Another `for` and other annotations are another way to tell of the same.
    assert again(watched, tmp_path, RULES.replace("10m", "5m").replace("a: ", "b: "))[1] == 1


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"at": 1, "alerts": [1]}', '{"at": 1, "alerts": [[1, 2]]}'])
def test_a_text_that_holds_no_alerts_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        restore(text, [Watched(tmp_path, RULES).group], 0)


def test_the_text_is_json(tmp_path: Path) -> None:
    watched = Watched(tmp_path, RULES)
    watched.minute(ct=1)
    assert json.loads(written([watched.group], watched.now))["at"] == MINUTE


def test_after_a_kill_the_time_counts_until_the_last_sign_of_life(tmp_path: Path) -> None:
    watched = Watched(tmp_path, RULES)
    for _ in range(2):
        watched.minute(ct=1)
    text = written([watched.group], watched.now)
    after = Watched(tmp_path, RULES)
    killed = watched.now + 4 * MINUTE
    restore(text, [after.group], killed + HOUR, seen=killed)
    (alert,) = after.group.alerts[0].active.values()
    assert alert.active_at == MINUTE + HOUR


def test_a_rule_that_is_there_twice_has_an_alert_of_its_own_in_each_place(tmp_path: Path) -> None:
    rules = "  rules: [{alert: A, expr: x > 0}, {alert: A, expr: x > 0}]\n"
    watched = Watched(tmp_path, rules)
    watched.minute(ct=1)
    after, _ = again(watched, tmp_path, rules)
    one, other = (alerts.active for alerts in after.group.alerts.values())
    assert list(one) == list(other)
    assert [alert is not other[labels] for labels, alert in one.items()] == [True]
