"""Closer looks at a port that does not do as it should: does it speak TLS, with which certificate, and what then?

Each opens a connection and closes it; no association is asked for.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pacs_monitor.certificate_facts import Facts, facts_of
from pacs_monitor.certificates import TlsFailed, explain_tls
from pacs_monitor.dicom.connect import Address
from pacs_monitor.dicom.conversation import Script
from pacs_monitor.node import host_of


@asynccontextmanager
async def _secured(
    address: Address, context: ssl.SSLContext, name: str, deadline: float
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    family, where = address
    async with asyncio.timeout_at(deadline):
        reader, writer = await asyncio.open_connection(
            host_of(where), where[1], family=family, ssl=context, server_hostname=name
        )
        try:
            yield reader, writer
        finally:
            writer.transport.abort()


async def speaks_tls(address: Address, context: ssl.SSLContext, name: str, deadline: float) -> bool:
    """Whether the port answers a TLS handshake, be it with a refusal in TLS."""
    try:
        async with _secured(address, context, name, deadline):
            return True
    except ssl.SSLError as error:
        return "ALERT" in (error.reason or "") or "UNSUPPORTED_PROTOCOL" in (error.reason or "")
    except (OSError, ValueError):  # ValueError: a name that no certificate can have
        return False


async def certificate(address: Address, context: ssl.SSLContext, name: str, deadline: float) -> Facts | None:
    """What the node's certificate says, accepted or not; `context` must not verify it."""
    try:
        async with _secured(address, context, name, deadline) as (_, writer):
            der: bytes | None = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    except (OSError, ValueError):
        return None
    return facts_of(der) if der else None


async def late_alert(
    address: Address, context: ssl.SSLContext, script: Script, name: str, deadline: float
) -> TlsFailed | None:
    """What the node says of our certificate after the handshake, as TLS 1.3 has it.

    We keep silent meanwhile: the reset that follows when we speak may overtake the alert.
    """
    try:
        async with _secured(address, context, name, deadline) as (reader, _):
            await reader.read(1)
    except ssl.SSLEOFError:
        return None
    except ssl.SSLError as error:
        return explain_tls(error, script.peer)
    except (OSError, ValueError):
        return None
    return None
