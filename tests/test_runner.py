"""One run: bounded, never overlapping, and whatever happens is a result."""

import asyncio
import errno
import logging
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

import pytest
from pydantic import Field

from pacs_monitor import samples as samples_module
from pacs_monitor.check import Check, CheckFailed, Counter, Gauge, Histogram, NodeCheck, Sample, Surroundings
from pacs_monitor.dicom.budget import Budget
from pacs_monitor.node import Node
from pacs_monitor.resolve import Resolver
from pacs_monitor.runner import Runner
from tests.checks.support import DictMemory, until
from tests.noise import with_time

VALUE = Gauge("pacs_value", "A value.")
LABELLED = Gauge("pacs_labelled", "A value.", ("kind",))
COUNT = Counter("pacs_events_total", "Events.")
TOOK = Histogram("pacs_took_seconds", "How long.", buckets=(1.0, 2.0))
CANARY = "DOE^JOHN 19700101"


@dataclass
class Gave:
    wall: float
    duration: float
    lateness: float
    reason: str
    message: str
    samples: list[Sample]


class Bench:
    """A runner whose results are kept."""

    def __init__(self, check: Check, node: Node | None = None) -> None:
        self.results: list[Gave] = []
        self.budget = Budget()
        self.surroundings = Surroundings(node, DictMemory(), Resolver(), self.budget)
        self.runner = Runner(
            7, "n/check", check, self.surroundings, lambda runner, *gave: self.results.append(Gave(*gave))
        )

    def start(self) -> str:
        return self.runner.start(asyncio.get_running_loop().time())

    async def result(self, seconds: float = 30.0) -> Gave:
        """The next result."""
        known = len(self.results)
        await until(lambda: len(self.results) > known, seconds)
        return self.results[-1]

    async def run(self) -> Gave:
        assert self.start() == ""
        return await self.result()


class Yields(Check):
    """Yields what it is given, then raises what it is given."""

    what: list[Any] = Field(default_factory=list)
    error: Any = None

    async def run(self) -> AsyncIterator[Sample]:
        for sample in self.what:
            yield sample
        if self.error is not None:
            raise self.error


class YieldsInThread(Yields):
    def run(self) -> Iterator[Sample]:  # type: ignore[override]
        yield from self.what
        if self.error is not None:
            raise self.error


class Sleeps(Check):
    """Yields, then waits longer than it may."""

    seconds: float = 60.0
    ended: list[str] = Field(default_factory=list)

    async def run(self) -> AsyncIterator[Sample]:
        yield VALUE(1)
        try:
            await asyncio.sleep(self.seconds)
        finally:
            self.ended.append("cleaned up")
        yield VALUE(2)


EITHER = pytest.mark.parametrize("kind", [Yields, YieldsInThread])


@EITHER
async def test_a_run_gives_its_samples_when_it_started_and_how_long_it_took(kind: type[Yields]) -> None:
    before = time.time()
    gave = await Bench(kind(what=[VALUE(3), LABELLED(4, kind="a")])).run()
    assert (gave.reason, gave.message) == ("", "")
    assert gave.samples == [VALUE(3.0), LABELLED(4.0, kind="a")]
    assert before - 0.01 <= gave.wall <= time.time()
    assert 0 <= gave.duration < 5


@EITHER
async def test_what_was_yielded_before_a_failure_is_kept(kind: type[Yields]) -> None:
    gave = await Bench(kind(what=[VALUE(3)], error=CheckFailed("stale", "it is old; look at it"))).run()
    assert (gave.reason, gave.message) == ("stale", "it is old; look at it")
    assert gave.samples == [VALUE(3.0)]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, "x"), "refused"),
        (TimeoutError(), "timeout"),
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "dns"),
        (OSError(errno.EHOSTUNREACH, "No route to host"), "unreachable"),
    ],
)
@EITHER
async def test_an_error_of_the_operating_system_is_told_in_our_words(
    kind: type[Yields], error: OSError, reason: str
) -> None:
    gave = await Bench(kind(error=error)).run()
    assert gave.reason == reason


async def test_a_node_is_named_with_its_host() -> None:
    class Refused(NodeCheck):
        async def run(self) -> AsyncIterator[Sample]:
            yield VALUE(1)
            raise ConnectionRefusedError

    gave = await Bench(Refused(), Node(name="archive", host="10.0.0.5")).run()
    assert gave.message.startswith("archive (10.0.0.5) refuses the connection")


@EITHER
@pytest.mark.parametrize("error", [ValueError(CANARY), KeyError(CANARY), SystemExit(CANARY), RecursionError(CANARY)])
async def test_a_bug_is_logged_with_its_place_and_without_its_text(
    kind: type[Yields], error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    gave = await Bench(kind(what=[VALUE(3)], error=error)).run()
    assert gave.reason == "broken"
    assert gave.samples == [VALUE(3.0)]
    assert type(error).__name__ in gave.message
    assert f"{__file__}:" in gave.message
    assert "n/check is broken" in caplog.text
    assert "in run" in caplog.text
    assert CANARY not in gave.message + caplog.text


async def test_a_run_past_its_timeout_is_cancelled_cleanly_and_keeps_its_samples() -> None:
    check = Sleeps(timeout=0.3)
    gave = await Bench(check).run()
    assert gave.reason == "timeout"
    assert "did not end within its timeout of 0.3 s" in gave.message
    assert gave.samples == [VALUE(1.0)]
    assert check.ended == ["cleaned up"]
    assert 0.3 <= gave.duration < 20


@with_time(0.2, 0.3, 0.4, 0.5, 0.6)
async def test_a_check_that_tells_of_its_deadline_itself_is_believed(seconds: float) -> None:
    class Knows(Check):
        async def run(self) -> AsyncIterator[Sample]:
            yield VALUE(1)
            await asyncio.sleep(self.time_left)
            raise CheckFailed("timeout", "silent in the phase dimse; look there")

    gave = await Bench(Knows(timeout=seconds)).run()
    assert gave.message == "silent in the phase dimse; look there"


async def test_a_check_that_swallows_its_cancellation_and_ends_is_a_timeout() -> None:
    class Swallows(Check):
        async def run(self) -> AsyncIterator[Sample]:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                yield VALUE(1)

    gave = await Bench(Swallows(timeout=0.2)).run()
    assert gave.reason == "timeout"


async def test_a_check_that_ignores_its_cancellation_is_given_up_and_counts_as_hanging() -> None:
    release = asyncio.Event()

    class Ignores(Check):
        async def run(self) -> AsyncIterator[Sample]:
            while not release.is_set():
                try:
                    await release.wait()
                except asyncio.CancelledError:
                    continue
            yield VALUE(1)

    bench = Bench(Ignores(timeout=0.2))
    gave = await bench.run()
    assert gave.reason == "timeout"
    assert bench.runner.hanging == 1
    assert bench.start() == "hanging"
    assert bench.results[-1].reason == "timeout"
    assert "an earlier run has not returned yet" in bench.results[-1].message
    release.set()
    await until(lambda: not bench.runner.under_way)
    # Its late end is no result, and from now on it runs again.
    assert len(bench.results) == 2
    assert (await bench.run()).reason == ""


async def test_a_check_never_overlaps_itself() -> None:
    bench = Bench(Sleeps(timeout=5.0))
    assert bench.start() == ""
    await asyncio.sleep(0)
    assert bench.start() == "running"
    bench.runner.cancel()


async def test_a_cancelled_run_gives_no_result_and_leaves_nothing_open() -> None:
    check = Sleeps()
    bench = Bench(check)
    bench.start()
    await asyncio.sleep(0.05)
    bench.runner.cancel()
    await until(lambda: not bench.runner.under_way)
    assert bench.results == []
    assert check.ended == ["cleaned up"]


async def test_a_run_that_is_due_as_the_one_before_times_out_is_not_lost() -> None:
    bench = Bench(Sleeps(timeout=0.5, interval=0.5))
    started = asyncio.get_running_loop().time()
    for place in range(4):
        await asyncio.sleep(max(0.0, started + place * 0.5 - asyncio.get_running_loop().time()))
        assert bench.runner.start(started + place * 0.5) == ""
    await until(lambda: len(bench.results) == 4)
    assert [gave.reason for gave in bench.results] == ["timeout"] * 4


async def test_a_cancellation_of_the_checks_own_making_is_a_bug_and_still_a_result() -> None:
    class Awaits(Check):
        async def run(self) -> AsyncIterator[Sample]:
            never = asyncio.get_running_loop().create_future()
            never.cancel()
            await never
            yield VALUE(1)

    gave = await Bench(Awaits()).run()
    assert gave.reason == "broken"
    assert "CancelledError" in gave.message


class Blocks(Check):
    """Blocks its thread until it is let go."""

    release: Any = None

    def run(self) -> Iterator[Sample]:
        yield VALUE(1)
        self.release.wait(30)
        yield VALUE(2)


async def test_a_thread_past_its_deadline_is_left_and_the_check_not_started_until_it_returns() -> None:
    release = threading.Event()
    bench = Bench(Blocks(timeout=0.2, release=release))
    gave = await bench.run()
    assert (gave.reason, gave.samples) == ("timeout", [VALUE(1.0)])
    assert bench.runner.hanging == 1
    for _ in range(3):
        assert bench.start() == "hanging"
    assert [each.reason for each in bench.results] == ["timeout"] * 4
    assert threading.active_count() < 20
    release.set()
    await until(lambda: not bench.runner.hanging)
    assert (await bench.run()).samples == [VALUE(1.0), VALUE(2.0)]
    # The list that was told is not touched by a thread that goes on.
    assert gave.samples == [VALUE(1.0)]


def test_a_process_ends_although_a_thread_of_a_check_hangs() -> None:
    script = textwrap.dedent("""
        import asyncio, threading, time
        from pacs_monitor.threads import in_thread

        async def main():
            try:
                async with asyncio.timeout(0.1):
                    await in_thread(lambda: time.sleep(3600))
            except TimeoutError:
                print("left it")

        asyncio.run(main())
    """)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=150, check=True)
    assert done.stdout == "left it\n"


@with_time(1, 4, 10)
async def test_waiting_for_the_budget_is_lateness_and_neither_duration_nor_timeout(seconds: float) -> None:
    key = ("10.0.0.5", 104)

    class Waits(Check):
        """As DicomCheck.slot does it."""

        async def run(self) -> AsyncIterator[Sample]:
            around = self.surroundings
            around.waiting = True
            try:
                waited = await around.budget.acquire(key, 1, self.interval)
            finally:
                around.waiting = False
            around.waited += waited
            around.deadline += waited
            await asyncio.sleep(0.1 * seconds)
            around.budget.release(key)
            yield VALUE(self.time_left)

    bench = Bench(Waits(timeout=0.4 * seconds))
    assert bench.budget.try_acquire(key, 1)
    bench.start()
    await asyncio.sleep(1.0 * seconds)
    assert bench.start() == "running"
    bench.budget.release(key)
    gave = await bench.result()
    assert gave.reason == ""
    assert gave.lateness >= 0.9 * seconds
    assert gave.duration < 0.8 * seconds
    assert 0 < gave.samples[0].value <= 0.31 * seconds


async def test_a_run_that_is_late_says_so() -> None:
    bench = Bench(Yields(what=[VALUE(1)]))
    bench.runner.start(asyncio.get_running_loop().time() - 2.0)
    assert 2.0 <= (await bench.result()).lateness < 5.0


MISTAKES: list[tuple[Any, str]] = [
    (1.5, "yields a float, not a sample; yield METRIC(value)"),
    (VALUE, "yields a Gauge, not a sample; yield METRIC(value)"),
    (None, "yields a NoneType, not a sample; yield METRIC(value)"),
    (Sample("pacs_value", 1.0, ()), "yields a sample of a str, not of a metric"),  # type: ignore[arg-type]
    (Sample(LABELLED, 1.0, ()), "pacs_labelled takes the labels ('kind',), not 0 of them"),
    (VALUE("7"), "pacs_value takes a number, not a str"),  # type: ignore[arg-type]
    (VALUE(None), "pacs_value takes a number, not a NoneType"),  # type: ignore[arg-type]
    (VALUE(10**400), "pacs_value: the value does not fit a float"),
    (COUNT(-1), "pacs_events_total is a counter; yield how much it grew, 0 or more"),
    (COUNT(float("nan")), "pacs_events_total is a counter; yield how much it grew, 0 or more"),
    (COUNT(float("inf")), "pacs_events_total is a counter; yield how much it grew, 0 or more"),
    (TOOK(float("nan")), "pacs_took_seconds is a histogram; yield what was observed, 0 or more"),
    (TOOK(-0.1), "pacs_took_seconds is a histogram; yield what was observed, 0 or more"),
]


@EITHER
@pytest.mark.parametrize(("wrong", "sentence"), MISTAKES)
async def test_a_mistake_of_the_author_is_told_and_costs_that_run_only(
    kind: type[Yields], wrong: Any, sentence: str, caplog: pytest.LogCaptureFixture
) -> None:
    gave = await Bench(kind(what=[VALUE(1), wrong, VALUE(2)])).run()
    assert gave.reason == "broken"
    assert gave.message == f"the check itself is broken: {__file__}: {sentence}; report it to its author"
    assert sentence in caplog.text
    assert gave.samples == [VALUE(1.0)]


async def test_the_same_mistake_is_logged_once_until_it_was_mended(caplog: pytest.LogCaptureFixture) -> None:
    class Fails(Check):
        wrong: bool = True

        async def run(self) -> AsyncIterator[Sample]:
            yield VALUE(1)
            if self.wrong:
                raise ValueError(CANARY)

    check = Fails()
    bench = Bench(check)
    for _ in range(3):
        assert (await bench.run()).reason == "broken"
    assert caplog.text.count("is broken") == 1
    assert "pacs_monitor/runner.py:" not in caplog.messages[0]
    object.__setattr__(check, "wrong", False)
    assert (await bench.run()).reason == ""
    object.__setattr__(check, "wrong", True)
    await bench.run()
    assert caplog.text.count("is broken") == 2


async def test_a_check_with_a_mistake_still_cleans_up() -> None:
    ended: list[str] = []

    class Mistaken(Check):
        async def run(self) -> AsyncIterator[Sample]:
            try:
                yield 1.0  # type: ignore[misc]
            finally:
                await asyncio.sleep(0)
                ended.append("released")

    await Bench(Mistaken()).run()
    assert ended == ["released"]


async def test_a_check_that_never_stops_yielding_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samples_module, "MOST_SAMPLES", 100)

    class Endless(Check):
        async def run(self) -> AsyncIterator[Sample]:
            while True:
                yield VALUE(1)

    gave = await Bench(Endless()).run()
    assert "yields more than 100 samples in one run" in gave.message
    assert len(gave.samples) == 100


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf"), True, 3, Decimal("1.5")])
async def test_a_gauge_takes_any_number_and_it_arrives_as_a_float(value: Any) -> None:
    gave = await Bench(Yields(what=[VALUE(value)])).run()
    assert gave.reason == ""
    assert type(gave.samples[0].value) is float
    assert repr(gave.samples[0].value) == repr(float(value))


async def test_labels_arrive_as_plain_text_that_can_be_encoded() -> None:
    class Word(str):
        pass

    gave = await Bench(Yields(what=[Sample(LABELLED, 1.0, (Word("a"),)), Sample(LABELLED, 1.0, ("\udce4",))])).run()
    assert [type(sample.labels[0]) for sample in gave.samples] == [str, str]
    assert gave.samples[1].labels == ("?",)


@pytest.mark.parametrize("error", [None, CheckFailed("stale", "it is old; look at it")])
async def test_a_check_that_only_raises_or_does_not_may_be_a_plain_coroutine(error: CheckFailed | None) -> None:
    class Plain(Check):
        async def run(self) -> None:  # type: ignore[override]
            await asyncio.sleep(0)
            if error:
                raise error

    gave = await Bench(Plain()).run()
    assert gave.reason == (error.reason if error else "")


async def test_a_plain_coroutine_past_its_timeout_is_cancelled() -> None:
    class Plain(Check):
        async def run(self) -> None:  # type: ignore[override]
            await asyncio.sleep(60)

    assert (await Bench(Plain(timeout=0.2)).run()).reason == "timeout"


@pytest.mark.parametrize(
    ("returned", "reason"),
    [(None, ""), ([VALUE(1)], ""), (1.0, "broken"), ({"a": 1}, "broken")],
)
async def test_a_plain_function_may_return_samples_or_nothing(returned: Any, reason: str) -> None:
    class Plain(Check):
        def run(self) -> Any:
            return returned

    gave = await Bench(Plain()).run()
    assert gave.reason == reason


async def test_a_broken_check_disturbs_no_other(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)
    good, bad = Bench(Yields(what=[VALUE(1)])), Bench(Yields(what=[1.0]))
    for _ in range(3):
        bad.start()
        assert (await good.run()).reason == ""


async def test_an_exception_in_a_thread_that_was_left_is_nobodys_any_more() -> None:
    release = threading.Event()

    class Fails(Check):
        def run(self) -> Iterator[Sample]:
            yield VALUE(1)
            release.wait(30)
            raise ValueError(CANARY)

    bench = Bench(Fails(timeout=0.2))
    assert (await bench.run()).reason == "timeout"
    release.set()
    await until(lambda: not bench.runner.hanging)
    assert len(bench.results) == 1


class Word(StrEnum):
    REFUSED = "refused"


async def test_a_reason_of_an_authors_enumeration_is_the_word_itself() -> None:
    class OfItsOwn(Check):
        async def run(self) -> AsyncIterator[Sample]:
            """Fail."""
            yield VALUE(1.0)
            raise CheckFailed(Word.REFUSED, "nobody there")  # type: ignore[arg-type]

    bench = Bench(OfItsOwn())
    bench.start()
    reason = (await bench.result()).reason
    assert (reason, type(reason)) == ("refused", str)  # the pipe takes nothing else
