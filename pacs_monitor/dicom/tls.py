"""DICOM over TLS: the same conversation on asyncio's own transport."""

from __future__ import annotations

import asyncio
import socket
import ssl
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

from pacs_monitor.check import CheckFailed
from pacs_monitor.dicom import clock, codec, reasons
from pacs_monitor.dicom.conversation import Conversation, Outcome, Script
from pacs_monitor.dicom.echo import Address, connect_failure
from pacs_monitor.node import Tls

_REMEDIES = {
    "CERTIFICATE_REQUIRED": "it wants a certificate of ours; set tls.cert_file and have it registered there",
    "UNKNOWN_CA": "it does not trust our certificate's issuer; have it registered there",
    "BAD_CERTIFICATE": "it does not take our certificate; have it registered there",
    "WRONG_VERSION_NUMBER": "this port does not speak TLS; take tls away, or correct port",
    "UNSUPPORTED_PROTOCOL": "it speaks only versions of TLS that are no longer safe; ask its vendor for TLS 1.2",
    "PROTOCOL_VERSION": "it speaks only versions of TLS that are no longer safe; ask its vendor for TLS 1.2",
    "HANDSHAKE_FAILURE": "no cipher in common, or it wants a certificate of ours (tls.cert_file); see its log",
}


@lru_cache(maxsize=256)
def _context(tls: Tls, stamps: tuple[int, ...]) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(tls.ca_file) if tls.ca_file else None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if not tls.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if tls.cert_file:
        context.load_cert_chain(str(tls.cert_file), str(tls.key_file) if tls.key_file else None)
    return context


def context_for(tls: Tls) -> ssl.SSLContext:
    """The client's context for a node; read anew when a file has changed. Blocks. Raises CheckFailed("tls")."""
    files = [path for path in (tls.ca_file, tls.cert_file, tls.key_file) if path]
    try:
        return _context(tls, tuple(Path(path).stat().st_mtime_ns for path in files))
    except (OSError, ssl.SSLError) as error:
        names = ", ".join(str(path) for path in files)
        what = getattr(error, "strerror", None) or type(error).__name__
        raise CheckFailed("tls", f"the certificate files {names} cannot be used ({what}); correct tls") from None


def explain_tls(error: ssl.SSLError | OSError, script: Script) -> CheckFailed:
    """What a failed handshake means and what to do."""
    node = f"{script.node} ({script.place})"
    if isinstance(error, ssl.SSLCertVerificationError):
        why = error.verify_message.rstrip(".")
        remedy = {
            10: "have it renewed",
            18: "set tls.ca_file to it if it is meant to be self-signed",
            19: "set tls.ca_file to the authority's certificate",
            20: "set tls.ca_file to the certificate of the authority that issued it",
            62: "set tls.server_name to the name in the certificate",
            64: "set tls.server_name to the name in the certificate",
        }.get(error.verify_code, "ask whoever issued it")
        return CheckFailed("tls", f"the certificate of {node} is not accepted: {why}; {remedy}")
    if isinstance(error, ssl.SSLError):
        reason = (error.reason or "").upper()
        remedy = next((text for word, text in _REMEDIES.items() if word in reason), "look into its log at this time")
        return CheckFailed("tls", f"no TLS with {node}: {reason.lower().replace('_', ' ')}; {remedy}")
    return CheckFailed(
        "tls",
        f"{node} closed the connection during the TLS handshake; does this port speak TLS, and does it want a "
        f"certificate of ours (tls.cert_file)?",
    )


class _Talk(asyncio.Protocol):
    """Drives a conversation over a transport."""

    def __init__(self, conversation: Conversation, done: asyncio.Future[None]) -> None:
        self._conversation = conversation
        self._stopwatch = clock.Stopwatch()
        self.done = done
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def open(self) -> None:
        self._conversation.outcome.phase = "associate"
        self._send(self._conversation.script.opening)

    def _send(self, data: bytes) -> None:
        assert self.transport is not None
        self._stopwatch.start()
        self.transport.write(data)

    def data_received(self, data: bytes) -> None:
        if self.done.done():
            return
        conversation, outcome = self._conversation, self._conversation.outcome
        phase = outcome.phase
        try:
            answer = conversation.receive(data)
        except CheckFailed as failure:
            outcome.phases[phase] = self._stopwatch.read()
            self.abort()
            self._end(failure)
            return
        if answer is None:
            assert self.transport is not None
            sock = self.transport.get_extra_info("socket")
            if sock is not None:
                clock.acknowledge_now(sock)
            return
        outcome.phases[phase] = self._stopwatch.read()
        if conversation.complete:
            self._end(None)
        elif answer:
            self._send(answer)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.done.done():
            return
        outcome = self._conversation.outcome
        outcome.phases[outcome.phase] = self._stopwatch.read()
        if isinstance(exc, ssl.SSLError):
            # TLS 1.3 tells only after the handshake that our certificate is not wanted.
            self._end(explain_tls(exc, self._conversation.script))
            return
        try:
            self._conversation.closed()
        except CheckFailed as failure:
            self._end(failure)
        else:
            self._end(None)

    def _end(self, failure: CheckFailed | None) -> None:
        outcome = self._conversation.outcome
        outcome.failure = outcome.failure or failure
        self.done.set_result(None)

    def abort(self) -> None:
        """A-ABORT, as far as the transport still takes it."""
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(codec.abort_request())


async def echo_tls(
    script: Script, addresses: list[Address], deadline: float, context: ssl.SSLContext, server_name: str
) -> Outcome:
    """As `echo`, over TLS; the handshake is a phase of its own. `deadline` is on the loop's clock.

    Never raises but when cancelled; then the association is aborted and the socket closed.
    """
    loop = asyncio.get_running_loop()
    outcome = Outcome()
    conversation = Conversation(script, outcome)
    talk = _Talk(conversation, loop.create_future())
    started = loop.time()
    try:
        async with asyncio.timeout_at(deadline):
            outcome.failure = await _walk(talk, outcome, script, addresses, context, server_name, deadline)
            if outcome.failure is None:
                talk.open()
                await talk.done
    except TimeoutError:
        message = reasons.explain_silence(
            script.node, script.place, outcome.phase, loop.time() - started, conversation.partial
        )
        outcome.failure = outcome.failure or CheckFailed("timeout", message)
        talk.abort()
    except asyncio.CancelledError:
        talk.abort()
        raise
    finally:
        if talk.transport is not None:
            talk.transport.close()
            # A peer that does not answer close_notify must not keep the socket.
            loop.call_later(1.0, talk.transport.abort)
    return outcome


async def _walk(
    talk: _Talk,
    outcome: Outcome,
    script: Script,
    addresses: list[Address],
    context: ssl.SSLContext,
    server_name: str,
    deadline: float,
) -> CheckFailed | None:
    """Connect and shake hands; what went wrong, if anything."""
    stopwatch = clock.Stopwatch()
    connected = await _connect(script, addresses, deadline)
    outcome.phases["connect"] = stopwatch.read()
    if isinstance(connected, CheckFailed):
        return connected
    outcome.phase = "tls"
    stopwatch.start()
    loop = asyncio.get_running_loop()
    try:
        # asyncio's own limit on the handshake would come with a message of its own; ours is the deadline.
        await loop.create_connection(
            lambda: talk,
            sock=connected,
            ssl=context,
            server_hostname=server_name,
            ssl_handshake_timeout=max(0.1, deadline - loop.time()) + 60,
        )
    except OSError as error:
        return explain_tls(error, script)
    finally:
        outcome.phases["tls"] = stopwatch.read()
        if talk.transport is None:
            connected.close()
    return None


async def _connect(script: Script, addresses: list[Address], deadline: float) -> socket.socket | CheckFailed:
    loop = asyncio.get_running_loop()
    failure: CheckFailed | None = None
    for place, (family, address) in enumerate(addresses):
        sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        clock.prepare(sock)
        last = place + 1 == len(addresses)
        share = None if last else (deadline - loop.time()) / (len(addresses) - place)
        connected: Any = False
        try:
            async with asyncio.timeout(share):
                await loop.sock_connect(sock, address)
            connected = True
            return sock
        except TimeoutError as error:
            failure = connect_failure(error.errno or 110, script)
        except OSError as error:
            failure = connect_failure(error.errno or 0, script)
        finally:
            if not connected:
                sock.close()
    assert failure is not None
    return failure
