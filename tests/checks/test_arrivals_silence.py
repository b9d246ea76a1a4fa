"""Sources that fall silent, with weeks of memory."""

from __future__ import annotations

import random
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from pacs_monitor.settings import Hours
from tests.checks.exams import acquired, image, send
from tests.checks.seeing import (
    BUCHAREST,
    LAST,
    LIMIT,
    SILENT,
    Clock,
    by_rest,
    labels,
    look,
    now,
    sources,
)
from tests.checks.support import DictMemory, run
from tests.conftest import StartOrthanc
from tests.peers.orthanc import Orthanc
from tests.peers.ports import free_port
from tests.silence.player import MONDAY, Player, Scanner, at, without

TUESDAY = MONDAY + timedelta(days=36)


async def five_weeks(stop: float, **settings: Any) -> DictMemory:
    """A memory of a source CT2 that works from 8 to 17 and sends nothing from that moment on."""
    player = Player()
    moments = without(Scanner().sends(MONDAY, 40, random.Random(7)), (stop, stop + 10**7))
    await player.play(moments, at(MONDAY, "0:00"), stop + 300)
    assert player.told == []
    return player.memory


async def test_a_source_that_is_silent_for_longer_than_usual_is_told_of_with_figures(
    orthanc: Orthanc, tmp_path: Path
) -> None:
    memory, clock = await five_weeks(at(TUESDAY, "9:30")), Clock()
    clock.moment = at(TUESDAY, "9:40")
    check = by_rest(orthanc, memory, clock=clock, interval=300)
    gave = await look(check)
    limit = gave.value(LIMIT, source="CT2") or 0
    assert 1800 <= limit < 3 * 3600
    assert labels(gave, SILENT) == []
    while not labels(gave, SILENT):
        clock.moment += 300
        assert clock.moment < at(TUESDAY, "13:00")
        gave = await look(check)
    last = gave.value(LAST, source="CT2") or 0
    ((source, weekday, hour, usual),) = labels(gave, SILENT)
    limit = gave.value(LIMIT, source="CT2") or 0
    assert clock.moment - last > limit
    assert (source, weekday) == ("CT2", "Tuesdays")
    assert hour == f"{datetime.fromtimestamp(clock.moment, BUCHAREST):%H}:00"
    assert re.fullmatch(r"(\d+ h )?\d+ min|\d+ h", usual)
    # A study ends it.
    send(tmp_path, orthanc, image(now(), **acquired(now())))
    clock.moment += 300
    gave = await look(check)
    assert labels(gave, SILENT) == []
    assert gave.value(LAST, source="CT2") == clock.moment or (gave.value(LAST, source="CT2") or 0) > last


async def test_while_the_archive_cannot_be_asked_nobody_falls_silent_and_who_was_silent_stays_so(
    start_orthanc: StartOrthanc,
) -> None:
    orthanc = start_orthanc()
    for silent in (False, True):
        memory, clock = await five_weeks(at(TUESDAY, "9:30")), Clock()
        clock.moment = at(TUESDAY, "9:40")
        check = by_rest(orthanc, memory, clock=clock, interval=300)
        gave = await look(check)
        while silent and not labels(gave, SILENT):
            clock.moment += 300
            gave = await look(check)
        gone = f"http://127.0.0.1:{free_port()}"
        broken = by_rest(orthanc, memory, clock=clock, interval=300, rest={"orthanc": gone})
        clock.moment = at(TUESDAY, "15:00")
        gave = await run(broken, 60)
        assert gave.reason == "refused"
        assert bool(labels(gave, SILENT)) is bool(labels(gave, LIMIT)) is silent
        assert gave.value(LAST, source="CT2") is not None
        # It can be asked again: what could not be seen is no silence yet.
        gave = await look(check)
        assert bool(labels(gave, SILENT)) is bool(labels(gave, LIMIT)) is silent


async def test_days_off_of_the_hours_are_not_judged(orthanc: Orthanc) -> None:
    hours = {"clinic": Hours.model_validate({"closed": [TUESDAY.isoformat()]})}
    memory, clock = await five_weeks(at(TUESDAY, "7:00")), Clock(hours=hours)
    clock.moment = at(TUESDAY, "9:40")
    check = by_rest(orthanc, memory, clock=clock, interval=300, hours="clinic")
    for _ in range(3):
        clock.moment += 3600
        gave = await look(check)
        assert labels(gave, LIMIT) == labels(gave, SILENT) == []


async def test_sources_that_are_no_longer_listed_are_forgotten(orthanc: Orthanc) -> None:
    memory, clock = await five_weeks(at(TUESDAY, "9:30")), Clock()
    clock.moment = at(TUESDAY, "9:40")
    assert sources(await look(by_rest(orthanc, memory, clock=clock, sources=["MR1"]))) == {}
