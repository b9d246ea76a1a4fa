"""What becomes of the workers when the main process is killed, or stands still."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.noise import with_time
from tests.running import wait_until_all_ended

ROOT = Path(__file__).parents[1]


class MainProcess:
    """tests/data/main_process.py in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.output = folder / "output"
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.data.main_process", str(folder)], cwd=ROOT, stdout=output
            )

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.output.read_text().splitlines(True) if line.endswith("\n")]

    def wait_for_runs(self, count: int, patience: float = 30.0) -> dict[str, Any]:
        deadline = time.monotonic() + patience
        while not (lines := self.lines()) or lines[-1]["runs"] < count:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        return lines[-1]


@contextmanager
def main_process(folder: Path) -> Iterator[MainProcess]:
    main = MainProcess(folder)
    try:
        yield main
    finally:
        main.process.kill()
        main.process.wait()


@pytest.mark.parametrize("blocked", [False, True])
def test_if_the_main_process_is_killed_all_others_end_by_themselves(tmp_path: Path, blocked: bool) -> None:
    with main_process(tmp_path) as main:
        pids = main.wait_for_runs(3)["pids"]
        assert len(pids) == 3
        if blocked:
            (tmp_path / "block").touch()
            while (tmp_path / "block").exists():
                time.sleep(0.005)
        os.kill(main.process.pid, signal.SIGKILL)
        wait_until_all_ended(pids)  # what blocks would do so for longer


@with_time(2, 3, 4)
def test_a_main_process_that_was_stopped_for_a_while_kills_no_healthy_worker(
    tmp_path_factory: pytest.TempPathFactory, seconds: float
) -> None:
    with main_process(tmp_path_factory.mktemp("main")) as main:
        before = main.wait_for_runs(3)
        os.kill(main.process.pid, signal.SIGSTOP)
        time.sleep(seconds)
        os.kill(main.process.pid, signal.SIGCONT)
        after = main.wait_for_runs(before["runs"] + 12)
        time.sleep(0.8)
        after = main.lines()[-1]
        assert after["pids"] == before["pids"]
        assert after["restarts"] == before["restarts"] == {}


def test_what_was_put_is_on_disk_though_the_main_process_is_killed_right_then(tmp_path: Path) -> None:
    for attempt in range(2):
        folder = tmp_path / str(attempt)
        folder.mkdir()
        with main_process(folder) as main:
            told = folder / "told"
            deadline = time.monotonic() + 30
            while not told.exists() or told.read_text().count("\n") < 2:
                assert time.monotonic() < deadline
            os.kill(main.process.pid, signal.SIGKILL)
            count = int(told.read_text().splitlines()[-1])
        connection = sqlite3.connect(folder / "state.db")
        (kept,) = connection.execute("SELECT value FROM memory WHERE key = 'count'").fetchone()
        connection.close()
        assert int(kept) >= count
