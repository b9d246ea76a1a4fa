"""Time limits in tests: what an idle machine does in a moment takes a busy one seconds, and it may pause for one."""

from __future__ import annotations

import functools
import inspect
import sys
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

_FAILURES = (Exception, pytest.fail.Exception)


def calls_of(work: Callable[[], object]) -> int:
    """How many functions the work calls, in this thread: what it costs, on any machine."""
    calls = 0

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(None)
    return calls


class ShareOfThisThread:
    """What part of all that this process has computed since then was computed in this thread, whatever else runs."""

    def __init__(self) -> None:
        self._own, self._all = time.thread_time(), time.process_time()

    def now(self) -> float:
        return (time.thread_time() - self._own) / (time.process_time() - self._all)


def with_time(*limits: float) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Call the test with each of these as `seconds`, growing, until it passes; the last one decides.

    For a time limit that has to end one thing and must be enough for another.
    """

    def decorate(test: Callable[..., Any]) -> Callable[..., Any]:
        def call(**fixtures: Any) -> None:
            for limit in limits:
                try:
                    test(**fixtures, seconds=limit)
                    return
                except _FAILURES:
                    if limit == limits[-1]:
                        raise

        async def call_async(**fixtures: Any) -> None:
            for limit in limits:
                try:
                    await test(**fixtures, seconds=limit)
                    return
                except _FAILURES:
                    if limit == limits[-1]:
                        raise

        made = functools.wraps(test)(call_async if inspect.iscoroutinefunction(test) else call)
        signature = inspect.signature(test)
        others = [each for name, each in signature.parameters.items() if name != "seconds"]
        made.__signature__ = signature.replace(parameters=others)  # type: ignore[attr-defined]
        return made

    return decorate
