"""What cannot be delivered is told by another way, and what was taken out does not come back."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pacs_monitor.notify.notification import DeliveryFailed
from pacs_monitor.routing.definitions import Receiver
from pacs_monitor.routing.outbox import Row
from tests.routing.sim import Sim, routing, said, webhook

DOWN = DeliveryFailed("unreachable", "mail.north.example: nobody listens at port 25")
PEOPLE = [Receiver("team", (webhook(),)), Receiver("ops", (webhook(),))]


@pytest.fixture
def sim(tmp_path: Path) -> Iterator[Sim]:
    made = Sim(tmp_path, routing(receivers=PEOPLE))
    yield made
    made.end()


def start_sending(sim: Sim) -> Row:
    """The one row that is due, on its way."""
    sim.mono += 31
    sim.wall += 31_000
    sim.engine.flush_due(sim.at)
    (row,) = sim.engine.teller.take_due(sim.at)
    row.sending = True
    row.attempts += 1
    return row


def test_whoever_is_told_instead_hears_also_of_what_joins_and_what_ends_later(sim: Sim) -> None:
    sim.down({"team": DOWN})
    first = sim.fire(node="ct1")
    assert [said(one) for one in sim.go(900)] == [("ops", [("firing", "ct1")])]
    sim.fire(node="ct2")
    assert [said(one) for one in sim.go(310)] == [("ops", [("firing", "ct1"), ("firing", "ct2")])]
    sim.resolve(first)
    (told,) = sim.go(310)
    assert sorted(said(told)[1]) == [("firing", "ct2"), ("resolved", "ct1")]


def test_who_is_told_instead_is_not_told_that_something_fires_when_it_is_over(sim: Sim) -> None:
    sim.down({"team": DOWN, "ops": DOWN})
    alert = sim.fire(node="ct1")
    sim.go(400)
    assert len(sim.engine.teller.outbox.rows) == 2
    sim.down({"ops": DOWN})
    sim.go(200)
    sim.resolve(alert)
    sim.go(310)
    sim.down({})
    told = [said(one) for one in sim.go(300) if one.note]
    assert told == [("ops", [("resolved", "ct1")])]


def test_whoever_was_told_instead_hears_the_end_also_once_the_receiver_is_back(sim: Sim) -> None:
    sim.down({"team": DOWN})
    alert = sim.fire(node="ct1")
    assert [said(one) for one in sim.go(400)] == [("ops", [("firing", "ct1")])]
    sim.down({})
    assert [said(one) for one in sim.go(400)] == [("team", [("firing", "ct1")])]
    sim.again()
    sim.fire(node="ct2")
    sim.go(310)
    sim.resolve(sim.engine.alerts[alert.fingerprint])
    told = dict(said(one) for one in sim.go(310))
    assert told["ops"] == [("resolved", "ct1")]
    assert ("resolved", "ct1") in told["team"]
    assert [said(one)[0] for one in sim.go(4000)] == ["team"]
    sim.fire(node="ct1")
    assert [said(one)[0] for one in sim.go(310)] == ["team"]


def test_whoever_was_told_instead_hears_an_end_that_the_receiver_hears_late(sim: Sim) -> None:
    sim.down({"team": DOWN})
    alert = sim.fire(node="ct1")
    sim.go(400)
    sim.resolve(alert)
    sim.mono += 240
    sim.wall += 240_000
    sim.engine.flush_due(sim.at)
    sim.down({})
    told = [said(one) for one in sim.go(200)]
    assert sorted(told) == [("ops", [("resolved", "ct1")]), ("team", [("resolved", "ct1")])]


def test_whoever_was_told_instead_hears_an_end_that_the_receiver_does_not_want_to_hear(tmp_path: Path) -> None:
    quiet = [Receiver("team", (webhook(send_resolved=False),)), Receiver("ops", (webhook(),))]
    sim = Sim(tmp_path, routing(receivers=quiet))
    sim.down({"team": DOWN})
    alert = sim.fire(node="ct1")
    sim.go(400)
    sim.down({})
    sim.go(200)
    sim.resolve(alert)
    assert [said(one) for one in sim.go(310)] == [("ops", [("resolved", "ct1")])]
    sim.end()


def test_a_receiver_that_never_answers_is_told_of_after_five_minutes(sim: Sim) -> None:
    sim.fire(node="ct1")
    start_sending(sim)
    sim.go(280)
    assert sim.sent == []
    (told,) = sim.go(40)
    assert told.receiver == "ops"
    assert told.note == "Could not be delivered to team (webhook/0): it has not answered yet"


def test_an_end_that_nobody_wants_to_hear_leaves_no_empty_notification(tmp_path: Path) -> None:
    sim = Sim(tmp_path, routing(receivers=[Receiver("team", (webhook(send_resolved=False),))]))
    alert = sim.fire(node="ct1")
    row = start_sending(sim)
    sim.resolve(alert)
    sim.go(310)
    sim.engine.teller.delivered(row, "200", 0.0, sim.at)
    assert sim.go(600) == []
    assert sim.engine.teller.outbox.rows == {}
    sim.end()


@pytest.mark.parametrize("well", [True, False])
def test_what_was_on_its_way_when_its_receiver_was_taken_out_harms_nothing_that_came_after(
    sim: Sim, well: bool
) -> None:
    sim.fire(node="ct1")
    old = start_sending(sim)
    sim.engine.teller.abandon(old, "a test wants it so")
    sim.fire(node="ct2")
    sim.mono += 301
    sim.engine.flush_due(sim.at)
    (new,) = sim.engine.teller.outbox.rows.values()
    if well:
        sim.engine.teller.delivered(old, "200", 0.0, sim.at)
    else:
        sim.engine.teller.failed(old, DOWN, 0.0, sim.at)
    assert list(sim.engine.teller.outbox.rows.values()) == [new]
    (told,) = sim.go(10)
    assert said(told)[1] == [("firing", "ct1"), ("firing", "ct2")]
    sim.again()
    assert sim.go(600) == []


def test_a_receiver_that_is_taken_out_and_put_back_while_it_is_told_hears_once(sim: Sim) -> None:
    sim.fire(node="ct1")
    row = start_sending(sim)
    sim.engine.follow(routing(receivers=PEOPLE[1:], route=routing().route), sim.at)
    sim.engine.follow(sim.made, sim.at)
    sim.engine.teller.delivered(row, "200", 0.0, sim.at)
    assert sim.go(600) == []
    assert sim.engine.teller.abandoned == 0
