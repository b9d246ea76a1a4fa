"""Checks that come, change and go while their worker runs, and workers that are told to end."""

import asyncio
import os
import signal
import time
from pathlib import Path

import pytest

from pacs_monitor.node import Node
from tests.dicom.support import open_files
from tests.engine import from_file
from tests.noise import with_time
from tests.running import engine, odd, wait_until_all_ended

ROOT = Path(__file__).parents[1]


async def test_a_changed_check_is_started_anew_and_only_that_one() -> None:
    def made(name: str) -> float:
        return running.value("pacs_steady_made_timestamp_seconds", name)

    async with engine() as running:
        running.apply(odd("steady", "a", interval=0.2), odd("steady", "b", interval=0.2))
        await running.more_runs("a", "b")
        a, b, runs = made("a"), made("b"), running.value("pacs_steady_runs_total", "a")
        running.apply(odd("steady", "a", interval=0.2, value=7.0), odd("steady", "b", interval=0.2))
        await running.until(lambda: running.value("pacs_steady_value", "a") == 7.0)
        await running.more_runs("b")
        assert made("a") != a
        assert made("b") == b
        assert running.value("pacs_steady_runs_total", "a") > runs


async def test_a_check_that_is_taken_out_runs_no_more(tmp_path: Path) -> None:
    told = tmp_path / "told"
    async with engine(tmp_path) as running:
        running.apply(odd("remembers", interval=0.2, told=told), odd("steady", interval=0.2))
        await running.more_runs("remembers")
        running.apply(odd("steady", interval=0.2))
        await running.workers.probe(running.record("steady"))  # what was sent before has arrived, too
        await asyncio.sleep(0.3)
        lines = told.read_text()
        await running.more_runs("steady", count=4)
        assert told.read_text() == lines
        assert "remembers" not in running.results.exposition.render()


async def test_a_check_that_comes_and_goes_in_one_moment_is_not_left_behind(tmp_path: Path) -> None:
    told = tmp_path / "told"
    async with engine(tmp_path) as running:
        for _ in range(20):
            running.apply(odd("remembers", interval=0.2, told=told), odd("steady", interval=0.2))
            running.apply(odd("steady", interval=0.2))
        await running.more_runs("steady", count=6)
        assert not told.exists() or told.read_text().count("\n") < 3
        lines = told.read_text() if told.exists() else ""
        await running.more_runs("steady", count=4)
        assert (told.read_text() if told.exists() else "") == lines


async def test_a_file_that_cannot_be_loaded_any_more_is_told_and_the_others_run(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source = tmp_path / "steady.py"
    source.write_text((ROOT / "tests/data/odd_checks/steady.py").read_text())
    check = from_file(source, None, "gone", interval=0.2)
    source.write_text("def")
    async with engine() as running:
        running.apply(check, odd("steady", interval=0.2))
        await running.more_runs("steady")
        assert running.workers.counters.broken == 1
        assert f"{source}: LoadError: cannot be loaded" in caplog.text
        report = await running.workers.probe(running.record("gone"))
        assert (report.reason, report.message) == (
            "not_found",
            "the check is not loaded; the agent's log says why",
        )


@with_time(0.6, 0.7, 0.8, 0.9, 1)
async def test_a_thousand_checks_are_loaded_without_the_worker_seeming_to_hang(seconds: float) -> None:
    async with engine(hangs_after=seconds) as running:
        running.apply(*(odd("steady", f"steady-{number}", interval=2.0) for number in range(1000)))
        await running.until(lambda: all(record.runs for record in running.results))
        assert running.workers.counters.restarts == {}


async def test_a_node_is_always_on_the_same_worker() -> None:
    nodes = [Node(name=f"ct{number}", host=f"10.0.0.{number % 20}", port=4242) for number in range(60)]
    async with engine(count=3, scheduled=False) as running:
        checks = [odd("steady", f"c{place}", node) for node in nodes for place in range(2)]
        running.apply(*checks)
        places: dict[str, set[int]] = {}
        for record in running.results:
            assert record.node is not None
            places.setdefault(str(record.node.host), set()).add(running.workers.place_of(record))
        assert all(len(found) == 1 for found in places.values())
        assert {place for found in places.values() for place in found} == {0, 1, 2}


async def test_workers_that_are_stopped_end_by_themselves(tmp_path: Path) -> None:
    async with engine(tmp_path, count=2) as running:
        running.apply(*(odd("steady", f"s{number}", interval=0.2) for number in range(10)))
        await running.more_runs("s0")
        pids = running.workers.pids
        assert await running.workers.stop(20)  # False if it had to kill one
        wait_until_all_ended(pids)


async def test_stopping_does_not_wait_for_a_thread_that_hangs(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    gate.touch()
    async with engine() as running:
        running.apply(
            odd("hangs", gate=gate, interval=0.3, timeout=0.2), odd("hangs", "other", gate=gate, interval=0.3)
        )
        await running.until(lambda: running.workers.abandoned >= 1)
        pids = running.workers.pids
        assert await running.workers.stop(20)  # False if it had to kill one
        wait_until_all_ended(pids)


async def test_a_worker_that_does_not_hear_is_killed_when_the_time_is_over(tmp_path: Path) -> None:
    trigger = tmp_path / "trigger"
    async with engine() as running:
        running.apply(odd("takes_down", how="block", trigger=trigger, interval=0.2))
        await running.more_runs("takes_down")
        pids = running.workers.pids
        trigger.touch()
        await running.until(lambda: not trigger.exists())
        started = time.monotonic()
        assert not await running.workers.stop(0.5)
        assert time.monotonic() - started < 15  # it would go on for 30 s
        wait_until_all_ended(pids)
        assert running.workers.counters.restarts == {}


async def test_nothing_is_left_open_when_workers_were_replaced() -> None:
    async with engine() as running:
        running.apply(odd("steady", interval=0.2))
        await running.more_runs("steady")

        async def replace() -> None:
            (pid,) = running.worker_pids
            os.kill(pid, signal.SIGKILL)
            await running.until(lambda: running.worker_pids != [pid] and running.workers.alive)
            await running.more_runs("steady", count=1)

        await replace()
        before = open_files()
        for _ in range(5):
            await replace()
        assert open_files() <= before + 2


async def test_a_check_that_only_a_worker_cannot_make_keeps_no_other_from_being_loaded() -> None:
    async with engine() as running:
        running.apply(odd("picky", at_home=os.getpid(), interval=0.2), odd("steady", interval=0.2))
        await running.more_runs("steady")
        assert running.workers.counters.broken == 1
        assert running.workers.counters.restarts == {}
