"""A closer look where it broke: only at what the failure leaves open."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import replace
from functools import partial

from pacs_monitor.check import perf_counter
from pacs_monitor.diagnosing import looks
from pacs_monitor.diagnosing.diagnosis import Evidence, Step, Target
from pacs_monitor.diagnosing.steps import Say
from pacs_monitor.diagnosing.suspects import Suspects
from pacs_monitor.diagnosing.talks import Talks
from pacs_monitor.dicom.connect import Address
from pacs_monitor.dicom.conversation import Outcome
from pacs_monitor.dicom.rejections import rejection_labels

LOOK = 3.0
"""Seconds for a closer look, at most."""
_OF_THE_CERTIFICATE = ("expired", "not_yet_valid", "self_signed", "issuer", "name", "address", "not_accepted")
_PERHAPS_NO_TLS = (None, "not_tls", "closed", "other")


class Closer:
    """Looks; what it finds is in `evidence`."""

    def __init__(self, evidence: Evidence, talks: Talks, say: Say, ends: float) -> None:
        """`ends` is when all must have ended, on the loop's clock."""
        self.evidence = evidence
        self._talks = talks
        self._target = talks.target
        self._say = say
        self._ends = ends
        self._loop = asyncio.get_running_loop()

    async def look(self, address: Address, *, connected: bool) -> None:
        """Ask once more, and only what the failure leaves open."""
        evidence, outcome = self.evidence, self.evidence.outcome
        assert evidence.failure is not None
        assert outcome is not None
        reason = evidence.failure.reason
        if not connected:
            if reason in ("refused", "timeout"):
                await self._look_at_other_ports(address)
        elif evidence.trouble in _OF_THE_CERTIFICATE:
            await self._look_at_certificate(address)
        elif evidence.phase == "tls" and evidence.trouble in _PERHAPS_NO_TLS:
            await self._look_without_tls(address)
        elif evidence.phase == "associate":
            unheard = reason in ("aborted", "timeout") and outcome.aborted is None and not outcome.partial
            if unheard and await self._look_for_tls(address, reason):
                return
            if reason == "mismatch":
                await self._look_at_other_ports(address)
                return
            word = rejection_labels(outcome.rejected)[1] if outcome.rejected else "unknown"
            if reason in ("aborted", "rejected") and word in ("no_reason", "unknown"):
                await self._ask_for_less(address)
            await self._look_at_titles(address, word)

    async def _look_at_titles(self, address: Address, word: str) -> None:
        suspects = Suspects(self.evidence, self._say, self._briefly, self._for_a_look)
        if word == "called_ae_title":
            await suspects.another_called_title(address)
        elif word == "calling_ae_title":
            await suspects.another_calling_title(address)

    async def _look_at_other_ports(self, address: Address) -> None:
        suspects = Suspects(self.evidence, self._say, self._briefly, self._for_a_look)
        await suspects.other_ports(address, partial(self._briefly, context=self._talks.unverifying))

    async def _briefly(
        self, target: Target, address: Address, deadline: float, context: ssl.SSLContext | None = None
    ) -> Outcome:
        return await self._talks.talk(target, address, (), deadline, context=context)

    async def _ask_for_less(self, address: Address) -> None:
        """Some refuse a request only for its length."""
        first, self.evidence = self.evidence, replace(self.evidence)
        await self._talks.attempt(
            self.evidence, address, (), self._ends, lambda step: self._say(replace(step, alone=True))
        )
        if self.evidence.failure is None:
            self.evidence.too_long = first.failure
        else:
            self.evidence = first

    def _say_of_less(self, step: Step) -> None:
        self._say(replace(step, alone=True))

    async def _look_for_tls(self, address: Address, reason: str) -> bool:
        """Whether TLS is why it says nothing: that we do not speak it, or what it thinks of our certificate."""
        started, deadline, name = perf_counter(), self._for_a_look(2), self._target.server_name
        assert self._talks.context is not None
        if self._target.tls is None:
            found = self.evidence.speaks_tls = await looks.speaks_tls(address, self._talks.context, name, deadline)
            detail = "the port speaks TLS" if found else "the port does not speak TLS either"
        elif reason == "aborted":
            alert = await looks.late_alert(
                address, self._talks.context, self._talks.script(self._target, ()), name, deadline
            )
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
        assert self._talks.unverifying is not None
        facts = await looks.certificate(address, self._talks.unverifying, self._target.server_name, self._for_a_look())
        self.evidence.certificate = facts
        if facts is not None:
            days = f"good from {facts.begins:%Y-%m-%d} to {facts.ends:%Y-%m-%d}"
            names = ", ".join(facts.names) or "no name"
            detail = f"its certificate: for {names}, issued by {facts.issuer}, {days}"
            self._say(Step("look closer", "ok", perf_counter() - started, detail))

    async def _look_without_tls(self, address: Address) -> None:
        started = perf_counter()
        outcome = await self._talks.talk(replace(self._target, tls=None), address, (), self._for_a_look())
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
