"""TCP: does anything listen on this port, how soon, and does it greet as it should?"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Annotated

from pydantic import AfterValidator

from pacs_monitor.check import CheckFailed, Gauge, NodeCheck, Port, Sample, Unit, perf_counter
from pacs_monitor.dicom.reasons import explain_silence

CONNECT = Gauge("pacs_tcp_connect_seconds", "Time to open the TCP connection, without looking up the name.")

_MOST_BYTES = 1024


def _check_pattern(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"{value!r} is not a regular expression ({error}); write for example ^SSH-2") from None
    return value


Pattern = Annotated[str, AfterValidator(_check_pattern), Unit("regular expression", example="^SSH-2")]


class Tcp(NodeCheck):
    """Open a TCP connection, read the greeting if one is expected, and close it."""

    affects_health: bool = True
    """Whether the node's health for load balancers depends on it; true, since a closed port serves nobody."""
    port: Port | None = None
    """The port to connect to; the node's own unless set."""
    expect: Pattern | None = None
    """What the first KiB that the service sends must match, such as ^SSH-2; nothing is read unless set."""

    async def run(self) -> AsyncIterator[Sample]:
        """Raise OSError if nothing listens, CheckFailed if the greeting is missing or another one."""
        port = self.port or self.node.port
        if port is None:
            raise CheckFailed("broken", f"{self.node.name} has no port; set port for this check or for the node")
        host, deadline = str(self.node.host), self.surroundings.deadline
        await self.surroundings.resolver.resolve(host, port, deadline)
        started = perf_counter()
        try:
            async with asyncio.timeout_at(deadline):
                reader, writer = await self.open_connection(port)
        except TimeoutError as error:
            if error.errno is not None:
                raise  # the kernel gave up before us
            place, waited = f"{host}:{port}", perf_counter() - started
            message = explain_silence(self.node.name, place, "connect", waited, 0)
            raise CheckFailed("timeout", message) from None
        yield CONNECT(perf_counter() - started)
        try:
            if self.expect is not None:
                await self._greeted(reader, re.compile(self.expect), port)
        finally:
            writer.close()

    async def _greeted(self, reader: asyncio.StreamReader, pattern: re.Pattern[str], port: int) -> None:
        received, ended = b"", ""
        while not pattern.search(received.decode("latin-1")):
            if ended or len(received) >= _MOST_BYTES:
                raise self._ungreeted(received, ended, port)
            try:
                async with asyncio.timeout_at(self.surroundings.deadline):
                    data = await reader.read(_MOST_BYTES - len(received))
            except TimeoutError:
                data, ended = b"", "and then nothing until the timeout"
            else:
                ended = "" if data else "and then closed the connection"
            received += data

    def _ungreeted(self, received: bytes, ended: str, port: int) -> CheckFailed:
        place = f"{self.node.name} ({self.node.host}:{port})"
        if received:
            # Counted and never quoted: whatever listens there may be about to tell of a patient.
            return CheckFailed(
                "mismatch",
                f"{place} sent {len(received)} bytes that do not match {self.expect!r} "
                f"{ended}; is another service on this port? If not, correct expect".replace("  ", " "),
            )
        what = "takes the connection and says nothing" if "timeout" in ended else "takes the connection and closes it"
        return CheckFailed(
            "timeout" if "timeout" in ended else "aborted",
            f"{place} {what}, where a greeting like {self.expect!r} is due; look into the service's log, or restart it",
        )
