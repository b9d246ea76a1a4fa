"""`pacs-monitor diagnose`: walk to a DICOM service step by step, and say where it breaks and why.

Needs no configuration. Opens one association at a time, at most two, and sends nothing but a C-ECHO.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pacs_monitor.check import CheckFailed, perf_counter
from pacs_monitor.diagnose_steps import SOP_CLASSES, Say, say_how_it_ended, watch
from pacs_monitor.diagnosis import Evidence, Step, Target, Verdict, parse_target, show_address
from pacs_monitor.dicom.certificates import context_for
from pacs_monitor.dicom.connect import Address
from pacs_monitor.dicom.contexts import with_verification
from pacs_monitor.dicom.conversation import Outcome, Script
from pacs_monitor.dicom.dialogue import Observer
from pacs_monitor.dicom.echo import echo
from pacs_monitor.dicom.reactor import watcher
from pacs_monitor.dicom.rejections import rejection_labels
from pacs_monitor.dicom.tls import echo_tls
from pacs_monitor.node import Tls
from pacs_monitor.resolve import Resolver, literal
from pacs_monitor.threads import in_thread
from pacs_monitor.verdicts import judge

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["SOP_CLASSES", "Step", "Target", "Verdict", "command", "diagnose", "parse_target", "run"]

NODE = "the node"
"""What sentences call it: here it has no name."""
QUIET = 0.1
"""Seconds without news after which what is known is shown."""
LOOK = 3.0
"""Seconds for a closer look, after the walk has ended."""
_NOT_FOR_ITS_LENGTH = ("calling_ae_title", "called_ae_title", "congestion", "local_limit")


def _utc_now() -> datetime:
    return datetime.now(UTC)


async def diagnose(
    target: Target, *, resolver: Resolver | None = None, now: Callable[[], datetime] = _utc_now
) -> AsyncIterator[Step | Verdict]:
    """Each step as it ends, then the verdict."""
    steps: asyncio.Queue[Step | None] = asyncio.Queue()
    walk = _Walk(target, resolver or Resolver(), steps.put_nowait)
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
    def __init__(self, target: Target, resolver: Resolver, say: Say) -> None:
        self.evidence = Evidence(target)
        self._target = target
        self._resolver = resolver
        self._say = say
        self._context: ssl.SSLContext | None = None

    async def go(self) -> None:
        evidence, target = self.evidence, self._target
        watcher(asyncio.get_running_loop())  # it has the kernel stamp what arrives, which takes a moment
        deadline = asyncio.get_running_loop().time() + target.timeout
        try:
            addresses = await self._look_up(deadline)
            if target.tls is not None:
                self._context = await in_thread(lambda: context_for(target.tls or Tls()))
        except CheckFailed as failure:
            evidence.failure = failure
            evidence.phase = failure.reason
            self._say(Step(failure.reason, "failed", None, failure.message))
            return
        address = await self._associate(addresses, deadline)
        if evidence.failure is not None and address is not None:
            await self._look_closer(address)

    async def _look_up(self, deadline: float) -> list[Address]:
        target, started = self._target, perf_counter()
        addresses = await self._resolver.resolve(target.host, target.port, deadline)
        if literal(target.host, target.port) is not None:
            detail = f"{target.host} is an address; there is nothing to look up"
        else:
            detail = f"{target.host} is {', '.join(str(address[0]) for _, address in addresses)}"
        self._say(Step("dns", "ok", perf_counter() - started, detail))
        return addresses

    async def _associate(self, addresses: list[Address], deadline: float) -> Address | None:
        """Try the addresses in their order; the one with which a connection stood."""
        loop = asyncio.get_running_loop()
        for place, address in enumerate(addresses):
            left = len(addresses) - place
            ends = loop.time() + max(0.0, deadline - loop.time()) / left
            await self._attempt(address, tuple(SOP_CLASSES), ends)
            if self.evidence.phase != "connect":
                return address
            self.evidence.dead.append(show_address(address[1]))
        return None

    async def _attempt(self, address: Address, uids: tuple[str, ...], deadline: float, alone: str = "") -> None:
        """One association. `alone` is said after the name of each step of a second one."""
        evidence = self.evidence
        evidence.remote = show_address(address[1])
        evidence.passed.clear()
        watched = watch(evidence, self._say, uids, alone)
        outcome = await self._talk(address, uids, deadline, watched, secure=self._target.tls is not None)
        evidence.outcome, evidence.failure, evidence.phase = outcome, outcome.failure, outcome.phase
        say_how_it_ended(outcome, evidence, self._say, alone)

    async def _talk(
        self, address: Address, uids: tuple[str, ...], deadline: float, observer: Observer | None, secure: bool
    ) -> Outcome:
        target = self._target
        script = Script.write(
            node=NODE,
            place=target.place,
            called=target.called,
            calling=target.calling,
            contexts=with_verification(uids),
            only_asking=True,
        )
        if not secure:
            return await echo(script, [address], deadline, observer)
        assert target.tls is not None
        assert self._context is not None
        name = target.tls.server_name or target.host
        return await echo_tls(script, [address], deadline, self._context, name, observer)

    async def _look_closer(self, address: Address) -> None:
        """Ask once more, and only what the failure leaves open."""
        evidence, failure, outcome = self.evidence, self.evidence.failure, self.evidence.outcome
        assert failure is not None
        assert outcome is not None
        if evidence.phase == "tls":
            await self._look_without_tls(address)
            return
        if evidence.phase != "associate":
            return
        if failure.reason in ("aborted", "timeout") and outcome.aborted is None and self._target.tls is None:
            await self._look_for_tls(address)
            if evidence.speaks_tls:
                return
        word = rejection_labels(outcome.rejected)[1] if outcome.rejected else ""
        if failure.reason in ("aborted", "rejected") and word not in _NOT_FOR_ITS_LENGTH:
            deadline = asyncio.get_running_loop().time() + min(LOOK, self._target.timeout)
            first = replace(evidence)
            await self._attempt(address, (), deadline, " (Verification alone)")
            if evidence.failure is None:
                evidence.too_long = first.failure
            else:
                evidence.outcome, evidence.failure, evidence.phase = first.outcome, first.failure, first.phase

    async def _look_for_tls(self, address: Address) -> None:
        context = context_for(Tls(verify=False))
        started = perf_counter()
        try:
            async with asyncio.timeout(min(LOOK, self._target.timeout)):
                _, writer = await asyncio.open_connection(address[1][0], address[1][1], ssl=context)
        except OSError:
            self._say(Step("look closer", "ok", perf_counter() - started, "the port does not speak TLS either"))
            return
        writer.transport.abort()
        self.evidence.speaks_tls = True
        self._say(Step("look closer", "ok", perf_counter() - started, "the port speaks TLS"))

    async def _look_without_tls(self, address: Address) -> None:
        started = perf_counter()
        deadline = asyncio.get_running_loop().time() + min(LOOK, self._target.timeout)
        outcome = await self._talk(address, (), deadline, None, secure=False)
        plain = outcome.accepted is not None or outcome.rejected is not None or outcome.aborted is not None
        self.evidence.speaks_plain = plain
        detail = "the port speaks DICOM without TLS" if plain else "no DICOM without TLS either"
        self._say(Step("look closer", "ok", perf_counter() - started, detail))


async def run(target: Target, console: Console, as_json: bool = False) -> int:
    """Diagnose and print; 0 if all is well, 1 if not."""
    from pacs_monitor.diagnose_view import run_diagnose

    return await run_diagnose(console, target, as_json)


def command(
    place: str,
    called: str,
    calling: str,
    tls: bool,
    ca: Path | None,
    cert: Path | None,
    key: Path | None,
    insecure: bool,
    timeout: float,
    console: Console,
    as_json: bool,
) -> int:
    """What the command line gives, made a target and diagnosed; 2 if it makes no sense."""
    from pacs_monitor.units import check_ae_title

    try:
        host, port = parse_target(place)
        wanted = Tls(ca_file=ca, cert_file=cert, key_file=key, verify=not insecure) if tls or ca or cert else None
        target = Target(host, port, check_ae_title(called), check_ae_title(calling), wanted, timeout)
    except ValueError as error:
        console.print(f"diagnose: {error}", markup=False, highlight=False)
        return 2
    return asyncio.run(run(target, console, as_json))
