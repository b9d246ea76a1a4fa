"""One C-ECHO from associate to release, without I/O: bytes in, bytes out, times by the caller.

Both transports (plain sockets and TLS) talk through this. Nothing here waits, so every answer a peer may give,
early, late, in pieces or forged, can be tested by handing it over.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from pacs_monitor.check import CheckFailed
from pacs_monitor.dicom import codec, reasons
from pacs_monitor.dicom.codec import Aborted, Accepted, Context, Identity, Malformed, Rejected
from pacs_monitor.dicom.decode import Commands, association_memo, decode_abort, response_memo
from pacs_monitor.dicom.rejections import explain_rejection

LONGEST_PDU = 1 << 17
"""No answer to a C-ECHO is longer, in bytes; a peer that claims more is not read to the end."""
MOST_STRAYS = 256
"""So many PDUs that mean nothing are passed over before the release; a peer that sends more has lost its way."""

VERIFICATION_ONLY = (Context(codec.VERIFICATION),)


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
    only_asking: bool = False
    """Whether the contexts after the first may be refused: then nothing is missing without them."""
    opening: bytes = field(default=b"", repr=False)
    """The association request; it may hold a passcode."""

    @property
    def peer(self) -> str:
        """What sentences call it: `archive (10.0.0.5:104)`."""
        return f"{self.node} ({self.place})"

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
        only_asking: bool = False,
    ) -> Script:
        """Encode the association request."""
        opening = codec.associate_request(calling, called, contexts, identity)
        return cls(node, place, called, calling, contexts, identity, only_asking, opening)


@dataclass(slots=True)
class Outcome:
    """What one association told us. `failure` is None if the node did all that was asked."""

    phases: dict[str, float] = field(default_factory=dict)
    """Seconds by phase, as far as it came; one that ended in silence is not among them."""
    accepted: Accepted | None = None
    rejected: Rejected | None = None
    aborted: Aborted | None = None
    status: int | None = None
    failure: CheckFailed | None = None
    phase: str = "connect"
    """The phase that was reached."""
    partial: int = 0
    """Bytes of an answer that had begun when silence or the end of the connection came."""
    kernel_clock: bool = False
    """Whether the latencies are the kernel's."""


class Conversation:
    """The state of one association. `receive` takes bytes and gives what to send next."""

    __slots__ = ("_buffer", "_collided", "_commands", "_strays", "complete", "ended", "outcome", "script", "secure")

    def __init__(self, script: Script, outcome: Outcome, secure: bool = False) -> None:
        """`secure`: the bytes come over TLS, which changes only what is guessed when they do not come."""
        self.script = script
        self.outcome = outcome
        self.secure = secure
        self.complete = False
        """The last thing expected has arrived: close the connection."""
        self.ended = False
        """The peer ended the association (or never let it begin): there is nothing to abort."""
        self._buffer = b""
        self._commands: Commands | None = None
        self._collided = False
        self._strays = 0

    @property
    def partial(self) -> int:
        """Bytes that have arrived and are not taken yet: part of a PDU, or what follows the last one taken."""
        return len(self._buffer)

    def receive(self, data: bytes) -> bytes | None:
        """What to send next, b"" if nothing; None while a PDU or message is not complete.

        At most one answer is given; while `partial`, call again with b"" once it is sent. Raises CheckFailed;
        then the association is to be aborted unless the peer `ended` it.
        """
        if self._buffer:
            data, self._buffer = self._buffer + data, b""
        size = len(data)
        if 6 <= size <= LONGEST_PDU and size == 6 + int.from_bytes(data[2:6], "big") and 1 <= data[0] <= 7:
            return self._take(data[0], data)  # one PDU, as nearly always
        start = 0
        while size - start >= 6:
            kind = data[start]
            end = start + 6 + int.from_bytes(data[start + 2 : start + 6], "big")
            if not 1 <= kind <= 7 or end - start > LONGEST_PDU:
                raise self._garbage(data[start:])
            if end > size:
                break
            answer = self._take(kind, data[start:end])
            start = end
            if answer is not None:
                self._buffer = data[start:]
                return answer
        self._buffer = data[start:]
        return None

    def closed(self) -> None:
        """The peer closed the connection. Raises CheckFailed unless nothing was missing but the release."""
        script, phase = self.script, self.outcome.phase
        self.ended = True
        if phase == "release":
            self.complete = True
            return
        self._stopped()
        raise CheckFailed(
            "aborted",
            reasons.explain_closed(script.node, script.place, phase, script.calling, len(self._buffer), self.secure),
        )

    def silent(self, seconds: float) -> CheckFailed:
        """The failure when nothing more came for so long."""
        script, phase = self.script, self.outcome.phase
        try:
            self._stopped()
        except CheckFailed as failure:
            return failure
        message = reasons.explain_silence(script.node, script.place, phase, seconds, self.partial)
        return CheckFailed("timeout", message)

    def _stopped(self) -> None:
        """Note how far an answer came. Raises CheckFailed if it was going to be no PDU."""
        self.outcome.partial = len(self._buffer)
        if self._buffer and not 1 <= self._buffer[0] <= 7:
            raise self._garbage(self._buffer)

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
            raise self._mismatch(f"sent {error} {reasons.during_phase(self.outcome.phase)}") from None

    def _associated(self, pdu: bytes) -> bytes:
        script, outcome = self.script, self.outcome
        answer = association_memo(pdu)
        if isinstance(answer, Accepted):
            outcome.accepted = answer
            if answer.result(1) != 0:
                outcome.failure = CheckFailed("no_context", reasons.explain_no_echo(script.node, answer.result(1)))
                outcome.phase = "release"
                return codec.release_request()
            outcome.phase = "dimse"
            return codec.echo_request()
        if isinstance(answer, Rejected):
            self.ended = True
            outcome.rejected = answer
            raise CheckFailed("rejected", explain_rejection(answer, script.node, script.calling, script.called))
        raise self._aborted(answer)

    def _answered(self, kind: int, pdu: bytes) -> bytes | None:
        if kind == codec.ABORT:
            raise self._aborted(decode_abort(pdu))
        if kind == codec.RELEASE_RQ:
            raise CheckFailed(
                "aborted",
                f"{self.script.node} released the association instead of answering the C-ECHO; "
                f"look into its log at this time",
            )
        if self._commands is None:
            response = response_memo(pdu)
            if response is None:
                self._commands = Commands()
                self._commands.add(pdu)
        else:
            response = self._commands.add(pdu)
        if response is None:
            return None
        if response.context_id != 1 or response.message_id != 1:
            raise self._mismatch(
                f"answered message {response.message_id} in context {response.context_id}, and we asked message 1 in "
                f"context 1"
            )
        outcome = self.outcome
        outcome.status = response.status
        if response.status != 0:
            outcome.failure = CheckFailed("dimse_status", reasons.explain_status(response.status, self.script.node))
        elif len(self.script.contexts) > 1 and not self.script.only_asking:
            outcome.failure = self._missing_contexts()
        outcome.phase = "release"
        return codec.release_request()

    def _released(self, kind: int, pdu: bytes) -> bytes | None:
        if kind == codec.RELEASE_RP:
            self.complete = self.ended = True
            return b""
        if kind == codec.ABORT:
            raise self._aborted(decode_abort(pdu))
        if kind == codec.RELEASE_RQ and not self._collided:
            # Both asked at once (PS3.8 9.2.3, release collision): answer, then wait for the peer's answer.
            self._collided = True
            return codec.release_response()
        if kind == codec.P_DATA and self._strays < MOST_STRAYS:
            self._strays += 1
            return None  # data that was on its way when we asked for release means nothing
        raise Malformed(f"a PDU of type {kind} where it does not belong")

    def _aborted(self, aborted: Aborted) -> CheckFailed:
        script, outcome = self.script, self.outcome
        self.ended = True
        outcome.aborted = aborted
        return CheckFailed("aborted", reasons.explain_abort(aborted, script.node, outcome.phase, script.calling))

    def _mismatch(self, what: str) -> CheckFailed:
        return CheckFailed("mismatch", f"{self.script.node} ({self.script.place}) {what}; send this line to its vendor")

    def _garbage(self, data: bytes) -> CheckFailed:
        script = self.script
        return CheckFailed("mismatch", reasons.explain_bytes(data, script.node, script.place))

    def _missing_contexts(self) -> CheckFailed | None:
        accepted = self.outcome.accepted
        assert accepted is not None
        refused = [
            (context.abstract, accepted.result(2 * place + 1))
            for place, context in enumerate(self.script.contexts)
            if accepted.result(2 * place + 1) != 0
        ]
        return CheckFailed("no_context", reasons.explain_missing(self.script.node, refused)) if refused else None
