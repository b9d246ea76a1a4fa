"""`pacs-monitor diagnose`: walk to a DICOM service step by step, and say where it breaks and why.

Opens one association at a time, and sends nothing but a C-ECHO and, if that is answered, a C-FIND.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pacs_monitor.check import CheckFailed, perf_counter
from pacs_monitor.diagnosing.asking import find
from pacs_monitor.diagnosing.closer import LOOK, Closer
from pacs_monitor.diagnosing.diagnosis import Evidence, Step, Target, Verdict, show_address
from pacs_monitor.diagnosing.steps import SOP_CLASSES, Say
from pacs_monitor.diagnosing.storing import Store
from pacs_monitor.diagnosing.talks import NODE, Talks
from pacs_monitor.diagnosing.tracing import Trace
from pacs_monitor.diagnosing.verdicts import judge
from pacs_monitor.dicom.connect import Address
from pacs_monitor.dicom.contexts import STUDY_ROOT_FIND
from pacs_monitor.dicom.reactor import watcher
from pacs_monitor.resolve import Resolver, literal
from pacs_monitor.threads import in_thread

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["SOP_CLASSES", "Step", "Target", "Verdict", "diagnose", "run"]

QUIET = 0.1
"""Seconds without news after which what is known is shown."""
LOOK_SHARE = 0.3
"""The share of all time that is kept for a closer look."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


async def diagnose(
    target: Target,
    *,
    resolver: Resolver | None = None,
    now: Callable[[], datetime] = _utc_now,
    trace: Trace | None = None,
    store: Store | None = None,
) -> AsyncIterator[Step | Verdict]:
    """Each step as it ends, then the verdict. What is said on the wire goes into the trace, but not what is stored."""
    steps: asyncio.Queue[Step | None] = asyncio.Queue()
    walk = _Walk(target, resolver or Resolver(), steps.put_nowait, trace, store)
    walking = asyncio.ensure_future(walk.go())
    walking.add_done_callback(lambda _: steps.put_nowait(None))
    try:
        async for step in _in_quiet_moments(steps):
            yield step
        await walking
    finally:
        walking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await walking
    yield judge(walk.evidence, now())


async def _in_quiet_moments(steps: asyncio.Queue[Step | None]) -> AsyncIterator[Step]:
    """Hand steps on while nothing is measured: printing takes longer than an association, on the same loop."""
    step = await steps.get()
    while step is not None:
        batch: list[Step | None] = [step]
        with contextlib.suppress(TimeoutError):
            while batch[-1] is not None:
                async with asyncio.timeout(QUIET):
                    batch.append(await steps.get())
        for each in batch:
            if each is None:
                return
            yield each
        step = await steps.get()


class _Walk:
    def __init__(self, target: Target, resolver: Resolver, say: Say, trace: Trace | None, store: Store | None) -> None:
        self.evidence = Evidence(target)
        self._target = target
        self._resolver = resolver
        self._say = say
        self._talks = Talks(target, trace)
        self._store = store
        self._loop = asyncio.get_running_loop()
        self._ends = self._loop.time() + target.timeout

    async def go(self) -> None:
        evidence, target = self.evidence, self._target
        watcher(self._loop)  # it has the kernel stamp what arrives, which takes a moment
        deadline = self._ends - min(LOOK, target.timeout * LOOK_SHARE)
        try:
            addresses = await self._look_up(deadline)
            evidence.ours = await in_thread(self._talks.read_certificates)
        except CheckFailed as failure:
            evidence.failure, evidence.phase = failure, failure.reason
            self._say(Step(failure.reason, "failed", None, failure.message))
            return
        address = await self._associate(addresses, deadline)
        if evidence.failure is not None and addresses:
            closer = Closer(evidence, self._talks, self._say, self._ends)
            await closer.look(address or addresses[0], connected=address is not None)
            self.evidence = closer.evidence
        elif evidence.failure is None:
            await self._ask_more()

    async def _ask_more(self) -> None:
        """What it does beside answering a C-ECHO; only what it says that it does."""
        evidence, outcome = self.evidence, self.evidence.outcome
        place = 2 * (1 + list(SOP_CLASSES).index(STUDY_ROOT_FIND.abstract)) + 1
        takes = outcome is not None and outcome.accepted is not None and outcome.accepted.result(place) == 0
        if takes and evidence.too_long is None:
            self._talks.begin(self._target, "to ask for studies")
            step, evidence.no_find = await find(self._target, NODE, self._resolver, self._ends, self._talks.trace)
            self._say(step)
        if self._store is not None:
            stored, evidence.no_store = await self._store()
            for step in stored:
                self._say(step)

    async def _look_up(self, deadline: float) -> list[Address]:
        target, started = self._target, perf_counter()
        addresses = await self._resolver.resolve(target.host, target.port, deadline)
        if literal(target.host, target.port) is not None:
            detail = "nothing to look up: it is an address"
        else:
            detail = f"{target.host} is {', '.join(str(address[0]) for _, address in addresses)}"
        self._say(Step("dns", "ok", perf_counter() - started, detail))
        return addresses

    async def _associate(self, addresses: list[Address], deadline: float) -> Address | None:
        """Try the addresses in their order; the one with which a connection stood."""
        for place, address in enumerate(addresses):
            left = len(addresses) - place
            now = self._loop.time()
            until = now + max(0.0, deadline - now) / left
            await self._talks.attempt(self.evidence, address, tuple(SOP_CLASSES), until, self._say)
            if self.evidence.phase != "connect":
                return address
            self.evidence.dead.append(show_address(address[1]))
        return None


async def run(
    target: Target, console: Console, as_json: bool = False, trace: Trace | None = None, store: Store | None = None
) -> int:
    """Diagnose and print; 0 if the node answers C-ECHO, 1 if not."""
    from pacs_monitor.diagnosing.view import run_diagnose

    return await run_diagnose(console, target, as_json, trace, store)
