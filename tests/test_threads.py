"""What blocks runs in a thread of its own, which may hang without holding up anything."""

import asyncio
import subprocess
import sys
import threading

import pytest

from pacs_monitor.threads import in_thread
from tests.checks.support import until


async def test_a_function_gives_what_it_returns_or_raises() -> None:
    assert await in_thread(lambda: threading.current_thread() is threading.main_thread()) is False
    with pytest.raises(ZeroDivisionError):
        await in_thread(lambda: 1 // 0)


async def test_a_function_that_raises_stop_iteration_does_not_confuse_the_loop() -> None:
    with pytest.raises(RuntimeError, match="StopIteration"):
        await in_thread(lambda: next(iter([])))


async def test_a_thread_that_is_left_counts_until_it_returns() -> None:
    go_on, abandoned = threading.Event(), list[int]()
    task = asyncio.ensure_future(in_thread(lambda: go_on.wait(55), abandoned))
    await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(abandoned) == 1
    go_on.set()
    await until(lambda: not abandoned)


async def test_a_thread_that_has_answered_is_not_left() -> None:
    abandoned: list[int] = []
    for _ in range(50):
        task = asyncio.ensure_future(in_thread(lambda: None, abandoned))
        await asyncio.sleep(0.001)
        task.cancel()
        await asyncio.wait([task])
    await until(lambda: not abandoned)


async def test_a_hundred_hanging_threads_do_not_hold_up_another() -> None:
    go_on = threading.Event()
    tasks = [asyncio.ensure_future(in_thread(lambda: go_on.wait(55))) for _ in range(100)]
    await asyncio.sleep(0.01)
    assert await asyncio.wait_for(in_thread(lambda: 1), 20) == 1
    assert not any(task.done() for task in tasks)
    go_on.set()
    await asyncio.gather(*tasks)


_HANGING = """
import asyncio, time
from pacs_monitor.threads import in_thread
async def main():
    try:
        await asyncio.wait_for(in_thread(lambda: time.sleep(60)), 0.05)
    except TimeoutError:
        print("left")
asyncio.run(main())
"""


def test_a_hanging_thread_does_not_keep_the_process() -> None:
    done = subprocess.run([sys.executable, "-c", _HANGING], capture_output=True, text=True, timeout=150, check=True)
    assert (done.stdout, done.stderr) == ("left\n", "")


async def test_a_machine_without_threads_to_spare_raises_what_a_system_raises(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def start(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    with pytest.raises(OSError, match="can't start new thread"):
        await in_thread(lambda: 1)
