import logging
import threading
import time
from collections.abc import Iterator

import pytest

from pacs_monitor.alerting.clockwork import Clockwork, Job
from tests.noise import with_time


@pytest.fixture
def clockwork() -> Iterator[Clockwork]:
    made = Clockwork()
    yield made
    made.stop(lambda: None, 60.0)


def wait(until: threading.Event) -> None:
    assert until.wait(60)


def test_jobs_that_fall_due_together_run_in_their_order_with_one_time(clockwork: Clockwork) -> None:
    seen: list[tuple[str, int]] = []
    enough = threading.Event()

    def second(at: int) -> None:
        seen.append(("second", at))
        if len(seen) >= 6:
            enough.set()

    clockwork.start([Job(0.05, lambda at: seen.append(("first", at))), Job(0.05, second)])
    wait(enough)
    assert [name for name, _ in seen[:6]] == ["first", "second"] * 3
    assert seen[0][1] == seen[1][1] < seen[2][1] == seen[3][1]
    assert abs(seen[0][1] / 1000 - time.time()) < 60


@with_time(0.1, 1, 5)
def test_times_that_pass_while_a_job_works_are_left_out_and_counted(seconds: float) -> None:
    clockwork = Clockwork()
    done = threading.Event()
    runs = 0

    def slow(at: int) -> None:
        nonlocal runs
        runs += 1
        if runs == 1:
            time.sleep(3.5 * seconds)
        if runs == 3:
            done.set()

    job = Job(seconds, slow)
    clockwork.start([job])
    wait(done)
    clockwork.stop(lambda: None, 60.0)
    assert 2 <= job.missed <= 5


def test_a_question_is_answered_between_two_jobs(clockwork: Clockwork) -> None:
    clockwork.start([Job(3600.0, lambda at: None)])
    assert clockwork.ask(lambda: threading.current_thread().name).result(60) == "rules"
    with pytest.raises(ZeroDivisionError):
        clockwork.ask(lambda: 1 // 0).result(60)


def test_a_job_that_fails_is_told_and_ends_nothing(clockwork: Clockwork, caplog: pytest.LogCaptureFixture) -> None:
    again = threading.Event()
    runs = 0

    def broken(at: int) -> None:
        nonlocal runs
        runs += 1
        if runs == 2:
            again.set()
        raise RuntimeError("mistake")

    with caplog.at_level(logging.ERROR):
        clockwork.start([Job(0.02, broken)])
        wait(again)
    assert "a mistake in the thread of the rules" in caplog.text


def test_jobs_can_be_replaced_while_it_runs(clockwork: Clockwork) -> None:
    done = threading.Event()
    clockwork.start([Job(0.02, lambda at: None)])
    clockwork.ask(lambda: clockwork.replace([Job(0.02, lambda at: done.set())])).result(60)
    wait(done)


def test_the_last_thing_is_done_before_the_end_and_nothing_after_it() -> None:
    clockwork, seen = Clockwork(), list[str]()
    clockwork.start([Job(3600.0, lambda at: None)])
    assert clockwork.stop(lambda: seen.append("last"), 60.0)
    assert seen == ["last"]
    assert clockwork.ask(lambda: seen.append("later")).cancelled()


def test_a_job_that_hangs_does_not_keep_the_end_for_ever() -> None:
    clockwork, go_on = Clockwork(), threading.Event()
    clockwork.start([Job(3600.0, lambda at: wait(go_on))])
    assert not clockwork.stop(lambda: None, 0.1)
    go_on.set()
    assert clockwork.stop(lambda: None, 60.0)
