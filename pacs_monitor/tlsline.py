"""TLS over a stream, driven in memory: what the peer showed can be looked at even if the handshake fails."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Callable
from typing import Any, TypeVar

MOST = 65536

T = TypeVar("T")


class TlsLine:
    """One TLS connection over a reader and a writer that are connected already."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, context: ssl.SSLContext, server_name: str
    ) -> None:
        """Raise ValueError for a name that cannot stand in a certificate."""
        self._reader, self._writer = reader, writer
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=server_name)
        self._stands = False

    async def shake_hands(self) -> None:
        """Raise ssl.SSLError if there is no TLS; the peer has been told why."""
        await self._drive(self._tls.do_handshake)
        self._stands = True

    async def send(self, data: bytes) -> None:
        """Return once it is on its way."""
        await self._drive(lambda: self._tls.write(data))

    async def receive(self) -> bytes:
        """What has come, at least a byte; nothing at the end."""
        try:
            return await self._drive(lambda: self._tls.read(MOST))
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return b""

    def say_goodbye(self) -> None:
        """Tell the peer that nothing more comes, without waiting for its answer."""
        if self._stands:
            with contextlib.suppress(ssl.SSLError):
                self._tls.unwrap()
            self._hand_over()

    @property
    def chain(self) -> tuple[bytes, ...]:
        """The certificates that the peer showed, in DER, its own first; also after a handshake that failed later."""
        if hasattr(self._tls, "get_unverified_chain"):  # from Python 3.13 on
            return tuple(self._tls.get_unverified_chain())
        inner: Any = self._tls._sslobj  # type: ignore[attr-defined]  # where 3.10 to 3.12 have it
        return tuple(ssl.PEM_cert_to_DER_cert(each.public_bytes()) for each in inner.get_unverified_chain() or ())

    async def _drive(self, call: Callable[[], T]) -> T:
        while True:
            try:
                return call()
            except ssl.SSLWantReadError:
                pass
            finally:
                self._hand_over()  # an alert, too, if it failed
            await self._writer.drain()
            data = await self._reader.read(MOST)
            if data:
                self._incoming.write(data)
            else:
                self._incoming.write_eof()

    def _hand_over(self) -> None:
        data = self._outgoing.read()
        if data:
            self._writer.write(data)
