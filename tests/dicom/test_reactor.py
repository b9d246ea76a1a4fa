import asyncio
import os
import socket

from pacs_monitor.dicom.reactor import CLOSING, READABLE, EpollWatcher, LoopWatcher, watch_with, watcher
from tests.checks.support import until
from tests.conftest import StartRawServer
from tests.dicom.pdus import answer_with
from tests.dicom.support import on_each_loop, probe, run_on, told
from tests.noise import with_time


async def test_each_loop_has_one_watcher_and_it_may_be_chosen() -> None:
    loop = asyncio.get_running_loop()
    assert watcher(loop) is watcher(loop)
    assert isinstance(watcher(loop), EpollWatcher)
    chosen = LoopWatcher()
    watch_with(loop, chosen)
    assert watcher(loop) is chosen


async def test_epoll_tells_what_may_be_read_and_that_nothing_more_comes() -> None:
    watching, events = EpollWatcher(asyncio.get_running_loop()), list[int]()
    one, other = socket.socketpair()
    with one, other:
        one.setblocking(False)
        watching.add(one, events.append)
        await until(lambda: len(events) == 1)
        assert not events.pop() & (READABLE | CLOSING)
        other.send(b"!")
        other.close()
        await until(lambda: bool(events and events[-1] & CLOSING))
        assert events[-1] & READABLE
        watching.remove(one)
        watching.remove(one)


async def test_a_copy_that_a_child_holds_does_not_wake_the_next_socket_of_that_number() -> None:
    watching, events = EpollWatcher(asyncio.get_running_loop()), list[int]()
    one, other = socket.socketpair()
    number = one.fileno()
    watching.add(one, events.append)
    copy = os.dup(number)  # what a fork leaves behind
    watching.remove(one)
    one.close()
    third, fourth = socket.socketpair()
    assert third.fileno() == number, "the lowest free number goes to the next one"
    watching.add(third, events.append)
    await until(lambda: len(events) == 1)
    other.send(b"for the first one")
    await asyncio.sleep(0.05)
    assert len(events) == 1
    watching.remove(third)
    os.close(copy)
    for each in (other, third, fourth):
        each.close()


@on_each_loop
@with_time(0.5, 3, 10)
def test_many_probes_at_once_are_kept_apart(raw_server: StartRawServer, kind: str, seconds: float) -> None:
    well, silent = raw_server(answer_with({})), raw_server(answer_with({4: None}))

    async def together() -> list[tuple[str, str]]:
        probes = [probe(well.port, 10) if number % 4 else probe(silent.port, seconds) for number in range(100)]
        return [told(outcome) for outcome in await asyncio.gather(*probes)]

    answers = run_on(kind, together())
    assert [reason for reason, _ in answers] == ["" if number % 4 else "timeout" for number in range(100)]


async def test_a_callback_that_raises_costs_no_other_socket_its_event() -> None:
    loop = asyncio.get_running_loop()
    watching, events = EpollWatcher(loop), list[int]()
    told: list[str] = []
    loop.set_exception_handler(lambda _, context: told.append(str(context["exception"])))

    def broken(_: int) -> None:
        raise LookupError("broken")

    pairs = [socket.socketpair() for _ in range(3)]
    for (one, _), callback in zip(pairs, (broken, events.append, broken), strict=True):
        watching.add(one, callback)
    await until(lambda: len(told) == 2 and len(events) == 1)
    assert told == ["broken", "broken"]
    for one, other in pairs:
        watching.remove(one)
        one.close()
        other.close()
