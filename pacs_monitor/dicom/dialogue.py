"""A conversation at work: what every transport does with bytes, ends and errors, and how long they took."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from pacs_monitor.check import CheckFailed
from pacs_monitor.dicom import clock
from pacs_monitor.dicom.connect import broken_connection
from pacs_monitor.dicom.conversation import Conversation, Outcome, Script


class Wiretap(Protocol):
    """Is told of every byte of an association, for a trace."""

    def sent(self, data: bytes) -> None:
        """Bytes that went out."""

    def heard(self, data: bytes) -> None:
        """Bytes that came in."""


Observer = Callable[[str, Outcome, Any], None]
"""Called with each phase that came to its end, and our own socket address."""


class Dialogue:
    """One association over some transport; subclasses send, acknowledge and hang up."""

    __slots__ = ("_conversation", "_observer", "_outcome", "_stopwatch", "_wiretap")

    def __init__(
        self, script: Script, observer: Observer | None, wiretap: Wiretap | None = None, secure: bool = False
    ) -> None:
        self._outcome = Outcome()
        self._conversation = Conversation(script, self._outcome, secure)
        self._observer = observer
        self._wiretap = wiretap
        self._stopwatch = clock.Stopwatch()

    def _say(self, data: bytes) -> None:
        if self._wiretap is not None:
            self._wiretap.sent(data)
        self._send(data)

    def _send(self, data: bytes) -> None:
        """Start the stopwatch and send."""
        raise NotImplementedError

    def _acknowledge(self) -> None:
        """What has arrived is not all: let the peer send the rest."""
        raise NotImplementedError

    def _finish(self, failure: CheckFailed | None) -> None:
        """Hang up; nothing more is to come."""
        raise NotImplementedError

    def _local_address(self) -> Any:
        """Our own socket address."""
        raise NotImplementedError

    @property
    def _finished(self) -> bool:
        raise NotImplementedError

    def _passed(self, phase: str, seconds: float) -> None:
        self._outcome.phases[phase] = seconds
        if self._observer is not None:
            self._observer(phase, self._outcome, self._local_address())

    def _take(self, data: bytes, ancillary: list[Any] | None) -> None:
        conversation, outcome = self._conversation, self._outcome
        if self._wiretap is not None:
            self._wiretap.heard(data)
        while True:
            phase = outcome.phase
            try:
                answer = conversation.receive(data)
            except CheckFailed as failure:
                self._ended(phase, ancillary, failure)
                return
            if answer is None:
                self._acknowledge()
                return
            seconds = self._stopwatch.read(ancillary)
            if phase == "dimse":
                outcome.kernel_clock = self._stopwatch.kernel
            self._passed(phase, seconds)
            if conversation.complete:
                self._finish(None)
                return
            if answer:
                self._say(answer)
            if not conversation.partial or self._finished:
                return
            data = b""

    def _closed(self) -> None:
        phase = self._outcome.phase
        try:
            self._conversation.closed()
        except CheckFailed as failure:
            self._ended(phase, None, failure)
        else:
            self._ended(phase, None, None)

    def _broken(self, error: OSError) -> None:
        phase, conversation = self._outcome.phase, self._conversation
        conversation.ended = True
        self._outcome.partial = conversation.partial
        failure = None
        if phase != "release":  # the answer is in; how the peer hangs up is its own affair
            script, number = conversation.script, error.errno or 0
            failure = broken_connection(number, script, phase, conversation.partial, conversation.secure)
        self._ended(phase, None, failure)

    def _ended(self, phase: str, ancillary: list[Any] | None, failure: CheckFailed | None) -> None:
        self._outcome.phases[phase] = self._stopwatch.read(ancillary)
        # A refusal that was understood before the release counts for more than a bad goodbye.
        self._finish(self._outcome.failure or failure)

    def _silence(self) -> CheckFailed:
        """The deadline has passed after the connection stood."""
        return self._conversation.silent(self._stopwatch.read())
