"""Workers that crash or hang: replaced within a second, and nobody else notices."""

import asyncio
import logging
import os
import signal
from itertools import pairwise
from pathlib import Path

import psutil
import pytest

from pacs_monitor.births import Births
from pacs_monitor.results import Results
from pacs_monitor.worker import MOST_ABANDONED
from pacs_monitor.workers import Workers
from tests.checks.support import until
from tests.noise import with_time
from tests.running import Engine, ended, engine, name_at, odd

HOWS = ["exit", "kill", "segfault", "block", "exit in a thread"]


def largest_gap(times: list[float], since: float, until: float) -> float:
    chosen = [at for at in times if since <= at <= until]
    return max(later - earlier for earlier, later in pairwise([since, *chosen, until]))


async def replaced_within(running: Engine, trigger: Path, bystander: str) -> tuple[float, float]:
    """Take the worker at place 0 down: seconds until another was there, and the other worker's largest gap."""
    old, other = running.worker_pids
    await running.more_runs(bystander)
    trigger.touch()
    await running.until(lambda: not trigger.exists())
    there = await running.until(lambda: running.worker_pids[0] != old and running.workers.alive == 2)
    down = float(trigger.with_suffix(".at").read_text())
    await asyncio.sleep(0.2)
    assert running.worker_pids[1] == other
    assert ended(old)
    return there - down, largest_gap(running.at[bystander], down - 0.2, there)


@pytest.mark.parametrize("how", HOWS)
@with_time(0.6, 2, 5)
async def test_a_worker_that_crashes_or_hangs_is_replaced_and_nobody_else_notices(
    tmp_path: Path, how: str, seconds: float
) -> None:
    folder = tmp_path / str(seconds)
    folder.mkdir()
    trigger, hung = folder / "trigger", how == "block"
    victim, steady, keeper = (name_at(0, stem) for stem in ("victim", "steady", "keeper"))
    bystander = name_at(1, "bystander")
    async with engine(folder, count=2, hangs_after=seconds if hung else 20.0) as running:
        running.apply(
            odd("takes_down", victim, how=how, trigger=trigger, interval=0.2),
            odd("steady", steady, interval=0.2),
            odd("remembers", keeper, interval=0.2),
            odd("steady", bystander, interval=0.2),
        )
        await running.more_runs(steady, keeper, victim)
        changes: list[str] = []
        running.confirmation.listeners.append(lambda record, _: changes.append(record.configured.name))
        replaced, missed = await replaced_within(running, trigger, bystander)
        assert replaced < seconds + 0.4
        assert missed < seconds
        assert running.workers.counters.restarts == {"hung" if hung else "crashed": 1}
        # All of them run again, and what was known goes on.
        await running.more_runs(steady, keeper, victim, count=3)
        for name in (steady, bystander):
            assert running.value("pacs_steady_runs_total", name) == running.record(name).runs
            assert running.value("pacs_steady_took_seconds_count", name) == running.record(name).runs
        assert running.value("pacs_remembers_runs", keeper) >= running.record(keeper).runs
        assert changes == []


async def test_whom_a_worker_was_lost_to_is_told_in_its_result(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    trigger = tmp_path / "trigger"
    async with engine() as running:
        running.apply(odd("takes_down", "victim", trigger=trigger, interval=0.2), odd("steady", interval=0.2))
        await running.more_runs("victim")
        record = running.record("victim")
        heard: list[tuple[str, str]] = []
        running.results.listeners.append(lambda each: heard.append((each.reason, each.message)))
        trigger.touch()
        await running.until(lambda: any(reason for reason, _ in heard))
        assert [each for each in heard if each[0]] == [
            (
                "broken",
                "the check itself is broken: it took the process down in which victim ran; report it to its author",
            )
        ]
        assert "victim is broken" in caplog.text
        await running.until(lambda: record.up)


async def test_a_worker_that_goes_with_the_nursery_that_would_know_why_blames_nobody(tmp_path: Path) -> None:
    gate, begun = tmp_path / "gate", tmp_path / "begun"
    gate.touch()
    async with engine() as running:
        running.apply(odd("hangs", gate=gate, begun=begun, interval=0.3, timeout=20.0))
        await running.until(begun.exists)
        old = running.workers.pids
        for pid in old:
            os.kill(pid, signal.SIGKILL)
        await running.until(lambda: not set(old) & set(running.workers.pids) and running.workers.alive)
        gate.unlink()
        await running.more_runs("hangs")
        assert running.record("hangs").failures == 0


@pytest.mark.parametrize("how", ["exit in a thread", "spin", "segfault", "kill"])
@with_time(0.6, 2, 5)
async def test_a_check_that_takes_its_worker_down_each_time_is_withheld_and_the_others_run(
    how: str, seconds: float
) -> None:
    async with engine(hangs_after=seconds if how == "spin" else 20.0) as running:
        steadies = [odd("steady", f"steady-{number}", interval=0.3) for number in range(5)]
        running.apply(odd("takes_down", "victim", how=how, interval=0.3), *steadies)
        restarts = running.workers.counters.restarts
        await running.until(lambda: sum(restarts.values()) >= 2)
        await running.more_runs(*(check.name for check in steadies), count=5)
        assert sum(restarts.values()) == 2
        victim = running.record("victim")
        assert (victim.up, victim.reason) == (False, "broken")
        runs = victim.runs
        await running.more_runs("steady-0", count=3)
        # A kill may have come from elsewhere: the first one is not held against it.
        assert victim.runs == runs == (1 if how == "kill" else 2)
        # A change may have mended it: it gets another chance.
        trigger = Path("/nowhere")
        running.apply(odd("takes_down", "victim", how=how, interval=0.3, trigger=trigger), *steadies)
        await running.until(lambda: victim.up)
        assert sum(restarts.values()) == 2


async def killed_while_it_runs(running: Engine, thread: Path) -> None:
    """Kill the worker by hand while the code of the check `hangs` runs in a thread; wait for the next one."""
    await running.until(thread.exists)
    (pid,) = running.worker_pids
    thread.unlink()
    os.kill(pid, signal.SIGKILL)
    await running.until(lambda: running.worker_pids != [pid] and running.workers.alive)


async def test_a_worker_that_is_killed_by_hand_blames_nobody(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    gate, begun = tmp_path / "gate", tmp_path / "begun"
    gate.touch()
    async with engine() as running:
        running.apply(odd("hangs", gate=gate, begun=begun, interval=0.3, timeout=20.0), odd("steady", interval=0.3))
        await killed_while_it_runs(running, begun)
        gate.unlink()
        await running.more_runs("hangs", "steady")
        assert running.record("hangs").failures == 0
        assert "is broken" not in caplog.text
        assert "it was killed from outside (SIGKILL: by hand, or for want of memory)" in caplog.text
        # What came in between counts for it: the next one is a first one again.
        gate.touch()
        begun.unlink()
        await killed_while_it_runs(running, begun)
        gate.unlink()
        await running.more_runs("hangs", "steady")
        assert running.record("hangs").failures == 0


async def test_a_check_during_which_two_workers_in_a_row_are_killed_is_withheld_and_told_what_is_known(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    gate, begun = tmp_path / "gate", tmp_path / "begun"
    gate.touch()
    async with engine() as running:
        running.apply(odd("hangs", gate=gate, begun=begun, interval=0.3, timeout=20.0), odd("steady", interval=0.3))
        for _ in range(2):
            await killed_while_it_runs(running, begun)
        record = running.record("hangs")
        assert (record.runs, record.reason, record.message) == (
            1,
            "broken",
            "the probing process was killed from outside (SIGKILL: by hand, or for want of memory) while hangs ran, "
            "and the one before it went down in its run, too; so it is withheld for a while; if the kernel's log says "
            "that memory ran out, report it to its author",
        )
        assert "hangs is withheld" in caplog.text
        assert "is broken" not in caplog.text
        await running.more_runs("steady", count=3)
        assert not begun.exists()


async def test_a_check_that_hangs_in_a_thread_is_not_blamed_for_what_another_does(tmp_path: Path) -> None:
    gate, trigger = tmp_path / "gate", tmp_path / "trigger"
    gate.touch()
    async with engine() as running:
        running.apply(
            odd("hangs", gate=gate, interval=0.3, timeout=0.2),
            odd("takes_down", "victim", trigger=trigger, interval=0.3),
        )
        await running.more_runs("hangs", count=2)
        trigger.touch()
        await running.until(lambda: running.record("victim").reason == "broken")
        assert running.record("hangs").reason == "timeout"
        gate.unlink()
        await running.until(lambda: running.record("hangs").up)


async def test_mistakes_of_authors_disturb_no_other_check(tmp_path: Path) -> None:
    kinds = ("raise", "yield a float", "exit", "yield for ever")
    async with engine() as running:
        running.apply(
            odd("steady", interval=0.3),
            odd("many_series", interval=2.0, count=2500),
            odd("stubborn", interval=0.3, timeout=0.2),
            *(odd("mistaken", f"mistaken-{place}", how=how, interval=2.0) for place, how in enumerate(kinds)),
        )
        await running.more_runs("steady", count=5)
        for place in range(len(kinds)):
            await running.until(lambda place=place: running.record(f"mistaken-{place}").reason == "broken")  # type: ignore[misc]
            assert "DOE" not in running.record(f"mistaken-{place}").message
        await running.until(lambda: running.record("stubborn").runs > 2)
        assert running.record("stubborn").reason == "timeout"
        await running.until(lambda: running.workers.abandoned == 1)
        text = running.results.exposition.render()
        assert text.count("\npacs_many_series_bytes{") == 2000
        assert running.results.dropped_series >= 500
        assert running.workers.counters.restarts == {}


async def test_threads_that_hang_are_counted_and_with_too_many_the_worker_is_replaced(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    gate.touch()
    few, many = 5, MOST_ABANDONED + 8
    async with engine() as running:
        hanging = [odd("hangs", f"hangs-{place}", gate=gate, interval=0.4, timeout=0.1) for place in range(many)]
        running.apply(odd("steady", interval=0.3), *hanging[:few])
        await running.until(lambda: running.workers.abandoned == few)
        await running.until(lambda: running.workers.counters.skipped["hanging"])
        (pid,) = running.worker_pids
        assert psutil.Process(pid).num_threads() <= few + 12
        running.apply(odd("steady", interval=0.3), *hanging)
        await running.until(lambda: running.workers.counters.restarts.get("abandoned", 0) >= 1)
        gate.unlink()
        await running.until(lambda: all(running.record(check.name).up for check in hanging))
        await running.more_runs("steady")
        await running.until(lambda: running.workers.abandoned == 0)
        assert set(running.workers.counters.restarts) == {"abandoned"}


async def test_threads_that_hang_count_on_when_their_check_is_changed_or_taken_out(tmp_path: Path) -> None:
    gate, begun = tmp_path / "gate", tmp_path / "begun"
    gate.touch()
    async with engine() as running:
        # One that was given up already, and one whose run is under way.
        for timeout in (0.1, 8.0):
            begun.unlink(missing_ok=True)
            running.apply(
                odd("steady", interval=0.3), odd("hangs", gate=gate, begun=begun, interval=0.4, timeout=timeout)
            )
            await running.until(begun.exists)
            await running.until(lambda: running.workers.abandoned == 1)
        running.apply(odd("steady", interval=0.3))
        await running.until(lambda: running.workers.abandoned == 2)
        gate.unlink()
        await running.until(lambda: running.workers.abandoned == 0)
        assert running.workers.counters.restarts == {}


async def test_if_the_nursery_dies_another_is_there_before_it_is_needed() -> None:
    async with engine() as running:
        running.apply(odd("steady", interval=0.2))
        await running.more_runs("steady")
        nursery, worker = running.workers.pids
        os.kill(nursery, signal.SIGKILL)
        await running.until(lambda: running.workers.pids[0] != nursery)
        await running.more_runs("steady", count=3)
        assert running.workers.pids[1] == worker
        os.kill(worker, signal.SIGKILL)
        await running.until(lambda: running.workers.pids[1] != worker)
        await running.more_runs("steady", count=3)
        assert running.workers.counters.restarts == {"crashed": 1}


async def test_if_nursery_and_worker_die_at_once_both_are_replaced() -> None:
    async with engine() as running:
        running.apply(odd("steady", interval=0.2))
        await running.more_runs("steady")
        old = running.workers.pids
        for pid in old:
            os.kill(pid, signal.SIGKILL)
        await running.until(lambda: not set(old) & set(running.workers.pids))
        await running.more_runs("steady", count=3)


class StillBirths(Births):
    """Each worker has ended before its pipe is looked at."""

    count = 0

    async def open(self) -> None:
        pass

    async def fork(self, *descriptors: int) -> int:
        self.count += 1
        return 0


async def test_workers_that_end_at_their_birth_are_not_started_again_and_again_without_a_pause(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("pacs_monitor.workers.SHORT_LIFE", 60.0)
    births = StillBirths(logging.CRITICAL)
    workers = Workers(Results(), None, births=births)
    await workers.start(1)
    await until(lambda: births.count >= 2)
    await asyncio.sleep(0.3)
    await workers.stop(0.1)
    assert births.count == 2  # the first is replaced at once, as one whose check crashed would be
