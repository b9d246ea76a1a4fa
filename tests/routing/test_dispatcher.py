"""The thread in which routes work: whatever hangs, fails or is mistaken, all others are told."""

import logging
import threading
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future
from pathlib import Path
from typing import Any

import pytest

from pacs_monitor.notify.notification import DeliveryFailed, Notification
from pacs_monitor.routing import dispatcher, outbox
from pacs_monitor.routing.lanes import MOST_AT_ONCE, MOST_PER_INTEGRATION, Lanes, whom
from pacs_monitor.routing.outbox import Row
from pacs_monitor.routing.routed import RoutedAlert
from pacs_monitor.routing.teller import Teller
from tests.routing.live import Live, each, eventually

HANGING = [f"hangs {number}" for number in range(MOST_AT_ONCE // MOST_PER_INTEGRATION + 2)]


class Hanging:
    """Receivers that do not answer until the test is over, and one that does."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.under_way: dict[str, int] = {}
        self.most: dict[str, int] = {}
        self._lock = threading.Lock()

    def __call__(self, content: Notification) -> str:
        if content.receiver == "well":
            return "200"
        with self._lock:
            mine = self.under_way[content.receiver] = self.under_way.get(content.receiver, 0) + 1
            self.most[content.receiver] = max(mine, self.most.get(content.receiver, 0))
        self.gate.wait(60)
        with self._lock:
            self.under_way[content.receiver] -= 1
        return "200"


@pytest.fixture
def hanging() -> Iterator[Hanging]:
    made = Hanging()
    yield made
    made.gate.set()


def test_receivers_that_hang_do_not_hold_up_others(tmp_path: Path, hanging: Hanging) -> None:
    live = Live(tmp_path, each("well", *HANGING), hanging)
    for number in range(2 * MOST_PER_INTEGRATION):
        for receiver in HANGING:
            live.fire(f"{receiver} {number}", to=receiver)
    eventually(lambda: len(hanging.under_way) == len(HANGING) and live.dispatcher.sending >= MOST_AT_ONCE)
    live.fire("ct1", to="well")
    live.hears("ct1")
    assert max(hanging.most.values()) <= MOST_PER_INTEGRATION
    assert live.dispatcher.sending <= MOST_AT_ONCE + len(HANGING)
    hanging.gate.set()
    eventually(lambda: len(live.sent) == 2 * MOST_PER_INTEGRATION * len(HANGING) + 1)
    live.stop()


def test_what_waits_behind_a_receiver_that_hangs_costs_no_work(tmp_path: Path, hanging: Hanging) -> None:
    steps: list[str] = []
    live = Live(tmp_path, each("hangs", interval=60_000), hanging, point=steps.append)
    alerts = [RoutedAlert({"alertname": "Down", "node": f"ct{number}"}, {}, 0) for number in range(500)]
    live.dispatcher.put(alerts).result(20)
    eventually(lambda: live.dispatcher.sending == MOST_PER_INTEGRATION)
    time.sleep(0.2)
    before = steps.count("before commit")
    time.sleep(1)
    assert steps.count("before commit") <= before + 1
    hanging.gate.set()
    eventually(lambda: len(live.sent) == 500)
    live.stop()


@pytest.mark.parametrize("within", [0.3, 1.0])
def test_the_end_comes_in_time_whatever_hangs(tmp_path: Path, hanging: Hanging, within: float) -> None:
    live = Live(tmp_path, each("hangs"), hanging)
    live.fire("ct1")
    eventually(lambda: live.dispatcher.sending)
    began = time.monotonic()
    assert live.dispatcher.stop(within)
    assert time.monotonic() - began < within + 20
    assert live.kinds()["outbox"] == 1
    live.state.close()
    hanging.gate.set()


def test_the_end_waits_for_what_is_under_way_and_writes_that_it_was_told(tmp_path: Path) -> None:
    began = threading.Event()

    def slow(content: Notification) -> str:
        began.set()
        time.sleep(0.5)
        return "200"

    live = Live(tmp_path, deliver=slow)
    live.fire("ct1")
    assert began.wait(20)
    assert live.dispatcher.stop(20)
    assert "outbox" not in live.kinds()
    live.state.close()


def test_the_end_does_not_wait_for_a_file_that_hangs(tmp_path: Path) -> None:
    live = Live(tmp_path)
    gate = threading.Event()
    live.state.submit(lambda connection: gate.wait(60))
    live.fire("ct1")
    began = time.monotonic()
    assert not live.dispatcher.stop(0.5)
    assert time.monotonic() - began < 20
    gate.set()
    eventually(lambda: live.dispatcher.stop(0.1))
    live.state.close()


def test_who_asks_after_the_end_is_not_left_waiting(tmp_path: Path) -> None:
    live = Live(tmp_path)
    live.stop()
    with pytest.raises(CancelledError):
        live.dispatcher.ask(lambda engine, at: None).result(1)
    assert live.dispatcher.stop(1.0)


def test_nor_who_asks_while_it_ends(tmp_path: Path) -> None:
    live = Live(tmp_path)
    futures: list[Future[int]] = []
    ended = threading.Event()

    def ask() -> None:
        while not ended.is_set():
            futures.append(live.dispatcher.ask(lambda engine, at: 7))

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    time.sleep(0.1)
    assert live.dispatcher.stop(20)
    ended.set()
    for thread in threads:
        thread.join()
    eventually(lambda: all(future.done() for future in futures))
    assert {future.cancelled() for future in futures} == {True, False}
    live.state.close()


def test_who_asks_and_asks_does_not_hold_up_delivery(tmp_path: Path) -> None:
    live = Live(tmp_path)
    ended = threading.Event()

    def again(_: object = None) -> None:
        # A request that brings the next one: the queue is never empty.
        if not ended.is_set():
            live.dispatcher.ask(lambda engine, at: again())

    for _ in range(10):
        again()
    live.fire("ct1")
    live.hears("ct1")
    ended.set()
    live.stop()


def test_what_is_asked_in_vain_is_told_to_whoever_asked(tmp_path: Path) -> None:
    live = Live(tmp_path)
    with pytest.raises(KeyError):
        live.dispatcher.ask(lambda engine, at: engine.acknowledge("nothing", "ana", "", at)).result(20)
    live.stop()


# Mistakes of ours.


def test_a_mistake_in_a_delivery_is_tried_again_and_told_without_content(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "FIRST_RETRY", 0.1)
    mistakes = iter([ValueError("DOE^JANE"), KeyError("DOE^JANE")])

    def mistaken(content: Notification) -> str:
        if mistake := next(mistakes, None):
            raise mistake
        return "200"

    live = Live(tmp_path, deliver=mistaken)
    live.fire("ct1")
    live.hears("ct1")
    live.settle()
    (entry,) = live.dispatcher.engine.teller.log.values()
    assert [one["answer"] for one in entry.attempts] == [
        "a mistake of pacs-monitor: ValueError",
        "a mistake of pacs-monitor: KeyError",
        "200",
    ]
    assert [one["reason"] for one in entry.attempts] == ["broken", "broken", ""]
    assert "a mistake in a delivery; it is tried again: ValueError at dispatcher.py:" in caplog.text
    assert "DOE" not in caplog.text
    live.stop()


def test_a_mistake_in_one_group_does_not_silence_the_others(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell = Teller.tell
    mistakes = iter([1])

    def mistaken(self: Teller, group: Any, audible: Any, at: Any) -> None:
        if "odd" in group.key and next(mistakes, 0):
            raise KeyError("DOE^JANE")
        tell(self, group, audible, at)

    monkeypatch.setattr(Teller, "tell", mistaken)
    live = Live(tmp_path)
    alerts = [RoutedAlert({"alertname": "Down", "node": node}, {}, 0) for node in ("odd", "a", "z")]
    live.dispatcher.put(alerts).result(20)
    live.hears("a")
    live.hears("z")
    live.hears("odd")
    assert "a mistake in a group; it is flushed again after its interval: KeyError at engine.py:" in caplog.text
    assert "DOE" not in caplog.text
    live.stop()


def test_a_machine_that_gives_no_more_threads_delivers_once_it_does(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatcher, "RECOVERY", 0.1)
    start = threading.Thread.start
    refused: list[str] = []

    def starved(self: threading.Thread) -> None:
        if self.name.startswith("to ") and len(refused) < 5:
            refused.append(self.name)
            raise RuntimeError("can't start new thread")
        start(self)

    live = Live(tmp_path)
    monkeypatch.setattr(threading.Thread, "start", starved)
    live.fire("a")
    live.fire("b")
    live.hears("a")
    live.hears("b")
    live.settle()
    assert caplog.text.count("a delivery could not begin; it is tried again: RuntimeError") == 5
    live.stop()


def test_a_mistake_while_rows_are_handed_out_forgets_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatcher, "RECOVERY", 0.1)
    integration = Teller.integration
    mistakes = iter([1, 1])

    def mistaken(self: Teller, row: Row, at: Any) -> Any:
        if next(mistakes, 0):
            raise KeyError
        return integration(self, row, at)

    monkeypatch.setattr(Teller, "integration", mistaken)
    live = Live(tmp_path)
    alerts = [RoutedAlert({"alertname": "Down", "node": node}, {}, 0) for node in "abcd"]
    live.dispatcher.put(alerts).result(20)
    for node in "abcd":
        live.hears(node)
    live.stop()


def test_each_step_has_its_point(tmp_path: Path) -> None:
    seen: list[str] = []
    live = Live(tmp_path, point=seen.append)
    live.fire("ct1")
    live.hears("ct1")
    live.settle()
    live.stop()
    kept = list(dict.fromkeys(seen))
    assert kept == ["before commit", "after commit", "before send", "after send", "before mark"]


# Turns.


def row(receiver: str, name: str) -> Row:
    return Row(name, Notification(name, receiver, "webhook/0", "{}", {}, ()))


def taken(lanes: Lanes) -> list[str]:
    """Who gets a place now."""
    found = []
    for one in lanes.ready():
        lanes.enter(whom(one))
        found.append(one.name)
    return found


def test_rows_of_a_busy_receiver_have_their_turn_in_the_order_in_which_they_came() -> None:
    lanes = Lanes()
    for name in "zyxwvu":
        lanes.line_up(row("team", name))
    assert taken(lanes) == ["z", "y", "x", "w"]
    lanes.line_up(row("team", "a"))
    lanes.line_up(row("team", "v"))
    for expected in "vua":
        lanes.leave(("team", "webhook/0"))
        assert taken(lanes) == [expected]


def test_receivers_take_turns_when_places_are_scarce() -> None:
    lanes = Lanes()
    for number in range(MOST_AT_ONCE):
        lanes.line_up(row(f"early {number % 8}", f"early {number}"))
    assert len(taken(lanes)) == MOST_AT_ONCE
    for number in range(3):
        for receiver in ("early 0", "late", "later"):
            lanes.line_up(row(receiver, f"{receiver}/{number}"))
    assert taken(lanes) == ["late/0", "later/0"]
    for _ in range(3):
        lanes.leave(("early 1", "webhook/0"))
    lanes.leave(("early 0", "webhook/0"))
    got = taken(lanes)
    assert got == ["early 0/0", "late/1"]


def test_a_row_that_was_delivered_or_taken_out_meanwhile_is_not_sent(tmp_path: Path) -> None:
    fails = True

    def deliver(content: Notification) -> str:
        if fails:
            raise DeliveryFailed("unreachable", "nobody listens")
        return "200"

    live = Live(tmp_path, each("old", "new"), deliver)
    live.fire("ct1", to="old")
    eventually(lambda: any(one.attempts for one in live.dispatcher.engine.teller.outbox.rows.values()))
    live.dispatcher.ask(lambda engine, at: engine.follow(each("new"), at)).result(20)
    fails = False
    assert live.hears("ct1").receiver == "new"
    live.settle()
    assert [one.receiver for one in live.sent] == ["new"]
    live.stop()


def test_the_log_says_nothing_of_content_at_any_level(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    def refuses(content: Notification) -> str:
        raise DeliveryFailed("rejected", "answered 404", retry=False)

    live = Live(tmp_path, each("team", "ops"), refuses)
    live.fire("ct1", to="team", summary="DOE^JANE")
    eventually(lambda: any(one.attempts for one in live.dispatcher.engine.teller.outbox.rows.values()))
    live.dispatcher.ask(lambda engine, at: engine.tidy(at)).result(20)
    live.dispatcher.ask(lambda engine, at: engine.follow(each("ops"), at)).result(20)
    eventually(lambda: "given up" in caplog.text)
    assert "given up for team (webhook/0): NodeDown: its receiver was taken out" in caplog.text
    assert "Could not be delivered to team (webhook/0): answered 404" in caplog.text
    assert "DOE" not in caplog.text
    live.stop()
