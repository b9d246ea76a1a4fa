"""DICOM over TLS: the same conversation on asyncio's own transport."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from typing import Any

from pacs_monitor.certificates import context_for, explain_tls, no_such_name
from pacs_monitor.check import CheckFailed
from pacs_monitor.dicom import clock, codec, reasons
from pacs_monitor.dicom.connect import Address, open_transport
from pacs_monitor.dicom.conversation import Outcome, Script
from pacs_monitor.dicom.dialogue import Dialogue, Observer, Wiretap

__all__ = ["context_for", "echo_tls", "explain_tls"]

GOODBYE = 1.0
"""Seconds that a peer has for its close_notify, which is not part of what is measured."""


class _Talk(Dialogue, asyncio.Protocol):
    """Drives a conversation over a transport."""

    def __init__(self, script: Script, observer: Observer | None, wiretap: Wiretap | None) -> None:
        super().__init__(script, observer, wiretap, secure=True)
        self.done: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._gone = asyncio.Event()
        self._transport: asyncio.Transport | None = None

    def data_received(self, data: bytes) -> None:
        if not self.done.done():
            self._take(data, None)

    def connection_lost(self, exc: Exception | None) -> None:
        self._gone.set()
        if self.done.done():
            return
        if exc is None or isinstance(exc, ssl.SSLEOFError):
            self._closed()
        elif isinstance(exc, ssl.SSLError) and self._outcome.phase != "release":
            # TLS 1.3 tells only after the handshake that our certificate is not wanted.
            self._conversation.ended = True
            self._ended(self._outcome.phase, None, explain_tls(exc, self._conversation.script.peer))
        elif isinstance(exc, OSError):
            self._broken(exc)
        else:
            self._closed()

    async def run(
        self, addresses: list[Address], deadline: float, context: ssl.SSLContext, server_name: str
    ) -> Outcome:
        """Connect, shake hands, talk."""
        outcome, script = self._outcome, self._conversation.script
        started = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout_at(deadline):
                await self._connect(addresses, deadline, context, server_name)
                await self.done
        except CheckFailed as failure:
            outcome.phases[outcome.phase] = self._stopwatch.read()
            self._finish(failure)
        except TimeoutError:
            if self.done.done() and not self.done.cancelled():
                return outcome  # the last answer and the deadline came in the same turn of the loop
            if outcome.phase == "connect":
                waited = asyncio.get_running_loop().time() - started
                message = reasons.explain_silence(script.node, script.place, "connect", waited, 0)
                self._finish(CheckFailed("timeout", message))
            else:
                self._finish(self._silence())
        finally:
            self._close()
        if self._transport is not None:
            await self._part(deadline)
        return outcome

    async def _part(self, deadline: float) -> None:
        # A listener that takes one association at a time is not free before the connection is gone.
        patience = min(GOODBYE, deadline - asyncio.get_running_loop().time())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, patience)):
                await self._gone.wait()

    async def _connect(
        self, addresses: list[Address], deadline: float, context: ssl.SSLContext, server_name: str
    ) -> None:
        script, loop = self._conversation.script, asyncio.get_running_loop()
        plain = await open_transport(script, addresses, deadline)
        local = plain.get_extra_info("sockname")
        self._outcome.phases["connect"] = self._stopwatch.read()
        if self._observer is not None:
            self._observer("connect", self._outcome, local)
        self._outcome.phase = "tls"
        self._stopwatch.start()
        try:
            # asyncio's own limit on the handshake would come with a message of its own; ours is the deadline.
            secure = await loop.start_tls(
                plain,
                self,
                context,
                server_hostname=server_name,
                ssl_handshake_timeout=max(0.0, deadline - loop.time()) + 60,
                ssl_shutdown_timeout=GOODBYE,
            )
        except OSError as error:
            raise explain_tls(error, script.peer) from None
        except ValueError as error:
            raise no_such_name(server_name, error) from None
        else:
            self._transport = secure
        finally:
            if self._transport is None:
                plain.abort()
        self._passed("tls", self._stopwatch.read())
        if not self.done.done():
            self._outcome.phase = "associate"
            self._say(script.opening)

    def _send(self, data: bytes) -> None:
        assert self._transport is not None
        # What came with the handshake (session tickets) may be unacknowledged still, and a peer with Nagle's
        # algorithm holds back its answer until it is: 40 ms.
        self._acknowledge()
        self._stopwatch.start()
        self._transport.write(data)
        self._acknowledge()

    def _acknowledge(self) -> None:
        sock = None if self._transport is None else self._transport.get_extra_info("socket")
        if sock is not None and sock.fileno() >= 0:
            clock.acknowledge_now(sock)

    def _local_address(self) -> Any:
        assert self._transport is not None
        return self._transport.get_extra_info("sockname")

    @property
    def _finished(self) -> bool:
        return self.done.done()

    def _finish(self, failure: CheckFailed | None) -> None:
        self._outcome.failure = self._outcome.failure or failure
        self._close()
        if not self.done.done():
            self.done.set_result(self._outcome)

    def _close(self) -> None:
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        if self._outcome.phase != "tls" and not self._conversation.ended:
            transport.write(codec.abort_request())
        transport.close()


async def echo_tls(
    script: Script,
    addresses: list[Address],
    deadline: float,
    context: ssl.SSLContext,
    server_name: str,
    observer: Observer | None = None,
    wiretap: Wiretap | None = None,
) -> Outcome:
    """As `echo`, over TLS; the handshake is a phase of its own. `deadline` is on the loop's clock.

    Never raises but when cancelled; then the association is aborted and the socket closed.
    """
    return await _Talk(script, observer, wiretap).run(addresses, deadline, context, server_name)
