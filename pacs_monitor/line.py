"""A connection that a check speaks on, step by step: each step is timed, and has a sentence of its own if it fails."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable
from types import TracebackType
from typing import Self

from pacs_monitor.certificates import explain_tls, no_such_name
from pacs_monitor.check import Check, CheckFailed, perf_counter
from pacs_monitor.dicom.clock import acknowledge_now
from pacs_monitor.failures import explain_os_error
from pacs_monitor.tlsline import MOST, TlsLine

GOODBYE = 1.0
"""Seconds that what was written last has to get out."""


class Line:
    """Plain or secured bytes to and from a peer. Everything raises CheckFailed, with what to do."""

    def __init__(self, check: Check, host: str, port: int, seconds: dict[str, float]) -> None:
        """`seconds` takes what each step took, also one that failed, added to what it holds."""
        node, shown = check.surroundings.node, f"[{host}]" if ":" in host else host
        self.who = f"{node.name if node else check.name} ({shown}:{port})"
        """How sentences call the peer: `archive (10.0.0.5:2575)`."""
        self.received = 0
        """Bytes that have come, those of TLS itself left out."""
        self._check, self._host, self._port, self._seconds = check, host, port, seconds
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._tls: TlsLine | None = None

    async def __aenter__(self) -> Self:
        """Look up the name (`dns`) and connect (`connect`)."""
        surroundings = self._check.surroundings
        async with self.step("dns", lambda: f"the name of {self.who} was not resolved in time; ask the DNS's owner"):
            await surroundings.resolver.resolve(self._host, self._port, surroundings.deadline)
        async with self.step("connect", self._silent):
            self._streams = await self._check.connect(self._host, self._port)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._streams is None:
            return
        _, writer = self._streams
        if self._tls is not None:
            self._tls.say_goodbye()
        patience = min(GOODBYE, self._check.time_left)
        writer.close()
        # A listener that takes one client at a time is not free before the connection is gone.
        with contextlib.suppress(OSError):
            async with asyncio.timeout(patience):
                await writer.wait_closed()
        writer.transport.abort()

    @contextlib.asynccontextmanager
    async def step(self, phase: str, late: Callable[[], str]) -> AsyncIterator[None]:
        """A part of the conversation; `late` is the sentence if it has not ended by the run's deadline."""
        started = perf_counter()
        try:
            async with asyncio.timeout_at(self._check.surroundings.deadline):
                yield
        except TimeoutError as error:
            if error.errno is not None:  # the kernel gave up before us
                raise explain_os_error(error, self.who) from None
            raise CheckFailed("timeout", late()) from None
        except ssl.SSLError as error:
            raise explain_tls(error, self.who) from None
        except OSError as error:
            raise explain_os_error(error, self.who) from None
        finally:
            self._seconds[phase] = self._seconds.get(phase, 0.0) + perf_counter() - started

    async def secure(self, context: ssl.SSLContext, server_name: str) -> None:
        """Shake hands (`tls`). Raises TlsFailed."""

        def late() -> str:
            return f"{self.who} took the connection and did not finish the TLS handshake; does this port speak TLS?"

        async with self.step("tls", late):
            reader, writer = self._open
            try:
                self._tls = TlsLine(reader, writer, context, server_name)
            except ValueError as error:
                raise no_such_name(server_name, error) from None
            try:
                await self._tls.shake_hands()
            except TimeoutError:
                raise
            except OSError as error:
                raise explain_tls(error, self.who) from None

    @property
    def streams(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Reader and writer of the connection, for what is said within a step before TLS."""
        return self._open

    @property
    def chain(self) -> tuple[bytes, ...]:
        """The certificates that the peer showed, in DER, its own first; nothing without TLS."""
        return self._tls.chain if self._tls is not None else ()

    async def send(self, data: bytes) -> None:
        """Return once it is on its way. Raises OSError: within a step."""
        if self._tls is not None:
            await self._tls.send(data)
        else:
            self._open[1].write(data)
        await self._open[1].drain()
        self._acknowledge()

    async def receive(self) -> bytes:
        """What has come, at least a byte; nothing at the end. Raises OSError: within a step."""
        data = await (self._tls.receive() if self._tls is not None else self._open[0].read(MOST))
        self.received += len(data)
        self._acknowledge()
        return data

    def _acknowledge(self) -> None:
        # A peer with Nagle's algorithm, which answers in pieces, holds back the next until we have: 40 ms.
        sock = self._open[1].get_extra_info("socket")
        if sock is not None and sock.fileno() >= 0:
            acknowledge_now(sock)

    @property
    def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        assert self._streams is not None
        return self._streams

    def _silent(self) -> str:
        return (
            f"{self.who} did not answer in time; nothing came back at all: the machine is off, or a firewall drops the "
            f"packets; try to ping it and ask the network team about port {self._port}"
        )
