"""The clock on the wall is set by hours and days: nothing is given up, told late or told again because of that."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pacs_monitor.notify.notification import DeliveryFailed
from pacs_monitor.routing.definitions import Receiver
from pacs_monitor.routing.routed import API, RoutedAlert
from tests.routing.sim import INTERVAL, START, Sim, routing, said, webhook

DOWN = DeliveryFailed("unreachable", "mail.north.example: nobody listens at port 25")
HOUR, DAY = 3_600_000, 86_400_000
STEPS = [-365 * DAY, -HOUR, HOUR, 365 * DAY]


@pytest.fixture
def sim(tmp_path: Path) -> Iterator[Sim]:
    made = Sim(tmp_path)
    yield made
    made.end()


@pytest.mark.parametrize("step", STEPS)
def test_what_waits_is_not_given_up_but_delivered_once(sim: Sim, step: int) -> None:
    sim.down({"team": DOWN})
    sim.fire(node="ct1")
    sim.go(60)
    sim.wall += step
    sim.go(60)
    sim.down({})
    assert [said(one)[1] for one in sim.go(130)] == [[("firing", "ct1")]]
    assert sim.engine.teller.abandoned == 0
    assert sim.go(INTERVAL / 1000 + 10) == []


@pytest.mark.parametrize("step", STEPS)
def test_nor_if_it_is_set_while_the_agent_is_away(sim: Sim, step: int) -> None:
    sim.down({"team": DOWN})
    sim.fire(node="ct1")
    sim.go(60)
    sim.wall += step
    sim.again()
    sim.go(60)
    sim.down({})
    assert [said(one)[1] for one in sim.go(130)] == [[("firing", "ct1")]]
    assert sim.engine.teller.abandoned == 0


@pytest.mark.parametrize("step", STEPS)
def test_another_is_told_of_what_is_stuck_after_five_minutes_by_any_clock(tmp_path: Path, step: int) -> None:
    sim = Sim(tmp_path, routing(receivers=[Receiver("team", (webhook(),)), Receiver("ops", (webhook(),))]))
    sim.down({"team": DOWN})
    sim.fire(node="ct1")
    sim.go(40)
    sim.wall += step
    assert sim.go(240) == []
    assert [one.receiver for one in sim.go(100)] == ["ops"]
    sim.end()


def test_what_has_waited_counts_over_restarts_but_not_the_time_between_them(tmp_path: Path) -> None:
    sim = Sim(tmp_path, routing(receivers=[Receiver("team", (webhook(),)), Receiver("ops", (webhook(),))]))
    sim.down({"team": DOWN})
    sim.fire(node="ct1")
    sim.go(180)
    sim.again(away=7200)
    assert sim.go(60) == []
    assert [one.receiver for one in sim.go(200)] == ["ops"]
    sim.end()


def test_an_end_is_told_at_once_even_if_the_clock_was_set_back_while_the_agent_was_away(sim: Sim) -> None:
    alert = sim.fire(node="ct1")
    assert len(sim.go(31)) == 1
    sim.resolve(alert)
    sim.engine.commit()
    sim.wall -= HOUR
    sim.again()
    assert [one.status for one in sim.go(INTERVAL / 1000 + 10)] == ["resolved"]


def test_what_counts_as_over_in_five_minutes_is_over_in_five_minutes(sim: Sim) -> None:
    alert = RoutedAlert({"alertname": "Far"}, {}, sim.wall, sim.wall + 300_000, origin=API, expires=sim.mono + 300)
    sim.engine.put([alert], sim.at)
    assert len(sim.go(31)) == 1
    sim.wall -= HOUR
    sim.again()
    assert [one.status for one in sim.go(2 * INTERVAL / 1000 + 10)] == ["resolved"]


@pytest.mark.parametrize("step", STEPS)
def test_ends_are_told_and_repeats_are_not_early(sim: Sim, step: int) -> None:
    alert = sim.fire(node="ct1")
    assert len(sim.go(31)) == 1
    sim.wall += step
    assert sim.go(600) == []
    sim.resolve(alert)
    (told,) = sim.go(310)
    assert (told.status, told.alerts[0].starts_at) == ("resolved", START)
