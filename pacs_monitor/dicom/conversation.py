"""One C-ECHO from associate to release, without I/O: bytes in, bytes out, times by the caller.

Both transports (plain sockets and TLS) talk through this. Nothing here waits, so every answer a peer may give,
early, late, in pieces or forged, can be tested by handing it over.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from pacs_monitor.check import CheckFailed
from pacs_monitor.dicom import codec, reasons
from pacs_monitor.dicom.codec import Accepted, Context, Identity, Malformed, Memo, Rejected, Response

LONGEST_PDU = 1 << 20
"""No answer to a C-ECHO is longer, in bytes; a peer that claims more is not read to the end."""

VERIFICATION_ONLY = (Context(codec.VERIFICATION),)

association_memo = Memo(codec.decode_association)
response_memo: Memo[Response | None] = Memo(codec.decode_response)


@dataclass(frozen=True)
class Script:
    """What we say to one node, encoded once, and what sentences call it."""

    node: str
    place: str
    """host:port"""
    called: str
    calling: str
    contexts: tuple[Context, ...] = VERIFICATION_ONLY
    """The first must be Verification: it carries the C-ECHO."""
    identity: Identity | None = None
    opening: bytes = b""

    @classmethod
    def write(
        cls,
        *,
        node: str,
        place: str,
        called: str,
        calling: str,
        contexts: tuple[Context, ...] = VERIFICATION_ONLY,
        identity: Identity | None = None,
    ) -> Script:
        """Encode the association request."""
        opening = codec.associate_request(calling, called, contexts, identity)
        return cls(node, place, called, calling, contexts, identity, opening)


@dataclass(slots=True)
class Outcome:
    """What one association told us. `failure` is None if the node did all that was asked."""

    phases: dict[str, float] = field(default_factory=dict)
    """Seconds by phase, as far as it came."""
    accepted: Accepted | None = None
    rejected: Rejected | None = None
    status: int | None = None
    failure: CheckFailed | None = None
    phase: str = "connect"
    """The phase that was reached."""
    kernel_clock: bool = False
    """Whether the latencies are the kernel's."""


class Conversation:
    """The state of one association. `receive` takes bytes and gives what to send next."""

    __slots__ = ("_buffer", "_commands", "complete", "outcome", "script")

    def __init__(self, script: Script, outcome: Outcome) -> None:
        self.script = script
        self.outcome = outcome
        self.complete = False
        """The last thing expected has arrived: close the connection."""
        self._buffer = b""
        self._commands: codec.Commands | None = None

    @property
    def partial(self) -> int:
        """Bytes of a PDU that has arrived in part."""
        return len(self._buffer)

    def receive(self, data: bytes) -> bytes | None:
        """What to send next, b"" if nothing; None while a PDU or message is not complete.

        Raises CheckFailed; then the association is to be aborted, unless the peer ended it.
        """
        if self._buffer:
            data = self._buffer + data
        size = len(data)
        if size < 6:
            self._buffer = data
            if not 1 <= data[0] <= 7:
                raise self._garbage(data)
            return None
        kind = data[0]
        length = 6 + int.from_bytes(data[2:6], "big")
        if not 1 <= kind <= 7 or length > LONGEST_PDU:
            raise self._garbage(data)
        if size < length:
            self._buffer = data
            return None
        if size == length:
            self._buffer = b""
            return self._take(kind, data)
        self._buffer = data[length:]
        answer = self._take(kind, data[:length])
        if answer is not None or self.complete:
            # What follows was sent before our answer: it belongs to nothing we asked.
            return answer
        rest, self._buffer = self._buffer, b""
        return self.receive(rest)

    def closed(self) -> None:
        """The peer closed the connection. Raises CheckFailed unless nothing was missing but the release."""
        if self.outcome.phase == "release":
            self.complete = True
            return
        script, phase = self.script, self.outcome.phase
        hint = (
            f"it often means that this machine's address or {script.calling} is not permitted there, "
            f"or that the port expects TLS"
            if phase == "associate"
            else "look into its log at this time"
        )
        raise CheckFailed(
            "aborted",
            f"{script.node} ({script.place}) closed the connection {reasons.PHASE_WORDS[phase]}; {hint}",
        )

    def _take(self, kind: int, pdu: bytes) -> bytes | None:
        try:
            match self.outcome.phase:
                case "associate":
                    return self._associated(pdu)
                case "dimse":
                    return self._answered(kind, pdu)
                case _:
                    return self._released(kind, pdu)
        except Malformed as error:
            raise CheckFailed(
                "mismatch",
                f"{self.script.node} ({self.script.place}) sent {error} {reasons.PHASE_WORDS[self.outcome.phase]}; "
                f"send this line to its vendor",
            ) from None

    def _associated(self, pdu: bytes) -> bytes:
        script, outcome = self.script, self.outcome
        answer = association_memo(pdu)
        if isinstance(answer, Accepted):
            outcome.accepted = answer
            if answer.result(1) != 0:
                outcome.failure = self._no_context()
                outcome.phase = "release"
                return codec.release_request()
            outcome.phase = "dimse"
            return codec.echo_request()
        if isinstance(answer, Rejected):
            outcome.rejected = answer
            raise CheckFailed("rejected", reasons.explain_rejection(answer, script.node, script.calling, script.called))
        raise self._aborted(pdu)

    def _answered(self, kind: int, pdu: bytes) -> bytes | None:
        if kind == codec.ABORT:
            raise self._aborted(pdu)
        if kind == codec.RELEASE_RQ:
            raise CheckFailed(
                "aborted",
                f"{self.script.node} released the association instead of answering the C-ECHO; "
                f"look into its log at this time",
            )
        if self._commands is None:
            response = response_memo(pdu)
            if response is None:
                self._commands = codec.Commands()
                self._commands.add(pdu)
        else:
            response = self._commands.add(pdu)
        if response is None:
            return None
        if response.context_id != 1 or response.message_id != 1:
            raise CheckFailed(
                "mismatch",
                f"{self.script.node} answered message {response.message_id} in context {response.context_id}, and we "
                f"asked message 1 in context 1; send this line to its vendor",
            )
        outcome = self.outcome
        outcome.status = response.status
        if response.status != 0:
            outcome.failure = CheckFailed("dimse_status", reasons.explain_status(response.status, self.script.node))
        elif len(self.script.contexts) > 1:
            outcome.failure = self._missing_contexts()
        outcome.phase = "release"
        return codec.release_request()

    def _released(self, kind: int, pdu: bytes) -> bytes | None:
        if kind == codec.RELEASE_RP:
            self.complete = True
            return b""
        if kind == codec.RELEASE_RQ:
            # Both asked at once (PS3.8 9.2.3, release collision): answer, then wait for the peer's answer.
            return codec.release_response()
        if kind == codec.ABORT:
            raise self._aborted(pdu)
        return None  # data that was on its way when we asked for release means nothing

    def _aborted(self, pdu: bytes) -> CheckFailed:
        aborted = codec.decode_abort(pdu)
        script = self.script
        return CheckFailed("aborted", reasons.explain_abort(aborted, script.node, self.outcome.phase, script.calling))

    def _garbage(self, data: bytes) -> CheckFailed:
        script = self.script
        if 1 <= data[0] <= 7:
            length = int.from_bytes(data[2:6], "big")
            return CheckFailed(
                "mismatch",
                f"{script.node} ({script.place}) announced a PDU of {length} bytes where some hundred are due; "
                f"it is no DICOM service or a broken one: ask its vendor",
            )
        return CheckFailed("mismatch", reasons.explain_bytes(data, script.node, script.place))

    def _no_context(self) -> CheckFailed:
        assert self.outcome.accepted is not None
        why = reasons.CONTEXT_RESULTS.get(self.outcome.accepted.result(1), "a result that DICOM does not know")
        return CheckFailed(
            "no_context",
            f"{self.script.node} took the association but not Verification (C-ECHO): {why}; "
            f"have Verification switched on there, or use the tcp check",
        )

    def _missing_contexts(self) -> CheckFailed | None:
        accepted = self.outcome.accepted
        assert accepted is not None
        refused = [
            f"{codec.uid_name(context.abstract)} ({reasons.CONTEXT_RESULTS.get(accepted.result(2 * place + 1), '?')})"
            for place, context in enumerate(self.script.contexts)
            if accepted.result(2 * place + 1) != 0
        ]
        if not refused:
            return None
        return CheckFailed(
            "no_context",
            f"{self.script.node} answers C-ECHO but refuses {', '.join(refused)}; "
            f"have the service switched on there, or take it out of `contexts`",
        )
