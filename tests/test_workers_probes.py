"""Runs that a person asks for, and what the peer sees of them: an association at a time, released at the end."""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pynetdicom import AE, evt
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]

from pacs_monitor import workers
from pacs_monitor.asking import ProbeReport
from pacs_monitor.node import Node
from pacs_monitor.settings import ConfiguredCheck
from pacs_monitor.worker import MOST_ABANDONED
from tests.engine import CHECKS, from_file
from tests.noise import with_time
from tests.peers.ports import free_port
from tests.running import Engine, ended, engine, odd

EVENTS = {
    evt.EVT_CONN_OPEN: "opened",
    evt.EVT_CONN_CLOSE: "closed",
    evt.EVT_ACCEPTED: "accepted",
    evt.EVT_RELEASED: "released",
    evt.EVT_ABORTED: "aborted",
}


class CountingScp:
    """A pynetdicom SCP that thinks a while about a C-ECHO and counts what becomes of associations."""

    def __init__(self) -> None:
        self.port = free_port()
        self.counts: Counter[str] = Counter()
        self.most = 0
        """C-ECHOs that it thought about at the same time, at most."""
        self._inside = 0
        self.gate = threading.Event()
        self.gate.set()
        ae = AE("SCP")
        ae.maximum_associations = 100  # it counts those, too, whose threads are about to end
        ae.add_supported_context(Verification)
        handlers: list[Any] = [(event, self._count, [word]) for event, word in EVENTS.items()]
        handlers.append((evt.EVT_C_ECHO, self._echo))
        self._server: Any = ae.start_server(("127.0.0.1", self.port), block=False, evt_handlers=handlers)

    def _count(self, event: evt.Event, word: str) -> None:
        self.counts[word] += 1

    def _echo(self, event: evt.Event) -> int:
        self.counts["echoes"] += 1
        self._inside += 1
        self.most = max(self.most, self._inside)
        time.sleep(0.005)
        self.gate.wait(55)
        self._inside -= 1
        return 0

    def shutdown(self) -> None:
        self.gate.set()
        self._server.shutdown()

    async def until(self, word: str, count: int) -> None:
        ends = time.monotonic() + 30
        while self.counts[word] < count:
            assert time.monotonic() < ends, self.counts
            await asyncio.sleep(0.01)


@pytest.fixture
def scp() -> Iterator[CountingScp]:
    made = CountingScp()
    yield made
    made.shutdown()


def echo(scp: CountingScp, name: str = "archive", check: str = "", **settings: Any) -> ConfiguredCheck:
    node = Node(name=name, host="127.0.0.1", port=scp.port, ae_title="SCP", max_associations=50)
    return from_file(CHECKS / "c_echo.py", node, check, **settings)


def record(running: Engine, name: str = "archive", check: str = "c_echo") -> Any:
    return running.results.records[name, check]


async def test_a_probe_gives_what_the_run_gave(scp: CountingScp) -> None:
    async with engine(scheduled=False) as running:
        running.apply(echo(scp))
        before = time.time()
        report = await running.workers.probe(record(running))
        assert (report.reason, report.message) == ("", "")
        assert before - 1 < report.started < time.time() + 1
        phases = [labels["phase"] for name, labels, _ in report.samples if name == "pacs_dicom_phase_seconds"]
        assert sorted(phases) == ["associate", "connect", "dimse", "dns", "release"]
        assert record(running).runs == 1


async def test_without_a_schedule_nothing_runs_unless_it_is_asked_for(scp: CountingScp) -> None:
    async with engine(scheduled=False) as running:
        running.apply(echo(scp, interval=0.2))
        await asyncio.sleep(0.8)
        assert scp.counts["opened"] == 0


async def test_a_probe_right_after_the_order_finds_the_check_loaded(scp: CountingScp) -> None:
    async with engine(scheduled=False) as running:
        checks = [echo(scp, f"n{number}") for number in range(20)]
        running.apply(*checks)
        reports = await asyncio.gather(*(running.workers.probe(each) for each in running.results))
        assert [report.reason for report in reports] == [""] * 20


async def test_probes_while_a_run_is_under_way_share_its_one_association(scp: CountingScp) -> None:
    scp.gate.clear()
    async with engine() as running:
        running.apply(echo(scp, interval=0.4, timeout=40.0))
        await scp.until("echoes", 1)
        probes = [asyncio.create_task(running.workers.probe(record(running))) for _ in range(5)]
        await asyncio.sleep(0.5)
        assert scp.counts["opened"] == 1
        scp.gate.set()
        reports = await asyncio.gather(*probes)
        assert len({report.started for report in reports}) == 1
        assert {report.reason for report in reports} == {""}
        assert scp.most == 1


@with_time(1, 4, 10)
async def test_a_due_run_right_after_a_probe_is_left_out(scp: CountingScp, seconds: float) -> None:
    async with engine() as running:
        running.apply(echo(scp, interval=seconds))
        await running.until(lambda: record(running).runs == 1)
        started = record(running).last_run
        await asyncio.sleep(max(0.0, started + 0.9 * seconds - time.time()))
        await running.workers.probe(record(running))
        await asyncio.sleep(0.4 * seconds)
        assert record(running).runs == 2


async def test_a_probe_of_a_check_that_takes_its_worker_down_is_a_connection_error() -> None:
    async with engine(scheduled=False) as running:
        running.apply(odd("takes_down", "victim"), odd("steady"))
        with pytest.raises(ConnectionError, match="the worker ended while the check ran"):
            await running.workers.probe(running.record("victim"))
        report = await running.workers.probe(running.record("steady"))
        assert report.reason == ""


async def test_a_probe_of_a_check_that_is_withheld_says_so() -> None:
    async with engine() as running:
        running.apply(odd("takes_down", "victim", interval=0.3))
        restarts = running.workers.counters.restarts
        await running.until(lambda: restarts.get("crashed", 0) == 2 and running.workers.alive == 1)
        report = await running.workers.probe(running.record("victim"))
        assert report.reason == "broken"
        assert report.message.startswith("the check itself is broken: it took the process down")


async def test_a_probe_of_a_check_that_is_taken_out_meanwhile_is_answered(scp: CountingScp) -> None:
    scp.gate.clear()
    async with engine(scheduled=False) as running:
        running.apply(echo(scp, timeout=40.0))
        probe = asyncio.create_task(running.workers.probe(record(running)))
        await scp.until("echoes", 1)
        running.apply()
        report = await asyncio.wait_for(probe, 20)
        assert report.reason == "not_found"
        scp.gate.set()
        await scp.until("aborted", 1)


async def test_a_probe_of_a_check_whose_thread_hangs_is_answered_at_once(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    gate.touch()
    async with engine() as running:
        running.apply(odd("hangs", gate=gate, interval=0.5, timeout=0.2))
        await running.until(lambda: running.workers.abandoned == 1)
        report = await asyncio.wait_for(running.workers.probe(running.record("hangs")), 20)
        assert report.reason == "timeout"
        assert "an earlier run has not returned yet" in report.message
        gate.unlink()


async def test_a_probe_that_is_under_way_when_the_agent_ends_is_a_connection_error(scp: CountingScp) -> None:
    scp.gate.clear()
    async with engine(scheduled=False) as running:
        running.apply(echo(scp, timeout=40.0))
        probe = asyncio.create_task(running.workers.probe(record(running)))
        await scp.until("echoes", 1)
        await running.workers.stop(2.5)
        with pytest.raises(ConnectionError):
            await asyncio.wait_for(probe, 20)


async def test_every_association_is_released_or_aborted_and_none_just_closed_when_workers_are_stopped(
    scp: CountingScp,
) -> None:
    async with engine(count=2, scheduled=False) as running:
        running.apply(*(echo(scp, f"n{number}", timeout=40.0) for number in range(8)))
        await asyncio.gather(*(running.workers.probe(each) for each in running.results))
        await scp.until("released", 8)
        scp.gate.clear()
        probes = [asyncio.create_task(running.workers.probe(each)) for each in running.results]
        await scp.until("echoes", 16)
        assert await running.workers.stop(20)  # False if it had to kill one
        await asyncio.gather(*probes, return_exceptions=True)
        scp.gate.set()
        await scp.until("aborted", 8)
        await scp.until("closed", 16)
    assert scp.counts["accepted"] == scp.counts["released"] + scp.counts["aborted"] == 16


@with_time(0.4, 2, 8)
async def test_a_run_that_times_out_aborts_its_association(scp: CountingScp, seconds: float) -> None:
    scp.gate.clear()
    async with engine(scheduled=False) as running:
        running.apply(echo(scp, timeout=seconds))
        report = await running.workers.probe(record(running))
        assert report.reason == "timeout"
        scp.gate.set()
        await scp.until("aborted", 1)


async def test_a_node_that_takes_one_association_sees_one_though_many_checks_are_due(scp: CountingScp) -> None:
    node = Node(name="archive", host="127.0.0.1", port=scp.port, ae_title="SCP")
    async with engine() as running:
        running.apply(
            *(
                from_file(CHECKS / "c_echo.py", node, f"echo-{number}", interval=0.3, timeout=20.0)
                for number in range(12)
            )
        )
        await running.until(lambda: all(each.runs >= 3 for each in running.results))
        assert [(each.reason, each.message) for each in running.results if not each.up] == []
        assert scp.most == 1


async def too_many_hang(running: Engine, scp: CountingScp, gate: Path) -> asyncio.Task[ProbeReport]:
    """A run that waits for its answer while its worker asks to be replaced: the person who has asked for it."""
    gate.touch()
    scp.gate.clear()
    many = [odd("hangs", f"hangs-{place}", gate=gate, interval=0.4, timeout=0.1) for place in range(MOST_ABANDONED + 4)]
    running.apply(echo(scp, timeout=40.0, interval=60.0), *many)
    asked = asyncio.create_task(running.workers.probe(record(running)))
    await scp.until("echoes", 1)
    await running.until(lambda: running.workers.counters.restarts == {"abandoned": 1})
    return asked


async def test_a_worker_with_too_many_threads_that_hang_brings_its_runs_to_an_end_before_it_is_replaced(
    scp: CountingScp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "RETIRES_WITHIN", 50.0)
    gate = tmp_path / "gate"
    async with engine() as running:
        asked, old = await too_many_hang(running, scp, gate), running.worker_pids
        await asyncio.sleep(0.3)
        assert (running.worker_pids, running.workers.alive) == (old, 1)
        gate.unlink()
        scp.gate.set()
        report = await asyncio.wait_for(asked, 20)
        assert report.reason == ""
        await scp.until("released", 1)
        await running.until(lambda: running.worker_pids != old and running.workers.alive == 1)
        assert ended(*old)
        await running.more_runs("hangs-0")
        assert scp.counts["aborted"] == 0
        assert scp.counts["opened"] == scp.counts["released"]


async def test_a_run_that_does_not_end_in_time_is_aborted_and_what_was_asked_is_asked_of_the_next_worker(
    scp: CountingScp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "RETIRES_WITHIN", 0.3)
    gate = tmp_path / "gate"
    async with engine() as running:
        asked, old = await too_many_hang(running, scp, gate), running.worker_pids
        gate.unlink()
        await running.until(lambda: running.worker_pids != old)
        scp.gate.set()
        assert (await asyncio.wait_for(asked, 20)).reason == ""
        await scp.until("aborted", 1)
        assert running.workers.counters.restarts == {"abandoned": 1}


async def test_an_agent_that_ends_does_not_wait_for_a_worker_that_is_being_replaced(
    scp: CountingScp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "RETIRES_WITHIN", 50.0)
    async with engine() as running:
        asked = await too_many_hang(running, scp, tmp_path / "gate")
        assert await running.workers.stop(20)  # False if it had to kill one
        with pytest.raises(ConnectionError):
            await asyncio.wait_for(asked, 20)
        scp.gate.set()
        await scp.until("aborted", 1)
