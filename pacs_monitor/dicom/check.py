"""The base of all checks of DICOM nodes, and the metrics that they share."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

from pacs_monitor.check import Check, Counter, Gauge, NodeCheck, Sample, perf_counter
from pacs_monitor.dicom import reasons
from pacs_monitor.dicom.codec import Context, Identity
from pacs_monitor.dicom.conversation import VERIFICATION_ONLY, Outcome, Script
from pacs_monitor.dicom.dialogue import Wiretap
from pacs_monitor.dicom.echo import echo
from pacs_monitor.dicom.rejections import rejection_labels
from pacs_monitor.node import Node, UserIdentity, listener_of

if TYPE_CHECKING:
    from pacs_monitor.dicom.services import Association

PHASE = Gauge(
    "pacs_dicom_phase_seconds",
    "Time that each phase of the last association took: dns, connect, tls, associate, dimse, release.",
    ("phase",),
)
REJECTIONS = Counter(
    "pacs_dicom_association_rejections_total",
    "Association requests that the node rejected, by source and reason (PS3.8 9.3.4).",
    ("source", "reason"),
)
PEER = Gauge(
    "pacs_dicom_peer_info",
    "What the node last said of its DICOM implementation; always 1.",
    ("implementation_uid", "implementation_version"),
)
_PHASES = {phase: PHASE.labels(phase=phase) for phase in reasons.PHASES}


class _Seen:
    """What outlives a run: what we say, encoded, and who answered last."""

    __slots__ = ("peer", "scripts")

    def __init__(self) -> None:
        self.peer: tuple[str, str] | None = None
        self.scripts: dict[tuple[Context, ...], Script] = {}


class Slot:
    """Of one association; written out, since a generator would cost a run more than all else here."""

    __slots__ = ("_check", "_listener", "_most")

    def __init__(self, check: Check, node: Node) -> None:
        self._check = check
        self._listener = listener_of(node)
        self._most = node.max_associations

    async def __aenter__(self) -> None:
        surroundings, check, most = self._check.surroundings, self._check, self._most
        if surroundings.budget.try_acquire(self._listener, most):
            return
        surroundings.waiting = True
        try:
            waited = await surroundings.budget.acquire(self._listener, most, check.interval)
        finally:
            surroundings.waiting = False
        surroundings.waited += waited
        surroundings.deadline += waited

    async def __aexit__(self, *raised: object) -> None:
        self._check.surroundings.budget.release(self._listener)


class DicomCheck(NodeCheck):
    """A check of a DICOM node, within the node's budget of associations."""

    needs: ClassVar[tuple[str, ...]] = ("host", "port", "ae_title")

    @cached_property
    def _seen(self) -> _Seen:
        return _Seen()

    @property
    def wiretap(self) -> Wiretap | None:
        """Who is told of every byte of associations by pynetdicom's services; nobody but for a diagnosis."""
        return None

    @property
    def place(self) -> str:
        """host:port of the node."""
        return f"{self.node.host}:{self.node.port}"

    def slot(self) -> AbstractAsyncContextManager[None]:
        """Hold one of the associations that the node's listener may see at once, for one association.

        What is waited counts as lateness: it neither lengthens the run nor shortens its time.
        """
        return Slot(self, self.node)

    async def echo(self, contexts: tuple[Context, ...] = VERIFICATION_ONLY) -> Outcome:
        """One association with one C-ECHO; the outcome holds phases in seconds, and the failure if there was one.

        Raises CheckFailed("dns"), and CheckFailed("tls") if our own certificate files cannot be used.
        """
        surroundings, node = self.surroundings, self.node
        started = perf_counter()
        addresses = await surroundings.resolver.resolve(str(node.host), int(node.port or 0), surroundings.deadline)
        looked_up = perf_counter() - started
        script = self._script(contexts)
        async with self.slot():
            if node.tls is None:
                outcome = await echo(script, addresses, surroundings.deadline)
            else:
                from pacs_monitor.dicom.tls import context_for, echo_tls

                context = await self.in_thread(context_for, node.tls)
                name = node.tls.server_name or str(node.host)
                outcome = await echo_tls(script, addresses, surroundings.deadline, context, name)
        outcome.phases["dns"] = looked_up
        return outcome

    def association(
        self,
        contexts: Sequence[Context],
        *,
        receives: Sequence[Context] = (),
        calling: str | None = None,
        outcome: Outcome | None = None,
    ) -> AbstractAsyncContextManager[Association]:
        """An association for C-STORE, C-FIND and C-GET, within the budget; `receives`: what a C-GET may send us.

        `calling` takes the place of the node's calling AE title. `outcome` holds phases and rejection also after a
        failure. Raises CheckFailed unless every context is accepted.
        """
        from pacs_monitor.dicom.services import association, with_calling

        script = self._script(VERIFICATION_ONLY)
        return association(self, with_calling(script, calling), contexts, receives, outcome or Outcome())

    def samples(self, outcome: Outcome) -> list[Sample]:
        """The samples that every association gives: phases, who answered, rejections."""
        found = [_PHASES[phase](seconds) for phase, seconds in outcome.phases.items()]
        accepted, rejected, seen = outcome.accepted, outcome.rejected, self._seen
        if accepted is not None:
            seen.peer = (accepted.implementation_uid, accepted.implementation_version)
        if seen.peer is not None:
            # Not a metric with `keep`: that would hold every version that the node ever gave, each as 1.
            found.append(Sample(PEER, 1.0, seen.peer))
        if rejected is not None:
            source, reason = rejection_labels(rejected)
            found.append(REJECTIONS(1, source=source, reason=reason))
        return found

    def _script(self, contexts: tuple[Context, ...]) -> Script:
        script = self._seen.scripts.get(contexts)
        if script is None:
            node = self.node
            script = self._seen.scripts[contexts] = Script.write(
                node=node.name,
                place=self.place,
                called=str(node.ae_title),
                calling=node.calling_ae_title,
                contexts=contexts,
                identity=None if node.user_identity is None else identity_of(node.user_identity),
            )
        return script


def identity_of(user: UserIdentity) -> Identity:
    """The user identity as it goes into an association; the configuration has read a `password_file` already."""
    return Identity(user.username, user.password.get_secret_value() if user.password is not None else None)
