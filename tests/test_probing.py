"""What `probe` shows first, and how it counts."""

import pytest

from pacs_monitor.probing import Probed, worst_first
from pacs_monitor.probing_view import summary


def probed(name: str, importance: str, reason: str = "", duration: float = 0.1) -> Probed:
    return Probed(name, "c_echo", "c_echo", importance, reason, "", 0.0, duration, [])


def test_of_what_fails_the_more_important_comes_first_and_of_that_what_took_longer() -> None:
    given = [
        probed("slow and well", "critical", duration=9.0),
        probed("a modality", "low", "timeout", 8.0),
        probed("a check without a node", "", "timeout", 3.0),
        probed("a quick router", "normal", "refused", 0.1),
        probed("a slow router", "normal", "refused", 5.0),
        probed("the archive", "critical", "refused", 0.1),
        probed("quick and well", "critical"),
        probed("in between and well", "low", duration=1.0),
    ]
    assert [one.node for one in worst_first(given)] == [
        "the archive",
        "a slow router",
        "a check without a node",
        "a quick router",
        "a modality",
        "slow and well",
        "in between and well",
        "quick and well",
    ]


@pytest.mark.parametrize(
    ("fail", "of", "sentence"),
    [
        (0, 1, "the check succeeds"),
        (1, 1, "the check fails"),
        (0, 2, "all 2 checks succeed"),
        (1, 2, "1 of 2 checks fails"),
        (2, 2, "2 of 2 checks fail"),
    ],
)
def test_checks_are_counted_in_english(fail: int, of: int, sentence: str) -> None:
    assert summary([probed("ct", "normal", "refused" if place < fail else "") for place in range(of)]) == sentence
