"""What checks keep, from the check to the disk and back, through every end of a process."""

import os
import signal
import sqlite3
from pathlib import Path

from tests.running import engine, odd


async def test_what_a_check_keeps_survives_a_reload_a_crash_and_a_restart(tmp_path: Path) -> None:
    async with engine(tmp_path) as running:
        running.apply(odd("remembers", interval=0.2))
        await running.more_runs("remembers")
        running.apply(odd("remembers", interval=0.2, timeout=0.15))
        await running.more_runs("remembers")
        os.kill(running.worker_pids[0], signal.SIGKILL)
        await running.more_runs("remembers")
        count = running.value("pacs_remembers_runs", "remembers")
        assert count >= running.record("remembers").runs
    async with engine(tmp_path) as running:
        running.apply(odd("remembers", interval=0.2))
        await running.more_runs("remembers", count=1)
        assert running.value("pacs_remembers_runs", "remembers") > count
        running.apply()
        running.apply(odd("remembers", interval=0.2))
        await running.more_runs("remembers", count=1)
        assert running.value("pacs_remembers_runs", "remembers") == 1


async def test_what_must_stay_stays_when_the_check_is_taken_out(tmp_path: Path) -> None:
    async with engine(tmp_path) as running:
        running.apply(odd("remembers", interval=0.2, stay=True))
        await running.more_runs("remembers", count=2)
        count = running.value("pacs_remembers_runs", "remembers")
        running.apply()
        running.apply(odd("remembers", interval=0.2, stay=True))
        await running.more_runs("remembers", count=1)
        assert running.value("pacs_remembers_runs", "remembers") > count


async def test_what_is_deleted_is_gone_at_once_and_after_a_restart(tmp_path: Path) -> None:
    async with engine(tmp_path) as running:
        running.apply(odd("remembers", interval=0.2))
        await running.more_runs("remembers", count=2)
        running.apply(odd("remembers", interval=0.2, forget=True))
        await running.more_runs("remembers", count=2)
        assert running.record("remembers").up
        assert running.state is not None
        assert running.state.load_memory() == {}


async def test_a_check_that_cannot_keep_what_it_must_is_told_so(tmp_path: Path) -> None:
    async with engine(tmp_path) as running:
        assert running.state is not None
        running.state.submit(lambda connection: None).result(5)
        running.state._connection.execute("PRAGMA busy_timeout = 50")
        running.apply(odd("remembers", interval=0.3), odd("steady", interval=0.3))
        await running.more_runs("remembers", count=1)
        other = sqlite3.connect(tmp_path / "state.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        record = running.record("remembers")
        await running.until(lambda: record.up is False)
        assert record.reason == "broken"
        assert record.message == (
            "the agent could not save what its check of remembers must keep (database is locked); "
            "look at the disk of data_dir"
        )
        assert running.state.failing
        await running.more_runs("steady")
        other.execute("ROLLBACK")
        other.close()
        await running.until(lambda: record.up)
        assert running.state.failing == ""


async def test_without_a_state_file_a_check_that_must_keep_something_says_so() -> None:
    async with engine() as running:
        running.apply(odd("remembers", interval=0.3))
        await running.until(lambda: running.record("remembers").reason == "broken")
        why = "(there is no state file; start the agent first, and probe as its user)"
        assert why in running.record("remembers").message
