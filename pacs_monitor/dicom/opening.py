"""The connection that pynetdicom gets: opened by us, to whichever address answers, over TLS if the node wants it."""

from __future__ import annotations

import asyncio
import errno
import socket
from typing import TYPE_CHECKING, Any

from pacs_monitor.certificates import context_for, explain_tls, no_such_name
from pacs_monitor.check import CheckFailed, perf_counter
from pacs_monitor.dicom import reasons
from pacs_monitor.dicom.connect import Address, connect_failure, more_telling, open_socket
from pacs_monitor.dicom.conversation import Outcome, Script
from pacs_monitor.dicom.transport import cut
from pacs_monitor.node import Tls

if TYPE_CHECKING:
    from pacs_monitor.dicom.check import DicomCheck

SPARE = 1.0
"""Seconds by which the timeouts of threads are past the deadline: at the deadline somebody tells why."""


async def open_line(check: DicomCheck, script: Script, addresses: list[Address], outcome: Outcome) -> socket.socket:
    """A connected socket, for threads; its phases go into the outcome. Raises CheckFailed."""
    outcome.phase, started = "connect", perf_counter()
    sock = await _connect(script, addresses, check.surroundings.deadline)
    outcome.phases["connect"] = perf_counter() - started
    if check.node.tls is None:
        return sock
    outcome.phase, started = "tls", perf_counter()
    sock = await _secure(check, script, sock, check.node.tls)
    outcome.phases["tls"] = perf_counter() - started
    return sock


async def _connect(script: Script, addresses: list[Address], deadline: float) -> socket.socket:
    """Each address gets an equal share of the time that is left."""
    loop = asyncio.get_running_loop()
    started = loop.time()
    refusal: CheckFailed | None = None
    for place, (family, address) in enumerate(addresses):
        share = (deadline - loop.time()) / (len(addresses) - place)
        try:
            return await _connected(family, address, share)
        except OSError as error:
            number = errno.ETIMEDOUT if isinstance(error, TimeoutError) else error.errno or 0
            refusal = more_telling(refusal, connect_failure(number, script, loop.time() - started))
    assert refusal is not None, "a host has at least one address"
    raise refusal


async def _connected(family: socket.AddressFamily, address: Any, share: float) -> socket.socket:
    sock = open_socket(family)
    connected = False
    try:
        async with asyncio.timeout(share):
            await asyncio.get_running_loop().sock_connect(sock, address)
        connected = True
    finally:
        if not connected:
            sock.close()
    return sock


async def _secure(check: DicomCheck, script: Script, sock: socket.socket, tls: Tls) -> socket.socket:
    started, shaking, secured = perf_counter(), False, False
    name = tls.server_name or str(check.node.host)
    try:
        async with asyncio.timeout_at(check.surroundings.deadline):
            context = await check.in_thread(context_for, tls)
            sock = context.wrap_socket(sock, server_hostname=name, do_handshake_on_connect=False)
            sock.settimeout(check.time_left + SPARE)
            shaking = True
            await check.in_thread(_shake_hands, sock)
        secured = True
    except TimeoutError:
        message = reasons.explain_silence(script.node, script.place, "tls", perf_counter() - started, 0)
        raise CheckFailed("timeout", message) from None
    except OSError as error:
        raise explain_tls(error, script.peer) from None
    except ValueError as error:
        raise no_such_name(name, error) from None
    finally:
        if not secured:
            cut(sock)
            if not shaking:  # else the thread closes it: it may still be in it
                sock.close()
    return sock


def _shake_hands(sock: Any) -> None:
    try:
        sock.do_handshake()
    except (OSError, ValueError):
        sock.close()
        raise
