"""Names to addresses, so that no probe waits for another node's DNS."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pacs_monitor.check import CheckFailed
from pacs_monitor.threads import in_thread

Address = tuple[socket.AddressFamily, Any]
Lookup = Callable[[str], list[Address]]

FRESH = 60.0
"""Seconds for which an answer is used without asking again; getaddrinfo does not tell the record's own."""


def system_lookup(host: str) -> list[Address]:
    """All addresses of a name by the system's resolver, port 0. Raises OSError."""
    found = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM)
    return list(dict.fromkeys((family, address) for family, _, _, _, address in found))


@lru_cache(maxsize=50_000)
def literal(host: str, port: int) -> list[Address] | None:
    """The address itself, if the host is one; else None."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    if address.version == 4:
        return [(socket.AF_INET, (host, port))]
    return [(socket.AF_INET6, (str(address).partition("%")[0], port, 0, _interface(address.scope_id or "0")))]


def _interface(zone: str) -> int:
    """Number of an interface, given by number or name (fe80::1%eth0); 0 if there is none of that name."""
    if zone.isdigit():
        return int(zone)
    try:
        return socket.if_nametoindex(zone)
    except OSError:
        return 0


@dataclass
class _Name:
    addresses: list[Address]
    error: str = ""
    asked: float = float("-inf")
    query: asyncio.Task[None] | None = None


class Resolver:
    """Threads of its own, a cache, one query for a name at a time, the last good answer while DNS fails."""

    def __init__(self, lookup: Lookup = system_lookup, fresh: float = FRESH, retry: float = 5.0) -> None:
        """`lookup` blocks and raises OSError; `fresh` and `retry` (after a failure) are in seconds."""
        self._lookup = lookup
        self._fresh = fresh
        self._retry = retry
        self._names: dict[str, _Name] = {}
        self.failures = 0
        """Queries that failed since the start, also those that an earlier answer covered."""

    async def resolve(self, host: str, port: int, deadline: float) -> list[Address]:
        """Socket addresses for a host, by `deadline` on the loop's clock. Raises CheckFailed("dns")."""
        known = literal(host, port)
        if known is not None:
            return known
        loop = asyncio.get_running_loop()
        name = self._names.setdefault(host, _Name([]))
        age = loop.time() - name.asked
        if name.query is None and age > (self._retry if name.error else self._fresh):
            name.query = loop.create_task(self._ask(host, name))
        if name.query is not None and not name.addresses:
            await self._wait(host, name.query, deadline)
        if not name.addresses:
            raise CheckFailed(
                "dns",
                f"the name {host} cannot be resolved ({name.error}); correct host, or ask whoever runs the DNS",
            )
        return [(family, (address[0], port, *address[2:])) for family, address in name.addresses]

    async def _wait(self, host: str, query: asyncio.Task[None], deadline: float) -> None:
        seconds = max(0.0, deadline - asyncio.get_running_loop().time())
        # The query goes on without us: its answer serves whoever asks next.
        done, _ = await asyncio.wait([query], timeout=seconds)
        if not done:
            raise CheckFailed(
                "dns",
                f"the name {host} was not resolved within {seconds:.3g} s; is the DNS server reachable?",
            )

    async def _ask(self, host: str, name: _Name) -> None:
        try:
            name.addresses = await in_thread(lambda: self._lookup(host))
            name.error = ""
        except (OSError, UnicodeError) as error:
            # An earlier answer, if there is one, stays good.
            name.error = getattr(error, "strerror", None) or str(error)
            self.failures += 1
        finally:
            name.asked = asyncio.get_running_loop().time()
            name.query = None
