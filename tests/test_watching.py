"""Files that change while the agent runs."""

import asyncio
import time
from pathlib import Path

import pytest

from pacs_monitor import watching
from pacs_monitor.watching import WatchedFiles
from tests.checks.support import until


async def test_a_change_that_could_not_be_followed_does_not_end_the_watch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "EVERY", 0.01)
    monkeypatch.setattr(watching, "SETTLES_WITHIN", 0.01)
    file = tmp_path / "pacs-monitor.yml"
    file.write_text("site: north\n")
    watched = WatchedFiles([file], time.time_ns())
    calls = 0

    async def changed() -> None:
        nonlocal calls
        calls += 1
        raise OSError("no thread could be started")

    watch = asyncio.create_task(watched.watch(changed))
    file.write_text("site: south\n")
    await until(lambda: calls > 1)
    watch.cancel()
