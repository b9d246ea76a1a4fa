"""Whoever is past the time is told, whatever another one does."""

import asyncio

from pacs_monitor.overdue import Overdue
from tests.checks.support import until


async def test_one_that_raises_does_not_end_the_watch_over_all_others() -> None:
    loop = asyncio.get_running_loop()
    told: list[str] = []
    loop.set_exception_handler(lambda _, context: told.append(str(context["exception"])))
    watch, called = Overdue(loop), list[int]()

    def broken() -> None:
        raise LookupError("broken")

    watch.watch(broken, loop.time())
    watch.watch(lambda: called.append(1), loop.time())
    watch.watch(lambda: called.append(2), loop.time() + 0.2)
    await until(lambda: len(called) == 2)
    assert called == [1, 2]
    assert told == ["broken"]
