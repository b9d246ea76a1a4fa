"""Killed at every step, nothing that was promised is lost; and these tests would notice if it were.

`bench/reliability.py` does the same hundreds of times.
"""

from concurrent.futures import ThreadPoolExecutor
from itertools import cycle
from pathlib import Path

import pytest

from tests.reliability.mistakes import MADE
from tests.reliability.receivers import BEHAVIOURS
from tests.reliability.trial import POINTS, Trial, Verdict

HOW_TO_NOTICE = {
    "marks before it sends": [("before send", "well")] * 3,
    "does not write the outbox": [("before send", "well")] * 3,
    "does not write what was told": [("after mark commit", "well")] * 4,
    "does not write alerts": [("after commit", "well")] * 3,
    "promises before it writes": [("before commit", "well")] * 4,
    "tries but once": [("connect", "fails")],
    "takes a new key for each try": [("connect", "drops")],
}


@pytest.mark.timeout(240)
def test_nothing_is_lost_and_nothing_is_told_twice_in_other_words_whenever_the_agent_is_killed(tmp_path: Path) -> None:
    def killed(number: int) -> Verdict:
        folder = tmp_path / str(number)
        folder.mkdir()
        badly = cycle(BEHAVIOURS[number:] + BEHAVIOURS[:number])
        return Trial(folder, list(zip(POINTS, badly, strict=False)), seed=number, countdown=(1, 2)).run()

    with ThreadPoolExecutor(2) as pool:
        for verdict in pool.map(killed, (1, 4)):
            assert verdict.kept, verdict
            assert verdict.kills.total() == len(POINTS)
            assert verdict.promised == verdict.told > 10


@pytest.mark.timeout(240)
def test_every_mistake_is_noticed(tmp_path: Path) -> None:
    def made(mistake: str) -> Verdict:
        folder = tmp_path / mistake
        folder.mkdir()
        # What goes wrong with the second try needs one.
        countdown = (9, 9) if "try" in mistake or "tries" in mistake else (1, 4)
        rounds = HOW_TO_NOTICE[mistake]
        return Trial(folder, rounds, seed=2, mistake=mistake, badly=1.0, countdown=countdown, drain=15).run()

    with ThreadPoolExecutor(4) as pool:
        verdicts = dict(zip(MADE, pool.map(made, MADE), strict=True))
    assert [mistake for mistake, verdict in verdicts.items() if verdict.kept] == []
