"""A silence is about to end, and what it silences still fires: somebody hears of that once."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pacs_monitor.notify.notification import Notification
from pacs_monitor.routing.definitions import Route
from tests.routing.sim import Sim, equal, routing

HOUR = 3600


@pytest.fixture
def sim(tmp_path: Path) -> Iterator[Sim]:
    made = Sim(tmp_path)
    yield made
    made.end()


def passing(sim: Sim, minutes: float) -> list[Notification]:
    return sim.go(minutes * 60, step=15)


def test_a_quarter_of_an_hour_before_its_end_and_once(sim: Sim) -> None:
    sim.silence(2 * HOUR, node="ct1")
    sim.fire(node="ct1")
    sim.fire("Other", node="ct1")
    assert passing(sim, 104) == []
    (told,) = passing(sim, 2)
    assert (told.reason, told.receiver, len(told.alerts)) == ("reminder", "team", 2)
    assert told.note == (
        "The silence “known” by ana ends at 10:00, and this still fires: extend it, or you are told again then."
    )
    sim.again()
    assert passing(sim, 13) == []
    assert [one.reason for one in passing(sim, 10)] == ["new", "new"]


def test_not_of_what_is_over_or_of_another_or_of_a_short_silence(sim: Sim) -> None:
    sim.silence(2 * HOUR, node="ct1")
    over = sim.fire(node="ct1")
    sim.resolve(over)
    sim.silence(HOUR, node="ct2")
    sim.fire(node="ct2")
    assert [one.reason for one in passing(sim, 118)] == ["new"]


def test_again_if_it_was_extended(sim: Sim) -> None:
    id = sim.silence(2 * HOUR, node="ct1")
    sim.fire(node="ct1")
    assert len(passing(sim, 106)) == 1
    known = sim.engine.silences.get(id)
    sim.engine.silence(replace(known, ends_at=known.ends_at + HOUR * 1000), sim.at)
    assert passing(sim, 58) == []
    assert [one.reason for one in passing(sim, 2)] == ["reminder"]


def test_of_an_alert_that_begins_in_the_last_minutes_too(sim: Sim) -> None:
    sim.silence(2 * HOUR, node="ct1")
    assert passing(sim, 110) == []
    sim.fire(node="ct1")
    assert [one.reason for one in passing(sim, 1)] == ["reminder"]


def test_one_that_was_ended_early_reminds_nobody(sim: Sim) -> None:
    id = sim.silence(2 * HOUR, node="ct1")
    sim.fire(node="ct1")
    passing(sim, 60)
    sim.engine.expire(id, sim.at)
    assert [one.reason for one in passing(sim, 60)] == ["new"]


def test_not_those_to_whom_it_would_only_escalate(tmp_path: Path) -> None:
    later = Route("team", equal(severity="critical"), minimum_age=600_000, goes_on=True, key="a")
    first = Route("team", equal(severity="critical"), group_by=("alertname",), key="b")
    sim = Sim(tmp_path, routing(later, first))
    sim.silence(2 * HOUR, node="ct1")
    sim.fire(node="ct1", severity="critical")
    (told,) = passing(sim, 106)
    assert told.group_key == 'b:{alertname="NodeDown"}'
    sim.end()
