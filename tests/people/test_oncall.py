"""Who is on call, at turns, on days on which clocks are put forward or back, and at the end of a year."""

from datetime import datetime
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from pacs_monitor.people.oncall import next_after, turn_at, turns
from pacs_monitor.people.settings import OnCall

BUCHAREST = ZoneInfo("Europe/Bucharest")
WEEKLY = {"rotation": ["ana", "dan", "eva"], "changes": "monday 08:00", "starts": "2026-01-05"}
DAILY = {"rotation": ["ana", "dan"], "changes": "08:00", "starts": "2026-01-05"}


def plan(**settings: Any) -> OnCall:
    return OnCall.model_validate({**WEEKLY, **settings})


def at(text: str, fold: int = 0) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=BUCHAREST, fold=fold).timestamp()


def shown(moment: float) -> str:
    return datetime.fromtimestamp(moment, BUCHAREST).strftime("%Y-%m-%d %H:%M")


@pytest.mark.parametrize(
    ("when", "person"),
    [
        ("2026-01-05 08:00", "ana"),
        ("2026-01-05 07:59:59", "eva"),
        ("2026-01-11 23:59", "ana"),
        ("2026-01-12 07:59", "ana"),
        ("2026-01-12 08:00", "dan"),
        ("2026-01-19 08:00", "eva"),
        ("2026-01-26 08:00", "ana"),
        ("2025-12-29 08:00", "eva"),
        ("2025-12-28 12:00", "dan"),
        # Clocks go forward on 29 March and back on 25 October: the turn stays at eight.
        ("2026-03-29 12:00", "eva"),
        ("2026-03-30 07:59", "eva"),
        ("2026-03-30 08:00", "ana"),
        ("2026-10-26 07:59", "eva"),
        ("2026-10-26 08:00", "ana"),
        ("2026-12-28 08:00", "ana"),
        ("2027-01-01 00:00", "ana"),
        ("2027-01-04 08:00", "dan"),
    ],
)
def test_turns_by_the_week(when: str, person: str) -> None:
    assert turn_at(plan(), BUCHAREST, at(when)).person == person


@pytest.mark.parametrize(
    ("when", "person"),
    [
        ("2026-01-05 08:00", "ana"),
        ("2026-01-06 07:59", "ana"),
        ("2026-01-06 08:00", "dan"),
        ("2026-03-28 08:00", "ana"),
        ("2026-03-29 07:59", "ana"),
        ("2026-03-29 08:00", "dan"),
        ("2026-12-31 23:59", "ana"),
        ("2027-01-01 07:59", "ana"),
        ("2027-01-01 08:00", "dan"),
    ],
)
def test_turns_by_the_day(when: str, person: str) -> None:
    assert turn_at(OnCall.model_validate(DAILY), BUCHAREST, at(when)).person == person


def test_a_turn_at_an_hour_that_the_clock_jumps_over_is_when_it_jumps() -> None:
    daily = OnCall.model_validate({**DAILY, "changes": "03:30"})
    before, after = at("2026-03-29 02:59:59"), at("2026-03-29 04:00:00")
    assert turn_at(daily, BUCHAREST, before).person != turn_at(daily, BUCHAREST, after).person
    assert turn_at(daily, BUCHAREST, before).until == after


def test_a_turn_at_an_hour_that_comes_twice_is_at_the_first() -> None:
    daily = OnCall.model_validate({**DAILY, "changes": "03:30"})
    first, second = at("2026-10-25 03:30"), at("2026-10-25 03:30", fold=1)
    turn = turn_at(daily, BUCHAREST, first)
    assert turn.since == first
    assert turn_at(daily, BUCHAREST, second) == turn
    assert turn.until - turn.since == 25 * 3600


def test_without_a_start_the_first_begins_on_the_first_monday_of_2024() -> None:
    rotation = OnCall.model_validate({"rotation": ["ana", "dan"]})
    assert turn_at(rotation, BUCHAREST, at("2024-01-01 08:00")).person == "ana"
    assert turn_at(rotation, BUCHAREST, at("2024-01-08 08:00")).person == "dan"


def test_the_first_begins_with_the_first_change_on_the_day_or_after_it() -> None:
    midweek = plan(starts="2026-01-07")
    assert turn_at(midweek, BUCHAREST, at("2026-01-12 08:00")).person == "ana"
    assert turn_at(midweek, BUCHAREST, at("2026-01-08 08:00")).person == "eva"


def test_one_alone_is_always_on_call() -> None:
    alone = OnCall.model_validate({"rotation": "ana"})
    assert turn_at(alone, BUCHAREST, at("2026-01-08 08:00")).until == float("inf")
    assert next_after(alone, BUCHAREST, at("2026-01-08 08:00")) == ""


HOLIDAYS = [{"person": "eva", "from": "2026-12-24", "to": "2026-12-27"}]
AN_EVENING = [{"person": "zoe", "from": "2026-12-22 18:00", "to": "2026-12-23T06:00"}]


@pytest.mark.parametrize(
    ("when", "person", "instead_of"),
    [
        ("2026-12-22 17:59", "eva", ""),
        ("2026-12-22 18:00", "zoe", "eva"),
        ("2026-12-23 05:59", "zoe", "eva"),
        ("2026-12-23 06:00", "eva", ""),
        ("2026-12-30 23:59", "ana", ""),
        ("2026-12-31 00:00", "dan", "ana"),
        ("2027-01-02 23:59:59", "dan", "ana"),
        ("2027-01-03 00:00", "ana", ""),
    ],
)
def test_an_override_counts_from_its_first_day_to_the_end_of_its_last(when: str, person: str, instead_of: str) -> None:
    overrides = [*AN_EVENING, {"person": "dan", "from": "2026-12-31", "to": "2027-01-02"}]
    turn = turn_at(plan(overrides=overrides), BUCHAREST, at(when))
    assert (turn.person, turn.instead_of) == (person, instead_of)


def test_an_override_of_one_day_on_which_the_clocks_are_put_back_lasts_25_hours() -> None:
    turn = turn_at(
        plan(overrides=[{"person": "dan", "from": "2026-10-25", "to": "2026-10-25"}]), BUCHAREST, at("2026-10-25 12:00")
    )
    assert turn.until - turn.since == 25 * 3600


def test_next_is_the_next_in_the_rotation_who_is_not_on_call() -> None:
    assert next_after(plan(), BUCHAREST, at("2026-01-06 12:00")) == "dan"
    assert next_after(plan(), BUCHAREST, at("2026-01-20 12:00")) == "ana"
    of_the_next = plan(overrides=[{"person": "dan", "from": "2026-01-06", "to": "2026-01-06"}])
    assert next_after(of_the_next, BUCHAREST, at("2026-01-06 12:00")) == "eva"
    of_another = plan(overrides=[{"person": "zoe", "from": "2026-01-06", "to": "2026-01-06"}])
    assert next_after(of_another, BUCHAREST, at("2026-01-06 12:00")) == "dan"
    of_two = OnCall.model_validate(
        {**DAILY, "overrides": [{"person": "dan", "from": "2026-01-05 09:00", "to": "2026-01-05 20:00"}]}
    )
    assert next_after(of_two, BUCHAREST, at("2026-01-05 12:00")) == "ana"


def test_two_weeks_of_turns_without_gaps() -> None:
    christmas = plan(overrides=[{"person": "eva", "from": "2026-12-26", "to": "2026-12-27"}])
    start = at("2026-12-15 12:00")
    found = list(turns(christmas, BUCHAREST, start, start + 14 * 86400))
    assert [(one.person, shown(one.since), one.instead_of) for one in found] == [
        ("dan", "2026-12-14 08:00", ""),
        ("eva", "2026-12-21 08:00", ""),
        ("ana", "2026-12-28 08:00", ""),
    ]
    assert all(one.until == two.since for one, two in pairwise(found))


def test_an_override_splits_a_turn() -> None:
    found = turns(plan(overrides=AN_EVENING), BUCHAREST, at("2026-12-22 00:00"), at("2026-12-24 00:00"))
    assert [(one.person, shown(one.since)) for one in found] == [
        ("eva", "2026-12-21 08:00"),
        ("zoe", "2026-12-22 18:00"),
        ("eva", "2026-12-23 06:00"),
    ]
