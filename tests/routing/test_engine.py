"""From alerts to what receivers are told, on a clock of the test's own."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from pacs_monitor.notify.notification import DeliveryFailed, Notification
from pacs_monitor.routing.definitions import InhibitRule, Receiver, Route
from pacs_monitor.routing.intervals import TimeInterval
from pacs_monitor.routing.routed import API, RoutedAlert
from pacs_monitor.routing.stuck import KEPT_FOR
from tests.routing.sim import INTERVAL, REPEAT, START, Sim, equal, routing, said, webhook

DOWN = DeliveryFailed("unreachable", "mail.north.example: nobody listens at port 25")
REFUSED = DeliveryFailed("refused", "chat.north.example: answered 404", retry=False)


@pytest.fixture
def sim(tmp_path: Path) -> Iterator[Sim]:
    made = Sim(tmp_path)
    yield made
    made.end()


def other(folder: Path, *routes: Route, **more: object) -> Sim:
    return Sim(folder, routing(*routes, **more))  # type: ignore[arg-type]


def keys_of_tries(sim: Sim) -> list[str]:
    """The keys of all that is tried from now on; all of it fails."""
    keys: list[str] = []

    def tried(content: Notification) -> DeliveryFailed:
        keys.append(content.key)
        return DOWN

    sim.failure = tried
    return keys


def test_alerts_of_a_group_are_told_together_once_the_wait_is_over(sim: Sim) -> None:
    sim.fire(node="ct1")
    assert sim.go(20) == []
    sim.fire(node="ct2")
    (told,) = sim.go(15)
    assert said(told) == ("team", [("firing", "ct1"), ("firing", "ct2")])
    assert told.group_key == '{}:{alertname="NodeDown"}'
    assert (told.reason, told.status) == ("new", "firing")
    assert sim.go(INTERVAL / 1000 + 10) == []


def test_what_joins_a_group_is_told_when_the_interval_is_over(sim: Sim) -> None:
    sim.fire(node="ct1")
    sim.go(31)
    sim.fire(node="ct2")
    assert sim.go(250) == []
    (told,) = sim.go(60)
    assert (told.reason, len(told.alerts)) == ("changed", 2)


def test_an_alert_that_is_older_than_the_wait_is_told_at_once(sim: Sim) -> None:
    alert = RoutedAlert({"alertname": "Old"}, {}, START - 60_000)
    sim.engine.put([alert], sim.at)
    assert len(sim.go(1)) == 1


def test_nobody_hears_of_what_was_over_before_it_was_told(sim: Sim) -> None:
    alert = sim.fire(node="ct1")
    sim.go(10)
    sim.resolve(alert)
    assert sim.go(600) == []
    assert list(sim.engine.groups) == []
    assert sim.engine.alerts == {}


def test_the_end_is_told_once_and_the_group_is_no_more(sim: Sim) -> None:
    alert = sim.fire(node="ct1")
    sim.go(31)
    sim.resolve(alert)
    (told,) = sim.go(600)
    assert (told.status, told.reason) == ("resolved", "resolved")
    assert told.alerts[0].ends_at == START + 31_000
    assert not told.alerts[0].late
    assert list(sim.engine.groups) == []


def test_what_goes_on_is_repeated(sim: Sim) -> None:
    sim.fire(node="ct1")
    told = sim.go(2 * REPEAT / 1000 + 2 * INTERVAL / 1000 + 60, step=5)
    assert [one.reason for one in told] == ["new", "repeat", "repeat"]
    assert len({one.key for one in told}) == 3


def test_a_receiver_that_wants_no_ends_hears_none_and_hears_when_it_fires_again(tmp_path: Path) -> None:
    sim = other(tmp_path, receivers=[Receiver("team", (webhook(send_resolved=False),))])
    alert = sim.fire(node="ct1")
    assert len(sim.go(31)) == 1
    sim.resolve(alert)
    assert sim.go(400) == []
    sim.fire(node="ct1")
    assert len(sim.go(40)) == 1
    sim.end()


def test_a_receiver_that_was_down_for_all_of_an_alerts_life_still_hears_of_it(sim: Sim) -> None:
    sim.down({"team": DOWN})
    began = sim.wall
    alert = sim.fire(node="ct1")
    assert sim.go(600) == []
    sim.resolve(alert)
    assert sim.go(7200, step=5) == []
    assert sim.engine.alerts == {}
    sim.down({})
    (told,) = sim.go(200)
    assert [(one.status, one.late, one.starts_at) for one in told.alerts] == [("resolved", True, began)]
    assert told.alerts[0].ends_at == began + 600_000
    assert sim.engine.teller.outbox.rows == {}


def test_also_one_that_wants_no_ends(tmp_path: Path) -> None:
    sim = other(tmp_path, receivers=[Receiver("team", (webhook(send_resolved=False),))])
    sim.down({"team": DOWN})
    alert = sim.fire(node="ct1")
    sim.go(60)
    sim.resolve(alert)
    sim.go(900)
    sim.down({})
    (told,) = sim.go(200)
    assert [(one.status, one.late) for one in told.alerts] == [("resolved", True)]
    sim.end()


def test_what_changes_while_a_receiver_is_down_is_told_in_one(sim: Sim) -> None:
    sim.down({"team": DOWN})
    first = sim.fire(node="ct1")
    sim.go(60)
    sim.fire(node="ct2")
    sim.resolve(first)
    sim.go(900)
    sim.fire(node="ct3")
    sim.go(900)
    sim.down({})
    (told,) = sim.go(200)
    assert sorted(said(told)[1]) == [("firing", "ct2"), ("firing", "ct3"), ("resolved", "ct1")]
    assert [one.labels["node"] for one in told.alerts if one.late] == ["ct1"]


def test_a_notification_says_which_of_its_alerts_are_news(sim: Sim) -> None:
    first = sim.fire(node="ct1")
    (told,) = sim.go(31)
    assert [one.new for one in told.alerts] == [True]
    sim.fire(node="ct2")
    (told,) = sim.go(301)
    assert [(one.labels["node"], one.new) for one in told.alerts] == [("ct1", False), ("ct2", True)]
    sim.resolve(first)
    (told,) = sim.go(301)
    assert [(one.status, one.new) for one in told.alerts] == [("resolved", True), ("firing", False)]


def test_the_end_of_what_was_told_is_not_late_though_a_repeat_did_not_arrive(sim: Sim) -> None:
    alert = sim.fire(node="ct1")
    assert len(sim.go(31)) == 1
    sim.down({"team": DOWN})
    assert sim.go(REPEAT / 1000 + 400, step=5) == []
    sim.resolve(alert)
    sim.go(400)
    sim.down({})
    (told,) = sim.go(200)
    assert [(one.status, one.late) for one in told.alerts] == [("resolved", False)]


def test_the_key_stays_for_every_try_and_changes_with_what_is_said(sim: Sim) -> None:
    keys = keys_of_tries(sim)
    sim.fire(node="ct1")
    sim.go(120)
    assert len(keys) > 3
    assert len(set(keys)) == 1
    sim.fire(node="ct2")
    sim.go(600)
    assert len(set(keys)) == 2


@pytest.mark.parametrize("away", [0.0, 10.0, 7200.0])
def test_nothing_is_lost_or_told_twice_by_a_restart(sim: Sim, away: float) -> None:
    sim.fire(node="ct1")
    assert len(sim.go(31)) == 1
    sim.fire(node="ct2")
    sim.go(5)
    sim.again(away)
    told = sim.go(INTERVAL / 1000 + 10)
    assert [said(one)[1] for one in told] == [[("firing", "ct1"), ("firing", "ct2")]]


def test_a_group_that_waits_does_not_begin_to_wait_anew_after_a_restart(sim: Sim) -> None:
    sim.fire(node="ct1")
    sim.go(20)
    sim.again()
    assert len(sim.go(11)) == 1


def test_what_was_not_delivered_is_delivered_after_a_restart_with_its_key(sim: Sim) -> None:
    keys = keys_of_tries(sim)
    sim.fire(node="ct1")
    sim.go(60)
    sim.again()
    sim.failure = lambda content: None
    (told,) = sim.go(60)
    assert {told.key} == set(keys)


def test_a_clock_set_back_by_an_hour_holds_nothing_up(sim: Sim) -> None:
    alert = sim.fire(node="ct1")
    sim.wall -= 3_600_000
    assert len(sim.go(31)) == 1
    sim.resolve(alert)
    sim.wall += 7_200_000
    assert [one.status for one in sim.go(301)] == ["resolved"]
    sim.fire(node="ct2")
    sim.go(5)
    sim.wall -= 3_600_000
    sim.again(-0.0)
    assert len(sim.go(40)) == 1


def test_an_alert_from_elsewhere_is_over_when_its_time_is(sim: Sim) -> None:
    alert = RoutedAlert({"alertname": "Far"}, {}, sim.wall, sim.wall + 60_000, origin=API, expires=sim.mono + 60)
    sim.engine.put([alert], sim.at)
    assert [one.status for one in sim.go(400)] == ["firing", "resolved"]


def test_one_that_is_heard_of_again_goes_on(sim: Sim) -> None:
    for _ in range(10):
        alert = RoutedAlert({"alertname": "Far"}, {}, sim.wall, sim.wall + 60_000, origin=API, expires=sim.mono + 60)
        sim.engine.put([alert], sim.at)
        sim.go(50)
    (told,) = sim.sent
    assert told.alerts[0].starts_at == START


def test_a_silenced_alert_is_not_told_until_the_silence_ends(sim: Sim) -> None:
    sim.silence(600, node="ct1")
    sim.fire(node="ct1")
    sim.fire(node="ct2")
    (told,) = sim.go(301)
    assert said(told)[1] == [("firing", "ct2")]
    (told,) = sim.go(400)
    assert len(told.alerts) == 2


def test_a_silence_outlives_a_restart(sim: Sim) -> None:
    sim.silence(600, node="ct1")
    sim.engine.commit()
    sim.again()
    sim.fire(node="ct1")
    assert sim.go(400) == []


def test_a_silence_that_is_ended_early_silences_no_more(sim: Sim) -> None:
    id = sim.silence(86400, node="ct1")
    sim.fire(node="ct1")
    assert sim.go(40) == []
    sim.engine.expire(id, sim.at)
    assert len(sim.go(301)) == 1


def test_an_alert_that_another_explains_is_not_told(tmp_path: Path) -> None:
    rule = InhibitRule(equal(alertname="SiteDown"), equal(alertname="NodeDown"), ("site",))
    sim = other(tmp_path, inhibit_rules=(rule,))
    cause = sim.fire("SiteDown", site="north")
    sim.fire(site="north", node="ct1")
    sim.fire(site="south", node="ct9")
    told = sim.go(31)
    assert sorted(said(one)[1] for one in told) == [[("firing", "")], [("firing", "ct9")]]
    sim.resolve(cause)
    told = sim.go(301)
    assert [("firing", "ct1"), ("firing", "ct9")] in [said(one)[1] for one in told]
    sim.end()


def test_alerts_that_match_both_sides_do_not_silence_one_another(tmp_path: Path) -> None:
    rule = InhibitRule(equal(alertname="NodeDown"), equal(alertname="NodeDown"), ("site",))
    sim = other(tmp_path, inhibit_rules=(rule,))
    sim.fire(site="north", node="ct1")
    sim.fire(site="north", node="ct2")
    (told,) = sim.go(31)
    assert len(told.alerts) == 2
    sim.end()


def test_a_muted_route_tells_once_its_time_has_come(tmp_path: Path) -> None:
    minute = (START // 60_000) % 1440
    quiet = TimeInterval(times=((minute, minute + 10),))
    root = Route(
        "team", mute=("quiet",), group_wait=0, key='{}/{alertname="NodeDown"}', matchers=equal(alertname="NodeDown")
    )
    sim = other(tmp_path, root, intervals=(("quiet", (quiet,)),))
    sim.fire(node="ct1")
    assert sim.go(500) == []
    assert len(sim.go(400)) == 1
    sim.end()


def test_the_first_child_that_matches_takes_an_alert_unless_it_says_continue(tmp_path: Path) -> None:
    people = [Receiver(name, (webhook(),)) for name in ("team", "first", "second", "third")]
    routes = [
        Route("first", equal(severity="critical"), goes_on=True, group_wait=0, key='{}/{severity="critical"}'),
        Route("second", equal(severity="critical"), group_wait=0, key='{}/{severity="critical"}'),
        Route("third", equal(severity="critical"), group_wait=0, key='{}/{severity="critical"}'),
    ]
    sim = other(tmp_path, *routes, receivers=people)
    sim.fire(severity="critical")
    assert sorted(one.receiver for one in sim.go(2)) == ["first", "second"]
    sim.fire(severity="warning")
    assert [one.receiver for one in sim.go(31)] == ["team"]
    sim.end()


def test_routes_that_are_read_anew_keep_what_was_told(sim: Sim) -> None:
    sim.fire(node="ct1")
    assert len(sim.go(31)) == 1
    people = [Receiver("team", (webhook(),)), Receiver("ops", (webhook(),))]
    child = Route("ops", equal(alertname="FindSlow"), group_wait=0, key='{}/{alertname="FindSlow"}')
    sim.made = routing(child, receivers=people)
    sim.engine.follow(sim.made, sim.at)
    assert sim.go(400) == []
    sim.fire("FindSlow")
    assert [one.receiver for one in sim.go(2)] == ["ops"]


def test_who_takes_the_place_of_a_receiver_hears_of_what_fires(sim: Sim) -> None:
    sim.down({"team": DOWN})
    sim.fire(node="ct1")
    sim.go(60)
    root = routing().route
    sim.made = routing(receivers=[Receiver("ops", (webhook(),))], route=Route("ops", group_by=root.group_by))
    sim.engine.follow(sim.made, sim.at)
    assert [one.receiver for one in sim.go(600)] == ["ops"]
    assert sim.engine.teller.abandoned == 1


def test_somebody_else_is_told_of_what_cannot_be_delivered(tmp_path: Path) -> None:
    people = [Receiver("team", (webhook(),)), Receiver("ops", (webhook(),))]
    sim = other(tmp_path, receivers=people)
    sim.down({"team": DOWN})
    sim.fire(node="ct1")
    told = sim.go(900)
    assert [one.receiver for one in told] == ["ops"]
    assert told[0].note == f"Could not be delivered to team (webhook/0): {DOWN}"
    sim.end()


def test_at_once_if_the_receiver_refuses_it_for_good(tmp_path: Path) -> None:
    people = [Receiver("team", (webhook(),)), Receiver("ops", (webhook(),))]
    sim = other(tmp_path, receivers=people)
    sim.down({"team": REFUSED})
    sim.fire(node="ct1")
    assert [one.receiver for one in sim.go(60)] == ["ops"]
    sim.down({})
    assert [one.receiver for one in sim.go(700)] == ["team"]
    sim.end()


def test_what_nobody_takes_is_given_up_after_five_days_and_counted(sim: Sim) -> None:
    sim.down({"team": DOWN})
    alert = sim.fire(node="ct1")
    sim.go(60)
    sim.resolve(alert)
    sim.go(KEPT_FOR / 1000 + 600, step=60)
    assert sim.engine.teller.outbox.rows == {}
    assert sim.engine.teller.abandoned == 1


def test_a_receiver_that_asks_us_to_wait_is_left_alone_meanwhile(sim: Sim) -> None:
    tries: list[float] = []

    def throttled(_: object) -> DeliveryFailed:
        tries.append(sim.mono)
        return DeliveryFailed("throttled", "answered 429", after=120.0)

    sim.failure = throttled
    sim.fire(node="ct1")
    sim.go(600)
    assert 3 <= len(tries) <= 6
    assert all(later - earlier >= 95 for earlier, later in pairwise(tries))


def test_what_somebody_has_taken_on_is_not_repeated_until_it_fires_anew(sim: Sim) -> None:
    alert = sim.fire(node="ct1")
    sim.go(31)
    sim.engine.acknowledge(alert.fingerprint, "ana", "on my way", sim.at)
    assert sim.go(3 * REPEAT / 1000, step=10) == []
    sim.again()
    assert sim.go(2 * REPEAT / 1000, step=10) == []
    sim.resolve(sim.engine.alerts[alert.fingerprint])
    assert [one.status for one in sim.go(310)] == ["resolved"]
    sim.fire(node="ct1")
    assert [one.reason for one in sim.go(REPEAT / 1000 + 700, step=5)] == ["new", "repeat"]


def test_an_escalation_comes_only_to_what_fires_for_so_long_and_nobody_has_taken_on(tmp_path: Path) -> None:
    people = [Receiver("team", (webhook(),)), Receiver("deputy", (webhook(),))]
    first = Route("team", equal(severity="critical"), goes_on=True, group_wait=0, key="a")
    later = Route(
        "deputy", equal(severity="critical"), group_by=("alertname",), minimum_age=600_000, ends_with_ack=True, key="b"
    )
    sim = other(tmp_path, first, later, receivers=people)
    taken = sim.fire(node="ct1", severity="critical")
    sim.fire(node="ct2", severity="critical")
    brief = sim.fire(node="ct3", severity="critical")
    sim.go(60)
    sim.engine.acknowledge(taken.fingerprint, "ana", "", sim.at)
    sim.resolve(brief)
    sim.go(530)
    assert [one.receiver for one in sim.sent if one.receiver == "deputy"] == []
    sim.go(15)
    sim.fire(node="ct4", severity="critical")
    assert [said(one)[1] for one in sim.sent if one.receiver == "deputy"] == [[("firing", "ct2")]]
    sim.go(605)
    deputy = [said(one)[1] for one in sim.sent if one.receiver == "deputy"]
    assert deputy[1:] == [[("firing", "ct2"), ("firing", "ct4")]]
    sim.end()
