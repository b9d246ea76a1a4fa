"""MLLP: does an HL7 interface take a connection, and, if it may be asked, acknowledge a message, and how soon?"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from pacs_monitor.certificates import context_for
from pacs_monitor.check import CheckFailed, Counter, Duration, FilePath, Gauge, NodeCheck, Port, Sample, Tls, Unit
from pacs_monitor.hl7 import messages
from pacs_monitor.hl7.framing import framed, receive_frame
from pacs_monitor.hl7.messages import Acknowledgement
from pacs_monitor.line import Line

PHASE = Gauge("pacs_mllp_phase_seconds", "Time of each phase: dns, connect, tls, acknowledge.", ("phase",))
ANSWERS = Counter(
    "pacs_mllp_acknowledgements_total", "Acknowledgements of our messages, by code: AA, AE, AR, CA, CE, CR.", ("code",)
)

Code = Literal["AA", "AE", "AR", "CA", "CE", "CR"]


def _check_party(value: str) -> str:
    if len(value) > 180 or not value.isascii() or not value.isprintable() or set(value) & set("|^~\\&"):
        raise ValueError("is no name for an HL7 header; write up to 180 ASCII characters, none of them | ^ ~ \\ &")
    return value


Party = Annotated[str, AfterValidator(_check_party), Unit("text", example="ENGINE")]


class Mllp(NodeCheck):
    """Connect to an HL7 interface; if `write` is set, send a message that names no patient and await its answer."""

    interval: Duration = 300.0
    """How often it runs."""
    port: Port
    """The port of the interface."""
    write: bool = False
    """Whether a message is sent, which goes into the interface; without, the check only connects."""
    message_file: FilePath | None = None
    """A message of your own for a test channel (MSH-11 T or D) instead of NMQ^N01; it gets a new MSH-7 and MSH-10."""
    sending_application: Party = "PACSMON"
    """MSH-3."""
    sending_facility: Party = ""
    """MSH-4."""
    receiving_application: Party = ""
    """MSH-5: what the interface engine routes by, perhaps."""
    receiving_facility: Party = ""
    """MSH-6."""
    version: Literal["2.3.1", "2.4", "2.5", "2.5.1", "2.6"] = "2.4"
    """MSH-12."""
    accept: Annotated[tuple[Code, ...], Field(min_length=1)] = ("AA", "CA")
    """Which acknowledgements are well; with AR, too, an interface that reads the message and does not know its type."""
    slow: Duration = 5.0
    """It fails when the acknowledgement takes longer."""
    tls: Tls | None = None
    """TLS for this port."""

    thresholds: ClassVar[tuple[str, ...]] = ("slow",)

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        told = self.model_fields_set & {"message_file", "accept", "slow"}
        if told and not self.write:
            raise ValueError(f"{min(told)} is for a message that is sent; set write: true, or take it out")
        header = {"sending_application", "sending_facility", "receiving_application", "receiving_facility", "version"}
        if self.message_file is not None and (told := self.model_fields_set & header):
            raise ValueError(f"{min(told)} is for our own message; write it into message_file")
        return self

    async def run(self) -> AsyncIterator[Sample]:
        """Raise CheckFailed unless all goes well; what was measured is kept."""
        seconds: dict[str, float] = {}
        answer, failure = None, None
        control_id = messages.new_control_id()
        try:
            message = await self._message(control_id) if self.write else b""
            async with Line(self, str(self.node.host), self.port, seconds) as line:
                await self._secure(line)
                if self.write:
                    answer = await self._send(line, message)
                    self._require_ours(line, answer, control_id)
        except CheckFailed as error:
            failure = error
        for phase, value in seconds.items():
            yield PHASE(value, phase=phase)
        if answer is not None:
            yield ANSWERS(1, code=answer.code)
        if failure is not None:
            raise failure
        self._require_fast(seconds.get("acknowledge", 0.0))

    async def _message(self, control_id: str) -> bytes:
        now = self.site_time.now()
        if self.message_file is None:
            parties = messages.Parties(
                self.sending_application, self.sending_facility, self.receiving_application, self.receiving_facility
            )
            return messages.clock_query(parties, self.version, control_id, now)
        text = await self.in_thread(self.message_file.read_bytes)
        try:
            return messages.stamped(text, control_id, now)
        except messages.NotSendable as fault:
            raise CheckFailed("broken", f"message_file {self.message_file} {fault}; correct it") from None

    async def _secure(self, line: Line) -> None:
        if self.tls is not None:
            context = await self.in_thread(context_for, self.tls)
            await line.secure(context, self.tls.server_name or str(self.node.host))

    async def _send(self, line: Line, message: bytes) -> Acknowledgement:
        def late() -> str:
            if line.received:
                return (
                    f"{line.who} began to answer and did not end with <FS><CR> in time; is this a port for HL7 over "
                    f"MLLP? If so, look into the log of its channel"
                )
            return (
                f"{line.who} took the connection and did not acknowledge the message in time; look whether its "
                f"channel is started, and how many messages wait"
            )

        async with line.step("acknowledge", late):
            await line.send(framed(message))
            answer = messages.acknowledgement(await receive_frame(line))
        if answer is None:
            sentence = f"{line.who} answers with what is no acknowledgement; does its channel send one (ACK with MSA)?"
            raise CheckFailed("mismatch", sentence)
        return answer

    def _require_ours(self, line: Line, answer: Acknowledgement, control_id: str) -> None:
        if answer.code not in self.accept:
            condition = messages.CONDITIONS.get(answer.condition, "")
            why = f": {condition} (HL7 table 0357: {answer.condition})" if condition else ""
            # An interface that reads the message and says no is alive: whether that will do is for people to say.
            raise CheckFailed(
                "rejected",
                f"{line.who} does not accept the message ({answer.code}){why}; look into the log of its channel, or "
                f"add {answer.code} to accept if that is how it answers a test",
            )
        if answer.control_id != control_id:
            raise CheckFailed(
                "mismatch",
                f"{line.who} acknowledges another message than ours (MSA-2 is not our MSH-10); its answers may be one "
                f"behind: restart its channel, or ask who wrote its acknowledgement",
            )

    def _require_fast(self, seconds: float) -> None:
        if seconds > self.slow:
            raise CheckFailed(
                "threshold",
                f"{self.node.name} took {seconds:.3g} s to acknowledge, {self.slow:g} s are allowed; look at its load, "
                f"and at what its channel waits for before it answers",
            )
