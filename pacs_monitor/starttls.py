"""STARTTLS: what is said before the handshake, where a service begins in plain text. Nothing of ours is in it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Literal

from pacs_monitor.check import CheckFailed

Service = Literal["smtp", "imap", "ldap", "postgres"]
_MOST_LINES = 100
_LDAP = bytes.fromhex("301d02010177188016") + b"1.3.6.1.4.1.1466.20037"  # RFC 4511 4.14.1, an ExtendedRequest
_POSTGRES = bytes.fromhex("0000000804d2162f")  # SSLRequest
_LONGEST_LDAP = 4096


class _Refused(Exception):
    """It speaks as it should and does not offer TLS."""


class _Other(Exception):
    """It speaks something else."""


async def begin(service: Service, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, where: str) -> None:
    """Ask for TLS, up to the point where the handshake begins. Raises OSError, or CheckFailed("mismatch")."""
    try:
        await _TALKS[service](reader, writer)
    except (_Other, ValueError, asyncio.IncompleteReadError):  # ValueError: a line without an end
        raise CheckFailed(
            "mismatch",
            f"{where} does not answer as {service} should; is another service on this port, or does it begin with TLS "
            f"at once? Correct port, or starttls",
        ) from None
    except _Refused:
        raise CheckFailed(
            "mismatch", f"{where} speaks {service} and offers no STARTTLS; switch TLS on there, or correct port"
        ) from None


async def _smtp(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await _reply(reader, b"220")
    writer.write(b"EHLO pacs-monitor\r\n")
    offers = await _reply(reader, b"250")
    if not any(line[4:].strip().upper() == b"STARTTLS" for line in offers):
        writer.write(b"QUIT\r\n")
        raise _Refused
    writer.write(b"STARTTLS\r\n")
    await _reply(reader, b"220", _Refused)


async def _reply(reader: asyncio.StreamReader, code: bytes, otherwise: type[_Refused | _Other] = _Other) -> list[bytes]:
    lines: list[bytes] = []
    while len(lines) < _MOST_LINES:
        line = await reader.readline()
        if not line.startswith(code):
            raise otherwise
        lines.append(line)
        if line[3:4] != b"-":
            return lines
    raise _Other


async def _imap(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    if not (await reader.readline()).startswith(b"* "):
        raise _Other
    writer.write(b"a1 STARTTLS\r\n")
    for _ in range(_MOST_LINES):
        line = await reader.readline()
        if line.startswith(b"a1 "):
            if not line.upper().startswith(b"A1 OK"):
                raise _Refused
            return
        if not line.startswith(b"* "):
            break
    raise _Other


async def _ldap(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(_LDAP)
    head = await reader.readexactly(2)
    length = head[1]
    if length & 0x80:
        length = int.from_bytes(await reader.readexactly(min(length & 0x7F, 4)), "big")
    if head[0] != 0x30 or not 10 <= length <= _LONGEST_LDAP:
        raise _Other
    message = await reader.readexactly(length)
    # LDAPMessage: messageID 1, then an ExtendedResponse whose first element is the resultCode.
    rest = message[5 + (message[4] & 0x7F if message[4] & 0x80 else 0) :]
    if message[:4] != b"\x02\x01\x01\x78" or rest[:2] != b"\x0a\x01":
        raise _Other
    if rest[2:3] != b"\x00":
        raise _Refused


async def _postgres(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(_POSTGRES)
    answer = await reader.readexactly(1)
    if answer == b"N":
        raise _Refused
    if answer != b"S":
        raise _Other


_TALKS: dict[Service, Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]] = {
    "smtp": _smtp,
    "imap": _imap,
    "ldap": _ldap,
    "postgres": _postgres,
}
