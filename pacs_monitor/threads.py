"""Functions that block, each in a daemon thread of its own.

A thread that hangs in the kernel cannot be ended. ThreadPoolExecutor would keep a place for it and keep the
process from ending; here it takes no place, and the process goes without it.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import threading
from collections.abc import Callable, MutableSequence
from typing import Any, TypeVar

from pacs_monitor import marks

T = TypeVar("T")


async def in_thread(function: Callable[[], T], abandoned: MutableSequence[int] | None = None) -> T:
    """What the function returns or raises. If the caller is cancelled first, the thread is left to itself.

    Raises OSError if no thread can be started.

    `abandoned` holds the identities of threads that were left and have not returned yet.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[T] = loop.create_future()
    returned = False
    place = marks.thread_begins()

    def deliver(value: Any, error: BaseException | None) -> None:
        nonlocal returned
        returned = True
        marks.thread_ends(place)
        ident = thread.ident
        if abandoned is not None and ident is not None and ident in abandoned:
            abandoned.remove(ident)
        if answer.done():
            return
        if error is None:
            answer.set_result(value)
        elif isinstance(error, StopIteration):
            answer.set_exception(RuntimeError("the function raised StopIteration"))
        else:
            answer.set_exception(error)

    def work() -> None:
        value: Any = None
        error: BaseException | None = None
        try:
            value = function()
        except BaseException as raised:  # noqa: BLE001 - carried over to the caller, whatever it is
            error = raised
        # A closed loop raises: then nobody waits any more.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(deliver, value, error)

    thread = threading.Thread(target=work, name=getattr(function, "__name__", "check"), daemon=True)
    try:
        thread.start()
    except RuntimeError as error:
        marks.thread_ends(place)
        raise OSError(errno.EAGAIN, str(error)) from None
    try:
        return await answer
    except asyncio.CancelledError:
        # Not is_alive: a thread may take a moment to end after its answer has come, and would count for ever.
        if abandoned is not None and not returned and thread.ident is not None:
            abandoned.append(thread.ident)
        raise
