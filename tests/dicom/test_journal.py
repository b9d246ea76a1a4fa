"""The journal of synthetic studies, with a clock of the test's own."""

from __future__ import annotations

import pytest

from pacs_monitor.check import CheckFailed
from pacs_monitor.dicom.journal import DAY, Journal
from tests.checks.support import DictMemory


class Clock:
    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def journal(clock: Clock) -> Journal:
    return Journal(DictMemory(), clock)


async def test_what_was_entered_may_be_in_the_archive_until_it_is_forgotten(journal: Journal) -> None:
    await journal.enter("2.25.1")
    assert "2.25.1" in journal
    assert "2.25.2" not in journal
    assert (journal.left, journal.due()) == (1, ["2.25.1"])
    await journal.forget("2.25.1")
    assert (journal.left, journal.due()) == (0, [])


async def test_the_oldest_is_looked_for_first(journal: Journal, clock: Clock) -> None:
    for uid in ("2.25.9", "2.25.1"):
        await journal.enter(uid)
        clock.now += 1
    assert journal.due() == ["2.25.9", "2.25.1"]


async def test_what_is_absent_is_looked_for_ever_more_rarely_and_forgotten_after_a_day(
    journal: Journal, clock: Clock
) -> None:
    await journal.enter("2.25.1")
    started, looks = clock.now, []
    while "2.25.1" in journal:
        if journal.due():
            looks.append(round(clock.now - started))
            await journal.absent("2.25.1")
            assert journal.left == 0
        clock.now += 10
    assert looks[:5] == [0, 60, 120, 240, 480]
    assert len(looks) < 15
    assert looks[-1] > DAY


async def test_a_regular_schedule_never_meets_its_own_bound_and_any_other_does(journal: Journal, clock: Clock) -> None:
    for number in range(20):
        await journal.count(4, DAY / 4)
        clock.now += DAY / 4 + (30 if number % 2 else -30)
    clock.now -= DAY / 4 - 30
    with pytest.raises(CheckFailed, match="4 synthetic studies were sent in 24 hours"):
        await journal.count(4, DAY / 4)
