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
from typing import TYPE_CHECKING

from pacs_monitor.certificate_facts import facts_of_file
from pacs_monitor.certificates import context_for
from pacs_monitor.check import CheckFailed, perf_counter
from pacs_monitor.diagnosing import looks
from pacs_monitor.diagnosing.diagnosis import Evidence, Step, Target, Verdict, show_address
from pacs_monitor.diagnosing.steps import SOP_CLASSES, Say, say_how_it_ended, watch
from pacs_monitor.diagnosing.verdicts import judge
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

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["SOP_CLASSES", "Step", "Target", "Verdict", "diagnose", "run"]

NODE = "the node"
"""What sentences call it: here it has no name."""
QUIET = 0.1
"""Seconds without news after which what is known is shown."""
LOOK, LOOK_SHARE = 3.0, 0.3
"""Seconds for a closer look, at most, and the share of all time that is kept for it."""
_OF_THE_CERTIFICATE = ("expired", "not_yet_valid", "self_signed", "issuer", "name", "address", "not_accepted")
_PERHAPS_NO_TLS = (None, "not_tls", "closed", "other")


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
        self._loop = asyncio.get_running_loop()
        self._ends = self._loop.time() + target.timeout
        self._context: ssl.SSLContext | None = None
        self._unverifying: ssl.SSLContext | None = None

    async def go(self) -> None:
        evidence, target = self.evidence, self._target
        watcher(self._loop)  # it has the kernel stamp what arrives, which takes a moment
        deadline = self._ends - min(LOOK, target.timeout * LOOK_SHARE)
        try:
            addresses = await self._look_up(deadline)
            await in_thread(self._read_certificates)
        except CheckFailed as failure:
            evidence.failure, evidence.phase = failure, failure.reason
            self._say(Step(failure.reason, "failed", None, failure.message))
            return
        address = await self._associate(addresses, deadline)
        if evidence.failure is not None and address is not None:
            await self._look_closer(address)

    async def _look_up(self, deadline: float) -> list[Address]:
        target, started = self._target, perf_counter()
        addresses = await self._resolver.resolve(target.host, target.port, deadline)
        if literal(target.host, target.port) is not None:
            detail = "nothing to look up: it is an address"
        else:
            detail = f"{target.host} is {', '.join(str(address[0]) for _, address in addresses)}"
        self._say(Step("dns", "ok", perf_counter() - started, detail))
        return addresses

    def _read_certificates(self) -> None:
        tls = self._target.tls or Tls(verify=False)
        self._context = context_for(tls)
        self._unverifying = context_for(tls.model_copy(update={"verify": False}))
        self.evidence.ours = facts_of_file(tls.cert_file) if tls.cert_file else None

    async def _associate(self, addresses: list[Address], deadline: float) -> Address | None:
        """Try the addresses in their order; the one with which a connection stood."""
        for place, address in enumerate(addresses):
            left = len(addresses) - place
            now = self._loop.time()
            await self._attempt(address, tuple(SOP_CLASSES), now + max(0.0, deadline - now) / left, self._say)
            if self.evidence.phase != "connect":
                return address
            self.evidence.dead.append(show_address(address[1]))
        return None

    async def _attempt(self, address: Address, uids: tuple[str, ...], deadline: float, say: Say) -> None:
        """One association."""
        evidence = self.evidence
        evidence.remote = show_address(address[1])
        evidence.passed = set()
        watched = watch(evidence, say, uids)
        evidence.take(await self._talk(address, uids, deadline, watched, secure=self._target.tls is not None))
        say_how_it_ended(evidence, say)

    async def _talk(
        self, address: Address, uids: tuple[str, ...], deadline: float, observer: Observer | None, secure: bool
    ) -> Outcome:
        script = self._script(uids)
        if not secure:
            return await echo(script, [address], deadline, observer)
        assert self._context is not None
        return await echo_tls(script, [address], deadline, self._context, self._target.server_name, observer)

    def _script(self, uids: tuple[str, ...]) -> Script:
        return Script.write(
            node=NODE,
            place=self._target.place,
            called=self._target.called,
            calling=self._target.calling,
            contexts=with_verification(uids),
            only_asking=True,
        )

    async def _look_closer(self, address: Address) -> None:
        """Ask once more, and only what the failure leaves open."""
        evidence, outcome = self.evidence, self.evidence.outcome
        assert evidence.failure is not None
        assert outcome is not None
        reason = evidence.failure.reason
        if evidence.trouble in _OF_THE_CERTIFICATE:
            await self._look_at_certificate(address)
        elif evidence.phase == "tls" and evidence.trouble in _PERHAPS_NO_TLS:
            await self._look_without_tls(address)
        elif evidence.phase == "associate":
            unheard = reason in ("aborted", "timeout") and outcome.aborted is None and not outcome.partial
            if unheard and await self._look_for_tls(address, reason):
                return
            word = rejection_labels(outcome.rejected)[1] if outcome.rejected else "unknown"
            if reason in ("aborted", "rejected") and word in ("no_reason", "unknown"):
                await self._ask_for_less(address)

    async def _ask_for_less(self, address: Address) -> None:
        """Some refuse a request only for its length."""
        first, self.evidence = self.evidence, replace(self.evidence)
        await self._attempt(address, (), self._ends, lambda step: self._say(replace(step, alone=True)))
        if self.evidence.failure is None:
            self.evidence.too_long = first.failure
        else:
            self.evidence = first

    async def _look_for_tls(self, address: Address, reason: str) -> bool:
        """Whether TLS is why it says nothing: that we do not speak it, or what it thinks of our certificate."""
        started, deadline, name = perf_counter(), self._for_a_look(2), self._target.server_name
        assert self._context is not None
        if self._target.tls is None:
            found = self.evidence.speaks_tls = await looks.speaks_tls(address, self._context, name, deadline)
            detail = "the port speaks TLS" if found else "the port does not speak TLS either"
        elif reason == "aborted":
            alert = await looks.late_alert(address, self._context, self._script(()), name, deadline)
            found, detail = alert is not None, "it says nothing of our certificate"
            if alert is not None:
                self.evidence.failure, self.evidence.phase = alert, "tls"
                detail = alert.message.partition("; ")[0]
        else:
            return False
        self._say(Step("look closer", "ok", perf_counter() - started, detail))
        return found

    async def _look_at_certificate(self, address: Address) -> None:
        started = perf_counter()
        assert self._unverifying is not None
        facts = await looks.certificate(address, self._unverifying, self._target.server_name, self._for_a_look())
        self.evidence.certificate = facts
        if facts is not None:
            days = f"good from {facts.begins:%Y-%m-%d} to {facts.ends:%Y-%m-%d}"
            names = ", ".join(facts.names) or "no name"
            detail = f"its certificate: for {names}, issued by {facts.issuer}, {days}"
            self._say(Step("look closer", "ok", perf_counter() - started, detail))

    async def _look_without_tls(self, address: Address) -> None:
        started = perf_counter()
        outcome = await self._talk(address, (), self._for_a_look(), None, secure=False)
        plain = outcome.accepted is not None or outcome.rejected is not None or outcome.aborted is not None
        self.evidence.speaks_plain = plain
        detail = "the port speaks DICOM without TLS" if plain else "no DICOM without TLS either"
        if outcome.failure is not None and outcome.failure.reason == "mismatch":
            detail += f": {outcome.failure.message.partition('; ')[0]}"
        self._say(Step("look closer", "ok", perf_counter() - started, detail))

    def _for_a_look(self, parts: int = 1) -> float:
        """When it must have ended, if so many share the time that is left."""
        now = self._loop.time()
        return now + min(LOOK, max(0.0, self._ends - now) / parts)


async def run(target: Target, console: Console, as_json: bool = False) -> int:
    """Diagnose and print; 0 if the node answers C-ECHO, 1 if not."""
    from pacs_monitor.diagnosing.view import run_diagnose

    return await run_diagnose(console, target, as_json)
