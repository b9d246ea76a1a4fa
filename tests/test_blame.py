"""Which check took its worker down, and for how long it is withheld."""

import asyncio
import errno
import os
import signal
import socket
import sys
import threading

import psutil
import pytest

from pacs_monitor import births, marks
from pacs_monitor.births import Births, NurseryError
from pacs_monitor.blame import Blame
from pacs_monitor.endings import Ending
from pacs_monitor.threads import in_thread
from tests.checks.support import until
from tests.running import ended


def test_a_check_is_withheld_from_its_second_strike_in_a_row() -> None:
    blame = Blame()
    blame.strike(1, now=100.0)
    assert not blame.withheld(1)
    blame.strike(1, now=110.0)
    assert blame.withheld(1)
    assert not blame.withheld(2)


def test_a_result_in_between_clears_it() -> None:
    blame = Blame()
    for _ in range(5):
        blame.strike(1, now=100.0)
        blame.clear(1)
    assert not blame.withheld(1)


def test_it_is_withheld_twice_as_long_each_time_up_to_an_hour() -> None:
    blame, now, waits = Blame(), 0.0, []
    blame.strike(1, now)
    for _ in range(10):
        blame.strike(1, now)
        begun = now
        while not blame.pardoned(now):
            now += 1.0
        assert not blame.withheld(1)
        waits.append(now - begun)
    assert waits == [60, 120, 240, 480, 960, 1920, 3600, 3600, 3600, 3600]


def test_it_is_pardoned_once() -> None:
    blame = Blame()
    blame.strike(1, 0.0)
    blame.strike(1, 0.0)
    assert blame.pardoned(59.0) == []
    assert blame.pardoned(60.0) == [1]
    assert blame.pardoned(61.0) == []


@pytest.fixture
def board(monkeypatch: pytest.MonkeyPatch) -> marks.Board:
    made = marks.Board()
    monkeypatch.setattr(marks, "_board", marks._board)
    marks.use(made.descriptor)
    made.handed_over()
    return made


async def test_the_board_shows_whose_turn_it_is_during_each_step(board: marks.Board) -> None:
    seen: list[list[int]] = []

    async def work() -> str:
        for _ in range(3):
            seen.append(board.suspects())
            await asyncio.sleep(0)
        return "done"

    async def other() -> None:
        for _ in range(3):
            seen.append(board.suspects())
            await asyncio.sleep(0)

    task = asyncio.create_task(_awaited(7, work()))
    await asyncio.gather(task, other())
    assert await task == "done"
    assert seen == [[7], [], [7], [], [7], []]
    assert board.suspects() == []


async def _awaited(number: int, work: object) -> object:
    return await marks.marked(number, work)  # type: ignore[arg-type]


async def test_errors_and_cancellations_pass_through_a_marked_coroutine(board: marks.Board) -> None:
    ended: list[str] = []

    async def fails() -> None:
        await asyncio.sleep(0)
        raise KeyError("x")

    async def waits() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0)
            ended.append("cleaned up")

    with pytest.raises(KeyError):
        await marks.marked(7, fails())
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await marks.marked(7, waits())
    assert ended == ["cleaned up"]
    assert board.suspects() == []


async def test_a_coroutine_that_is_thrown_away_is_closed(board: marks.Board) -> None:
    ended: list[str] = []

    async def waits() -> None:
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            ended.append("closed")

    made = _awaited(7, waits())
    made.send(None)
    made.close()
    assert ended == ["closed"]


async def test_a_thread_of_a_check_is_on_the_board_until_it_returns(board: marks.Board) -> None:
    release = threading.Event()

    async def work() -> None:
        await in_thread(lambda: release.wait(20))

    task = asyncio.create_task(_awaited(7, work()))
    await asyncio.sleep(0.05)
    assert board.suspects() == [7]
    assert board.suspects(threads=False) == []
    release.set()
    await task
    assert board.suspects() == []


async def test_a_thread_that_belongs_to_no_check_is_not_on_the_board(board: marks.Board) -> None:
    release = threading.Event()
    task = asyncio.create_task(in_thread(lambda: release.wait(20)))
    await asyncio.sleep(0.05)
    assert board.suspects() == []
    release.set()
    await task


async def test_more_threads_than_the_board_has_room_for_are_no_error(board: marks.Board) -> None:
    release = threading.Event()

    async def work() -> None:
        await asyncio.gather(*(in_thread(lambda: release.wait(20)) for _ in range(300)))

    task = asyncio.create_task(_awaited(7, work()))
    await asyncio.sleep(0.2)
    release.set()
    await task
    assert board.suspects() == []
    assert len(marks._free) == 255


def test_a_board_outlives_the_process_that_wrote_on_it() -> None:
    board = marks.Board()
    pid = os.fork()
    if pid == 0:
        marks.use(board.descriptor)
        marks.mark(42)
        os._exit(0)
    os.waitpid(pid, 0)
    board.handed_over()
    assert board.suspects() == [42]


async def test_the_nursery_tells_how_a_worker_ended_and_keeps_no_zombie() -> None:
    made = Births(level=50)
    await made.open()
    board, (ours, theirs) = marks.Board(), socket.socketpair()
    with ours, theirs:
        pid = await made.fork(theirs.fileno(), board.descriptor)
        board.handed_over()
        assert await made.ending(pid) == Ending(None)  # it lives
        os.kill(pid, signal.SIGSEGV)
        assert await made.ending(pid) == Ending(-signal.SIGSEGV)
        assert await made.ending(pid) == Ending(None)
        assert not psutil.pid_exists(pid)
    await made.close()


async def test_a_nursery_that_does_not_come_up_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    made = Births(level=40)
    with pytest.raises(NurseryError, match="the process that starts workers does not come up"):
        await made.open()
    await made.close()


async def test_a_nursery_that_cannot_be_replaced_for_want_of_files_is_replaced_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made, refused = Births(level=50), list[int]()
    await made.open()
    first = made.pid
    assert first is not None

    def no_more() -> None:
        refused.append(1)
        monkeypatch.undo()
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(socket, "socketpair", no_more)
    os.kill(first, signal.SIGKILL)
    await until(lambda: bool(refused) and made.pid != first)
    await made.close()


async def test_a_nursery_that_stands_still_is_replaced_and_not_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(births, "FORKS_WITHIN", 0.3)
    made = Births(level=50)
    await made.open()
    first = made.pid
    assert first is not None
    os.kill(first, signal.SIGSTOP)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        board = marks.Board()
        assert await made.fork(theirs.fileno(), board.descriptor)
        board.handed_over()
    second = made.pid
    assert second is not None
    await until(lambda: ended(first))
    os.kill(second, signal.SIGSTOP)
    await made.close()
    await until(lambda: ended(second))
