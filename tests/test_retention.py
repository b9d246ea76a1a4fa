"""For how long an archive keeps what it receives, by studies that are watched."""

from __future__ import annotations

import json

import pytest

from pacs_monitor.orthanc.retention import MOST_WATCHED, SPACING, Retention, Watched

DAY = 86400.0


def days(pattern: str) -> Retention:
    """A study a day: `x` is gone, `o` is there."""
    return Retention(Watched(place + 1, place * DAY, mark == "o") for place, mark in enumerate(pattern))


@pytest.mark.parametrize(
    ("pattern", "day"),
    [
        ("", None),
        ("oooooooo", None),
        ("xxoooooo", None),  # two may be by hand
        ("xxxooooo", 3),
        ("oxxxxooooo", 5),  # the first is a phantom's
        ("oxxoxxooooxooo", 6),  # and one was deleted by hand
        ("xxxxoooooxxooo", 4),
        ("oooooxxoooooxo", None),
        ("xxxxxxxx", 7),  # at least all up to the last that was watched
    ],
)
def test_the_day_is_told_from_which_on_nearly_all_is_there(pattern: str, day: int | None) -> None:
    assert days(pattern).kept_since() == (None if day is None else day * DAY)


def test_eight_a_day_are_watched_and_none_twice() -> None:
    retention = Retention()
    for place in range(100):
        if retention.wants(place * SPACING / 10):
            retention.watch(place + 1, place * SPACING / 10)
    retention.watch(5, 1e9)  # the list is read again from an earlier place
    assert [each.seq for each in retention.watched] == [1, 11, 21, 31, 41, 51, 61, 71, 81, 91]


def test_all_take_turns_but_those_that_are_gone() -> None:
    retention = days("oxooxo")
    asked = [[each.seq for each in retention.due(3)] for _ in range(3)]
    assert asked == [[1, 3, 4], [6, 1, 3], [4, 6, 1]]
    assert days("xx").due(3) == []


def test_years_of_studies_stay_few_and_tell_the_same() -> None:
    retention = Retention()
    for place in range(5 * MOST_WATCHED):
        retention.watch(place + 1, place * DAY)
    assert len(retention.watched) <= MOST_WATCHED
    for each in retention.watched:
        each.there = each.at >= 9000 * DAY
    assert retention.kept_since() == pytest.approx(9000 * DAY, abs=40 * DAY)


def test_it_is_remembered_as_numbers_alone() -> None:
    retention = days("xo")
    told = json.loads(json.dumps(retention.to_remember()))
    assert told == [[1, 0.0, 0], [2, DAY, 1]]
    assert Retention.remembered(told).watched == retention.watched
