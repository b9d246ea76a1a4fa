"""Opening the TCP connection: sockets, and what it means when there is none."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from typing import Any, cast

from pacs_monitor.check import CheckFailed
from pacs_monitor.dicom import clock, reasons
from pacs_monitor.dicom.conversation import Script
from pacs_monitor.node import host_of

Address = tuple[socket.AddressFamily, Any]

_UNREACHABLE = (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN)
_RESET = (errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED)
_OURS = {
    errno.EMFILE: "this process may open no more files: raise LimitNOFILE of the agent's service",
    errno.ENFILE: "this machine may open no more files: raise fs.file-max",
    errno.EADDRNOTAVAIL: "this machine has no local port left for it: see what holds so many connections",
    errno.ENOBUFS: "this machine has no memory left for the connection",
    errno.ENOMEM: "this machine has no memory left for the connection",
    errno.EAFNOSUPPORT: "this machine does not speak the protocol of that address: give the node another address",
}
# Of several addresses the most telling failure is told: one that somebody answered counts most.
_TELLING = ("unreachable", "timeout", "aborted", "refused")


def open_socket(family: socket.AddressFamily) -> socket.socket:
    """A TCP socket that does not block, with the kernel's receive times. Raises OSError."""
    sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        clock.prepare(sock)
    except OSError:
        sock.close()
        raise
    return sock


def connect_failure(error: int, script: Script, seconds: float = 0.0) -> CheckFailed:
    """What an errno of connect means for this node, after so many seconds."""
    node, place = script.node, script.place
    if error == errno.ECONNREFUSED:
        return CheckFailed(
            "refused",
            f"{node} ({place}) refuses the connection: the machine is there, but nothing listens on this port; "
            f"start the DICOM service, or correct port",
        )
    if error in _UNREACHABLE:
        return CheckFailed(
            "unreachable",
            f"there is no way to {node} ({place}): {os.strerror(error)}; the machine is off or the route is gone: "
            f"ask the network team",
        )
    if error == errno.ETIMEDOUT:
        return CheckFailed("timeout", reasons.explain_silence(node, place, "connect", seconds, 0))
    if error in (errno.EACCES, errno.EPERM):
        return CheckFailed(
            "unreachable",
            f"this machine may not connect to {node} ({place}): {os.strerror(error)}; look at its own firewall",
        )
    why = _OURS.get(error, "look at this machine's network")
    return CheckFailed("unreachable", f"{node} ({place}) cannot be reached: {os.strerror(error)}; {why}")


def broken_connection(
    error: int, script: Script, phase: str, received: int, secure: bool, asked: str = reasons.ECHO
) -> CheckFailed:
    """What an errno means once the connection stood: most often that the peer, or a firewall, reset it."""
    if error in _RESET:
        said = reasons.explain_closed(
            script.node, script.place, phase, script.calling, received, secure, "reset", asked
        )
        return CheckFailed("aborted", said)
    return connect_failure(error, script)


def more_telling(one: CheckFailed | None, other: CheckFailed) -> CheckFailed:
    """Of the failures of two addresses the one that says more; the later of two equals."""
    if one is not None and _TELLING.index(one.reason) > _TELLING.index(other.reason):
        return one
    return other


class _Waiting(asyncio.Protocol):
    """Reads nothing until the handshake: what a peer says before it, the handshake must see."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast(asyncio.Transport, transport).pause_reading()


async def open_transport(script: Script, addresses: list[Address], deadline: float) -> asyncio.Transport:
    """A connected transport: each address gets an equal share of the time that is left. Raises CheckFailed.

    The event loop makes the socket and no one else closes it: uvloop closes a socket that it was handed, and
    where that happened already a second close hits whatever has got its number since.
    """
    loop = asyncio.get_running_loop()
    started = loop.time()
    refusal: CheckFailed | None = None
    for place, (family, address) in enumerate(addresses):
        share = (deadline - loop.time()) / (len(addresses) - place)
        try:
            async with asyncio.timeout(share):
                transport, _ = await loop.create_connection(_Waiting, host_of(address), address[1], family=family)
        except OSError as error:
            number = errno.ETIMEDOUT if isinstance(error, TimeoutError) else error.errno or 0
            refusal = more_telling(refusal, connect_failure(number, script, loop.time() - started))
        else:
            return transport
    assert refusal is not None, "a host has at least one address"
    raise refusal
