"""A state file that cannot be written: people are told from memory, and once it can be, nothing is told twice."""

import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pacs_monitor.notify.notification import DeliveryFailed
from pacs_monitor.routing import mirror
from pacs_monitor.routing.routed import RoutedAlert
from pacs_monitor.state import State, StateError
from tests.routing.live import Live, eventually
from tests.routing.sim import Sim


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    made = Live(tmp_path)
    yield made
    made.stop()


def told_once_over_a_restart(live: Live) -> None:
    """All is saved by now, and whoever starts with the file tells nothing of it again."""
    live.settle()
    live.stop()
    live.begin()
    live.fire("last")
    live.hears("last")
    assert [one.alerts[0].labels["node"] for one in live.sent] == ["last"]


def test_a_full_disk(live: Live) -> None:
    live.fire("before").result(20)
    assert not live.hears("before").unsaved
    live.settle()
    connection = live.state._connection
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages}")
    live.fire("meanwhile", summary="x" * 100_000)
    told = live.hears("meanwhile")
    assert told.unsaved
    assert "full" in live.state.failing
    live.resolve("before")
    eventually(lambda: len(live.told("before")) == 2)
    assert live.told("before")[1].unsaved
    connection.execute("PRAGMA max_page_count = 1000000")
    eventually(lambda: live.saved)
    assert live.kinds() == {"alert": 1, "group": 1, "log": 2}
    told_once_over_a_restart(live)


@pytest.mark.parametrize("what", ["the file", "the folder"])
def test_a_file_that_is_moved_away_and_put_back(tmp_path: Path, what: str) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    live = Live(folder)
    live.fire("before").result(20)
    live.hears("before")
    live.settle()
    here = live.file if what == "the file" else folder
    here.rename(tmp_path / "elsewhere")
    live.fire("meanwhile")
    assert live.hears("meanwhile").unsaved
    assert "restart pacs-monitor" in live.state.failing
    (tmp_path / "elsewhere").rename(here)
    told_once_over_a_restart(live)
    live.stop()


def lock(file: Path) -> sqlite3.Connection:
    other = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    return other


def test_a_lock(live: Live, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("WARNING")
    monkeypatch.setattr(mirror, "LONGEST_COMMIT", 1.0)
    monkeypatch.setattr(mirror, "LONGEST_WHILE_FAILING", 0.2)
    live.fire("before").result(20)
    live.settle()
    other = lock(live.file)
    live.fire("meanwhile")
    assert live.hears("meanwhile").unsaved
    for number in range(20):
        live.fire(f"more {number}")
        time.sleep(0.02)
    eventually(lambda: len(live.sent) == 22)
    # The writer holds one transaction of ours, not a copy for each step.
    assert live.state._queue.qsize() <= 1
    other.execute("ROLLBACK")
    other.close()
    eventually(lambda: live.saved)
    assert caplog.text.count("what is to be told is not being saved") == 1
    assert caplog.text.count("what is to be told is being saved again") == 1
    told_once_over_a_restart(live)


@pytest.mark.slow
def test_a_lock_of_twenty_seconds_holds_nobody_up_for_longer_than_a_commit_may_take(live: Live) -> None:
    live.fire("before").result(20)
    live.settle()
    other = lock(live.file)
    began = time.monotonic()
    longest, number = 0.0, 0
    while time.monotonic() - began < 20:
        asked = time.monotonic()
        live.fire(f"node {number}").result(20)
        longest = max(longest, time.monotonic() - asked)
        number += 1
    assert live.hears("node 0", within=0).unsaved
    assert len(live.sent) > number / 2
    assert live.state.failing
    other.execute("ROLLBACK")
    other.close()
    eventually(lambda: len(live.sent) == number + 1)
    # The step that was under way when it was asked, and the one that took it in.
    assert longest < 2 * mirror.LONGEST_COMMIT
    told_once_over_a_restart(live)


def test_a_transaction_that_took_too_long_and_is_written_after_all(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mirror, "LONGEST_COMMIT", 0.5)
    monkeypatch.setattr(mirror, "LONGEST_WHILE_FAILING", 0.1)
    gate = threading.Event()
    live.state.submit(lambda connection: gate.wait(60))
    live.fire("ct1")
    assert live.hears("ct1").unsaved
    live.resolve("ct1")
    eventually(lambda: len(live.told("ct1")) == 2)
    assert live.state._queue.qsize() <= 1
    assert live.state.failing == "writing takes too long"
    gate.set()
    eventually(lambda: live.saved)
    assert live.kinds() == {"log": 1}
    told_once_over_a_restart(live)


def test_what_failed_from_memory_is_saved_and_tried_on(tmp_path: Path) -> None:
    sim = Sim(tmp_path)
    sim.down({"team": DeliveryFailed("unreachable", "nobody listens")})
    sim.file_away()
    sim.fire(node="ct1")
    sim.go(60)
    (row,) = sim.engine.teller.outbox.rows.values()
    assert row.content.unsaved
    key = row.content.key
    sim.file_back()
    sim.go(30)
    sim.again()
    sim.down({})
    (told,) = sim.go(200)
    assert (told.key, told.unsaved) == (key, False)
    assert sim.go(600) == []
    sim.end()


def marks(sim: Sim) -> list[bool]:
    return [row.content.unsaved for row in sim.engine.teller.outbox.rows.values()]


def test_what_waits_is_not_marked_once_it_is_saved_before_it_is_sent(tmp_path: Path) -> None:
    sim = Sim(tmp_path)
    sim.fire(node="ct1")
    sim.go(20)
    sim.file_away()
    sim.mono += 15
    sim.engine.flush_due(sim.at)
    assert not sim.engine.commit()
    assert marks(sim) == [True]
    sim.file_back()
    assert sim.engine.commit()
    assert marks(sim) == [False]
    sim.end()


def test_only_what_is_in_no_file_is_marked(tmp_path: Path) -> None:
    sim = Sim(tmp_path)
    sim.fire(node="ct1")
    sim.go(29)
    sim.mono += 5
    sim.engine.flush_due(sim.at)
    sim.engine.commit()
    sim.file_away()
    sim.fire("Other")
    assert not sim.engine.commit()
    assert marks(sim) == [False]
    sim.file_back()
    sim.end()


def test_after_a_crash_while_nothing_was_saved_what_still_fires_is_told_again(tmp_path: Path) -> None:
    sim = Sim(tmp_path)
    known = sim.fire(node="known")
    sim.go(31)
    sim.file_away()
    alert = sim.fire("Other", node="ct1")
    sim.resolve(known)
    first = sim.go(400)
    assert [one.unsaved for one in first] == [True, True]
    sim.file_back()
    sim.again()
    # As the rules do when they are evaluated again.
    sim.engine.put([RoutedAlert(alert.labels, alert.annotations, alert.starts_at)], sim.at)
    sim.engine.end(list(sim.engine.alerts.values()), {alert.fingerprint}, sim.at)
    again = sim.go(400)
    assert sorted(one.status for one in again) == ["firing", "resolved"]
    assert not {one.key for one in first} & {one.key for one in again}
    assert not any(one.unsaved for one in again)
    sim.end()


def test_a_value_that_cannot_be_written_holds_no_notification_up(live: Live, caplog: pytest.LogCaptureFixture) -> None:
    class Odd:
        def to_json(self) -> dict[str, str]:
            raise KeyError("DOE^JANE")

    live.dispatcher.ask(lambda engine, at: live.mirror.put("alert", "odd", Odd())).result(20)
    live.fire("ct1")
    assert live.hears("ct1").unsaved
    assert "told from memory: a mistake of pacs-monitor (KeyError)" in caplog.text
    assert "DOE" not in caplog.text
    live.dispatcher.ask(lambda engine, at: live.mirror.drop("alert", "odd")).result(20)
    told_once_over_a_restart(live)


def test_half_a_letter_of_an_annotation_is_written_as_a_question_mark(live: Live) -> None:
    live.fire("ct1", summary="half \ud83d of it").result(20)
    assert not live.hears("ct1").unsaved
    told_once_over_a_restart(live)


def test_a_file_with_what_is_none_of_ours_is_a_complaint_without_its_words(tmp_path: Path) -> None:
    state = State(tmp_path / "state.db", "north")
    values = ("north", "outbox", "x", '{"content": "DOE^JANE"}')
    state.submit(lambda connection: connection.execute("INSERT INTO routing VALUES (?, ?, ?, ?)", values)).result(20)
    state.close()
    with pytest.raises(StateError, match="what routes keep in it cannot be read") as complaint:
        Live(tmp_path)
    assert "if it is damaged, move it away and start again" in str(complaint.value)
    assert "DOE" not in str(complaint.value)
