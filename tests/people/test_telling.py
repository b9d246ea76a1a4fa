"""Who hears of an alert, when, and of its end: rules of people on a clock that the test moves."""

from __future__ import annotations

from pathlib import Path

import pytest

from pacs_monitor.notify.notification import DeliveryFailed, Notification
from pacs_monitor.routing.routed import RoutedAlert
from tests.people.support import HEAD, PEOPLE, RULES, SMTP, at, routed
from tests.routing.sim import Sim

DOWN = DeliveryFailed("unreachable", "mail.north.example: nobody listens at port 25")
MONDAY = "2026-01-05 10:00"
"""Ana is on call from eight o'clock on, Dan a week later."""


def sim_at(folder: Path, when: str = MONDAY, rules: str = RULES) -> Sim:
    sim = Sim(folder, routed(folder, HEAD + PEOPLE + SMTP + rules))
    sim.wall = at(when)
    return sim


def heard(notifications: list[Notification]) -> list[tuple[str, str, str]]:
    """Who, why, and whether it fires."""
    return [(one.integration, one.reason, one.status) for one in notifications]


def whom(notifications: list[Notification]) -> list[str]:
    return [one.integration for one in notifications]


def minutes(sim: Sim, count: float) -> list[Notification]:
    return sim.go(count * 60, step=5)


def until(sim: Sim, when: str, step: float = 30) -> list[Notification]:
    return sim.go((at(when) - sim.wall) / 1000, step=step)


def test_the_one_on_call_then_the_next_then_everyone(tmp_path: Path) -> None:
    sim = sim_at(tmp_path)
    sim.fire(severity="critical", site="north")
    assert sorted(heard(minutes(sim, 1))) == [("email/ana", "new", "firing"), ("pager/ana", "new", "firing")]
    assert minutes(sim, 8.9) == []
    told = minutes(sim, 1)
    assert sorted(heard(told)) == [("email/dan", "escalation", "firing"), ("pager/dan", "escalation", "firing")]
    assert minutes(sim, 18) == []
    assert sorted(whom(minutes(sim, 2))) == ["email/ana", "email/dan", "pager/ana", "pager/dan"]
    sim.end()


def test_it_says_who_was_told_and_what_comes_next(tmp_path: Path) -> None:
    sim = sim_at(tmp_path)
    sim.fire(severity="critical", site="north")
    first = minutes(sim, 1)[0]
    assert (first.told, first.next_step) == ((), "Dan is told at 10:10 unless somebody acknowledges")
    second = minutes(sim, 10)[0]
    assert second.told == ("Ana by email at 10:00", "Ana by pager at 10:00")
    assert second.next_step == "Ana and Dan are told at 10:30 unless somebody acknowledges"
    last = minutes(sim, 20)[0]
    assert last.next_step == ""
    assert last.told[-2:] == ("Dan by email at 10:10", "Dan by pager at 10:10")
    sim.end()


def test_what_is_not_delivered_is_told_as_that_and_in_the_readers_language(tmp_path: Path) -> None:
    rules = "  rules: [{to: on_call.pacs, by: [pager, email], escalate: [{after: 10m, to: eva, by: email}]}]\n"
    sim = sim_at(tmp_path, rules=rules)
    sim.failure = lambda content: DOWN if content.integration == "pager/ana" else None
    sim.fire(severity="critical")
    minutes(sim, 10.5)
    told = sim.sent[-1]
    assert told.integration == "email/eva"
    assert told.told == ("Ana per email um 10:00", "Ana per pager, bisher nicht zugestellt")
    sim.end()


def test_nobody_else_is_told_once_somebody_has_taken_it_on_and_the_end_is_told_to_all_who_know(tmp_path: Path) -> None:
    sim = sim_at(tmp_path)
    alert = sim.fire(severity="critical", site="north")
    minutes(sim, 12)
    assert set(whom(sim.sent[-2:])) == {"email/dan", "pager/dan"}
    sim.engine.acknowledge(alert.fingerprint, "Dan", "", sim.at)
    assert minutes(sim, 300) == []
    sim.again()
    sim.resolve(sim.engine.alerts[alert.fingerprint])
    assert sorted(heard(minutes(sim, 6))) == [
        ("email/ana", "resolved", "resolved"),
        ("email/dan", "resolved", "resolved"),
        ("pager/ana", "resolved", "resolved"),
        ("pager/dan", "resolved", "resolved"),
    ]
    assert sim.engine.alerts == {}
    sim.end()


def test_what_ended_while_it_was_silenced_is_told_from_the_beginning_when_it_fires_anew(tmp_path: Path) -> None:
    sim = sim_at(tmp_path)
    alert = sim.fire(severity="critical", node="archive")
    assert set(whom(minutes(sim, 1))) == {"email/ana", "pager/ana"}
    sim.silence(1800, node="archive")
    sim.resolve(alert)
    assert minutes(sim, 10) == []
    sim.again()
    assert minutes(sim, 30) == []
    sim.fire(severity="critical", node="archive")
    assert sorted(heard(minutes(sim, 1))) == [("email/ana", "new", "firing"), ("pager/ana", "new", "firing")]
    sim.end()


def test_what_is_silenced_from_its_end_until_it_fires_anew_is_news_also_while_others_of_its_group_fire(
    tmp_path: Path,
) -> None:
    sim = sim_at(tmp_path, rules="  rules: [{to: ana}]\n")
    sim.fire(node="ct1")
    alert = sim.fire(node="ct2")
    assert len(minutes(sim, 1)) == 1
    sim.silence(1200, node="ct2")
    sim.resolve(alert)
    assert minutes(sim, 30) == []
    sim.fire(node="ct2")
    (told,) = minutes(sim, 6)
    assert [one.labels["node"] for one in told.alerts if one.new] == ["ct2"]
    sim.end()


def test_rules_that_were_away_while_an_alert_ended_tell_of_it_when_it_fires_anew(tmp_path: Path) -> None:
    sim = sim_at(tmp_path)
    before = sim.made
    alert = sim.fire(severity="critical")
    minutes(sim, 1)
    sim.engine.follow(routed(tmp_path, HEAD + PEOPLE + SMTP + "  rules: [{to: eva}]\n"), sim.at)
    assert whom(minutes(sim, 6)) == ["email/eva"]
    sim.resolve(alert)
    assert whom(minutes(sim, 6)) == ["email/eva"]
    sim.engine.follow(before, sim.at)
    sim.fire(severity="critical")
    assert set(whom(minutes(sim, 1))) == {"email/ana", "pager/ana"}
    sim.end()


def test_whoever_was_not_reachable_by_a_rule_when_an_alert_ended_is_told_when_it_fires_anew(tmp_path: Path) -> None:
    everybody = "  rules: [{to: [ana, dan], by: [email, pager]}]\n"
    every_way = {"email/ana", "email/dan", "pager/ana", "pager/dan"}
    sim = sim_at(tmp_path, rules=everybody)
    before = sim.made
    alert = sim.fire(severity="critical")
    assert set(whom(minutes(sim, 1))) == every_way
    without = PEOPLE.replace("dan: {email: dan@north.example, pager", "dan: {pager")
    sim.engine.follow(routed(tmp_path, HEAD + without + SMTP + everybody), sim.at)
    sim.resolve(alert)
    assert set(whom(minutes(sim, 6))) == every_way - {"email/dan"}
    sim.engine.follow(before, sim.at)
    sim.fire(severity="critical")
    assert set(whom(minutes(sim, 1))) == every_way
    sim.end()


def test_who_is_told_by_several_steps_hears_repeats_and_the_end_once_in_each_way(tmp_path: Path) -> None:
    sim = sim_at(tmp_path)
    alert = sim.fire(severity="critical")
    every_way = ["email/ana", "email/dan", "pager/ana", "pager/dan"]
    minutes(sim, 31)
    repeated = minutes(sim, 260)
    assert sorted(heard(repeated)) == [(way, "repeat", "firing") for way in every_way]
    sim.again()
    sim.resolve(sim.engine.alerts[alert.fingerprint])
    assert sorted(heard(minutes(sim, 12))) == [(way, "resolved", "resolved") for way in every_way]
    sim.fire(severity="critical")
    again = minutes(sim, 5)
    assert sorted(heard(again)) == [("email/ana", "new", "firing"), ("pager/ana", "new", "firing")]
    sim.end()


def test_who_is_told_by_several_steps_hears_the_end_of_what_the_last_one_did_not_tell_of(tmp_path: Path) -> None:
    sim = sim_at(tmp_path)
    first = sim.fire(severity="critical", node="ct1")
    minutes(sim, 29)
    second = sim.fire(severity="critical", node="ct2")
    minutes(sim, 6)
    sim.resolve(second)
    told = minutes(sim, 6)
    over = [(one.integration, alert.labels["node"]) for one in told for alert in one.alerts if alert.status != "firing"]
    assert sorted(over) == [("email/ana", "ct2"), ("pager/ana", "ct2")]
    sim.resolve(first)
    over = [(one.integration, alert.labels["node"]) for one in minutes(sim, 6) for alert in one.alerts]
    assert sorted(over) == [(way, "ct1") for way in ("email/ana", "email/dan", "pager/ana", "pager/dan")]
    sim.end()


def test_the_way_that_stood_in_for_a_pager_hears_the_end_once(tmp_path: Path) -> None:
    sim = sim_at(tmp_path, rules="  rules: [{to: on_call.pacs, by: [pager, email]}]\n")
    sim.failure = lambda content: DOWN if content.integration == "pager/ana" else None
    alert = sim.fire(severity="critical")
    told = minutes(sim, 6)
    assert [(one.integration, bool(one.note)) for one in told] == [("email/ana", False), ("email/ana", True)]
    sim.failure = lambda content: None
    assert whom(minutes(sim, 5)) == ["pager/ana"]
    sim.resolve(alert)
    assert sorted(heard(minutes(sim, 6))) == [
        ("email/ana", "resolved", "resolved"),
        ("pager/ana", "resolved", "resolved"),
    ]
    sim.end()


def test_an_escalation_says_who_has_taken_on_a_part_of_it(tmp_path: Path) -> None:
    sim = sim_at(tmp_path)
    taken = sim.fire(severity="critical", node="ct1")
    sim.fire(severity="critical", node="ct2")
    minutes(sim, 1)
    sim.engine.acknowledge(taken.fingerprint, "Ana", "", sim.at)
    (pager, _) = minutes(sim, 9.5)
    assert [one.labels["node"] for one in pager.alerts] == ["ct2"]
    sim.end()


def test_whoever_takes_over_hears_of_what_still_fires_and_who_had_it_hears_the_end(tmp_path: Path) -> None:
    sim = sim_at(tmp_path, "2026-01-12 07:00", "  rules: [{to: on_call.pacs}]\n")
    alert = sim.fire(severity="critical")
    assert whom(minutes(sim, 1)) == ["email/ana"]
    assert until(sim, "2026-01-12 08:00") == []
    told = minutes(sim, 6)
    assert heard(told) == [("email/dan", "new", "firing")]
    assert told[0].told == ("Ana by email at 07:00",)
    sim.fire(severity="critical", node="more")
    assert heard(minutes(sim, 6)) == [("email/dan", "changed", "firing")]
    sim.again()
    sim.resolve(sim.engine.alerts[alert.fingerprint])
    told = minutes(sim, 6)
    assert sorted((one.integration, len(one.alerts)) for one in told) == [("email/ana", 1), ("email/dan", 2)]
    assert minutes(sim, 600) != []  # Dan is reminded of the other one
    assert set(whom(sim.sent[-2:])) == {"email/dan"}
    sim.end()


def test_what_was_queued_for_one_is_delivered_though_another_has_taken_over(tmp_path: Path) -> None:
    sim = sim_at(tmp_path, "2026-01-12 07:55", "  rules: [{to: on_call.pacs}]\n")
    sim.failure = lambda content: DOWN
    sim.fire(severity="critical")
    minutes(sim, 10)
    sim.again()
    sim.failure = lambda content: None
    assert set(whom(minutes(sim, 6))) == {"email/ana", "email/dan"}
    assert sim.engine.teller.abandoned == 0
    sim.end()


def test_what_no_rule_takes_is_told_to_nobody(tmp_path: Path) -> None:
    sim = sim_at(tmp_path)
    alert = sim.fire(severity="none")
    assert minutes(sim, 60) == []
    sim.resolve(alert)
    minutes(sim, 6)
    assert sim.engine.alerts == {}
    sim.end()


def test_outside_of_its_hours_a_rule_waits_until_they_begin(tmp_path: Path) -> None:
    sim = sim_at(tmp_path, "2026-01-08 03:00")
    sim.fire(severity="warning")
    assert until(sim, "2026-01-08 06:59:30") == []
    assert whom(minutes(sim, 6)) == ["email/ana"]
    sim.end()


def test_the_end_of_what_was_told_waits_for_the_hours_too_and_what_nobody_knows_of_is_not_told(tmp_path: Path) -> None:
    sim = sim_at(tmp_path, "2026-01-07 19:50")
    known = sim.fire(severity="warning", site="north")
    assert whom(minutes(sim, 5)) == ["email/ana"]
    until(sim, "2026-01-07 22:00")
    unknown = sim.fire("Other", severity="warning")
    sim.resolve(known)
    until(sim, "2026-01-07 23:00")
    sim.resolve(unknown)
    assert until(sim, "2026-01-08 06:59:30") == []
    sim.again()
    (told,) = minutes(sim, 6)
    assert (told.status, told.alerts[0].labels["alertname"]) == ("resolved", "NodeDown")
    assert sim.engine.alerts == {}
    sim.end()


def test_what_fires_anew_in_the_night_is_nobodys_in_the_morning(tmp_path: Path) -> None:
    sim = sim_at(tmp_path, "2026-01-07 19:50")
    alert = sim.fire(severity="warning")
    minutes(sim, 5)
    sim.engine.acknowledge(alert.fingerprint, "Ana", "", sim.at)
    until(sim, "2026-01-07 22:00")
    sim.resolve(sim.engine.alerts[alert.fingerprint])
    until(sim, "2026-01-08 03:00")
    sim.fire(severity="warning")
    assert sim.engine.acknowledged == {}
    assert until(sim, "2026-01-08 06:59:30") == []
    assert heard(minutes(sim, 6)) == [("email/ana", "new", "firing")]
    sim.end()


def test_what_comes_back_at_once_stays_with_who_took_it_on(tmp_path: Path) -> None:
    sim = sim_at(tmp_path)
    alert = sim.fire(severity="critical")
    minutes(sim, 1)
    sim.engine.acknowledge(alert.fingerprint, "Ana", "", sim.at)
    sim.resolve(sim.engine.alerts[alert.fingerprint])
    minutes(sim, 1)
    sim.fire(severity="critical")
    assert minutes(sim, 60) == []
    sim.end()


def test_an_escalation_counts_in_the_sentence_only_if_it_can_come_within_the_hours(tmp_path: Path) -> None:
    rules = "  rules: [{to: on_call.pacs, hours: clinic, escalate: [{after: 10m, to: next}]}]\n"
    sim = sim_at(tmp_path, "2026-01-07 19:55", rules)
    sim.fire(severity="warning")
    assert minutes(sim, 1)[0].next_step == ""
    sim.end()


# Digests.


def names(notification: Notification) -> list[tuple[str, str]]:
    return sorted((one.labels["alertname"], one.status) for one in notification.alerts)


def test_a_digest_tells_once_a_day_what_fires_and_what_came_and_went(tmp_path: Path) -> None:
    sim = sim_at(tmp_path)
    gone = sim.fire("Gone", severity="info")
    sim.fire("Stays", severity="info", node="ct1")
    minutes(sim, 30)
    sim.resolve(gone)
    assert until(sim, "2026-01-06 07:29:30") == []
    (told,) = minutes(sim, 1)
    assert (told.integration, told.reason, names(told)) == (
        "email/ana",
        "digest",
        [("Gone", "resolved"), ("Stays", "firing")],
    )
    (told,) = until(sim, "2026-01-07 07:31")
    assert names(told) == [("Stays", "firing")]
    sim.resolve(sim.engine.alerts[told.alerts[0].fingerprint])
    (told,) = until(sim, "2026-01-08 07:31", step=60)
    assert names(told) == [("Stays", "resolved")]
    assert until(sim, "2026-01-10 07:31", step=60) == []
    sim.end()


@pytest.mark.parametrize(("day", "before"), [("2026-03-29", "2026-03-28 12:00"), ("2026-10-25", "2026-10-24 12:00")])
def test_a_digest_keeps_to_its_time_on_days_on_which_clocks_are_changed(tmp_path: Path, day: str, before: str) -> None:
    sim = sim_at(tmp_path, before)
    sim.fire(severity="info")
    assert until(sim, f"{day} 07:29") == []
    assert len(until(sim, f"{day} 07:31")) == 1
    sim.end()


def test_a_test_alert_does_not_have_the_digest_told_early(tmp_path: Path) -> None:
    sim = sim_at(tmp_path)
    sim.fire(severity="info", node="us1")
    tried = sim.fire("TestAlert", severity="info", node="us1", test="true")
    (group,) = sim.engine.groups.of(tried.fingerprint)
    sim.engine.groups.hasten(group, sim.at)
    assert [[one.labels["alertname"] for one in told.alerts] for told in minutes(sim, 1)] == [["TestAlert"]]
    sim.end()


def test_a_digest_is_told_once_whatever_is_done_to_the_clock(tmp_path: Path) -> None:
    sim = sim_at(tmp_path, "2026-01-06 06:00")
    sim.fire(severity="info")
    minutes(sim, 10)
    sim.wall -= 3_600_000
    assert until(sim, "2026-01-06 07:29") == []
    sim.wall += 3_600_000
    assert len(minutes(sim, 1)) == 1
    sim.wall -= 3_600_000
    assert until(sim, "2026-01-07 07:29") == []
    assert len(minutes(sim, 2)) == 1
    sim.wall += 400 * 86_400_000
    assert len(minutes(sim, 1)) == 1
    sim.wall -= 400 * 86_400_000
    assert until(sim, "2026-01-08 07:29") == []
    assert len(minutes(sim, 2)) == 1
    sim.end()


def test_a_digest_outlives_a_restart_and_one_that_was_missed_is_told_after_it(tmp_path: Path) -> None:
    sim = sim_at(tmp_path)
    gone = sim.fire("Gone", severity="info")
    minutes(sim, 1)
    sim.resolve(gone)
    minutes(sim, 1)
    sim.again()
    assert until(sim, "2026-01-06 07:00") == []
    sim.again(away=3600)
    (told,) = minutes(sim, 1)
    assert names(told) == [("Gone", "resolved")]
    assert minutes(sim, 60) == []
    sim.end()


def test_a_digest_does_not_hold_what_was_told_before_the_agent_stopped_twice(tmp_path: Path) -> None:
    sim = sim_at(tmp_path, "2026-01-06 07:00")
    sim.engine.put([RoutedAlert({"alertname": "Old", "severity": "info"}, {}, sim.wall - 60_000)], sim.at)
    assert len(until(sim, "2026-01-06 07:31")) == 1
    sim.again(away=600)
    assert until(sim, "2026-01-07 07:29") == []
    assert len(minutes(sim, 2)) == 1
    sim.end()
