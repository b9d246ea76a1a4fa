import asyncio
import time
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pacs_monitor.dicom.budget import Budget

HERE = ("10.0.0.5", 104)


async def test_a_free_slot_is_taken_without_waiting() -> None:
    budget = Budget()
    assert budget.try_acquire(HERE, 1)
    assert not budget.try_acquire(HERE, 1)
    assert budget.try_acquire(("10.0.0.5", 105), 1)
    budget.release(HERE)
    assert await budget.acquire(HERE, 1, 15.0) == 0.0
    assert budget.taken(HERE) == 1


async def test_the_shortest_interval_goes_first_and_equals_in_their_order() -> None:
    budget, order = Budget(), list[str]()

    async def run(name: str, interval: float) -> None:
        await budget.acquire(HERE, 1, interval)
        order.append(name)
        await asyncio.sleep(0)
        budget.release(HERE)

    assert budget.try_acquire(HERE, 1)
    waiting = [("hourly", 3600.0), ("first", 15.0), ("second", 15.0), ("minutely", 60.0), ("fast", 5.0)]
    tasks = [asyncio.ensure_future(run(*each)) for each in waiting]
    await asyncio.sleep(0)
    budget.release(HERE)
    await asyncio.gather(*tasks)
    assert order == ["fast", "first", "second", "minutely", "hourly"]
    assert budget.taken(HERE) == 0


async def test_what_was_waited_is_told_in_seconds() -> None:
    budget = Budget()
    assert budget.try_acquire(HERE, 1)
    started = time.monotonic()
    task = asyncio.ensure_future(budget.acquire(HERE, 1, 15.0))
    await asyncio.sleep(0.05)
    budget.release(HERE)
    assert 0.04 < await task <= time.monotonic() - started


async def test_nobody_overtakes_one_who_waits() -> None:
    budget = Budget()
    assert budget.try_acquire(HERE, 1)
    task = asyncio.ensure_future(budget.acquire(HERE, 1, 15.0))
    await asyncio.sleep(0)
    budget.release(HERE)  # handed over, though the waiter has not woken yet
    assert not budget.try_acquire(HERE, 1)
    await task
    budget.release(HERE)
    assert budget.try_acquire(HERE, 1)


async def test_a_waiter_cancelled_in_the_moment_of_its_turn_passes_it_on() -> None:
    budget = Budget()
    assert budget.try_acquire(HERE, 1)
    first = asyncio.ensure_future(budget.acquire(HERE, 1, 15.0))
    second = asyncio.ensure_future(budget.acquire(HERE, 1, 15.0))
    await asyncio.sleep(0)
    budget.release(HERE)
    first.cancel()
    await second
    with pytest.raises(asyncio.CancelledError):
        await first
    budget.release(HERE)
    assert budget.taken(HERE) == 0


async def test_waiters_that_gave_up_keep_nobody_from_a_free_slot() -> None:
    budget = Budget()
    assert budget.try_acquire(HERE, 1)
    task = asyncio.ensure_future(budget.acquire(HERE, 1, 15.0))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    budget.release(HERE)
    assert budget.try_acquire(HERE, 1)


runs = st.lists(
    st.tuples(
        st.integers(0, 5),  # when it comes
        st.integers(0, 4),  # how long it holds
        st.integers(-1, 6),  # when it is cancelled, never if negative
        st.sampled_from([5.0, 15.0, 60.0]),
        st.integers(0, 1),  # which listener
    ),
    max_size=25,
)


@settings(max_examples=60, deadline=None)
@given(runs=runs, limit=st.integers(1, 3))
def test_whatever_comes_goes_and_is_cancelled_the_limit_holds_and_no_slot_is_lost(
    runs: list[tuple[int, int, int, float, int]], limit: int
) -> None:
    budget, held, most = Budget(), Counter[int](), Counter[int]()

    async def run(come: int, hold: int, interval: float, listener: int) -> None:
        key = ("host", listener)
        await _turns(come)
        await budget.acquire(key, limit, interval)
        held[listener] += 1
        most[listener] = max(most[listener], held[listener])
        try:
            await _turns(hold)
        finally:
            held[listener] -= 1
            budget.release(key)

    async def cancel(task: asyncio.Task[None], when: int) -> None:
        await _turns(when)
        task.cancel()

    async def everything() -> None:
        tasks = [asyncio.ensure_future(run(come, hold, interval, where)) for come, hold, _, interval, where in runs]
        cancelling = [cancel(task, each[2]) for task, each in zip(tasks, runs, strict=True) if each[2] >= 0]
        async with asyncio.timeout(5):  # a lost slot would leave somebody waiting
            await asyncio.gather(*tasks, *cancelling, return_exceptions=True)

    asyncio.run(everything())
    assert all(count <= limit for count in most.values())
    for listener in (0, 1):
        assert budget.taken(("host", listener)) == 0
        assert budget.try_acquire(("host", listener), 1)


async def _turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)
