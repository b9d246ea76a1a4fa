"""The SCP of yardstick/scp.c in Python, for machines without gcc: `python -m bench.scp FOLDER DELAY_US...`.

It takes about as much CPU as the prober, so that echoes a second are bounded by it; CPU per echo is not.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from pathlib import Path
from typing import cast

from bench.common import raise_file_limit
from bench.node import MESSAGE
from pacs_monitor.dicom.codec import P_DATA, RELEASE_RQ
from pacs_monitor.loops import new_event_loop

ASSOCIATE_RQ = 1
AE_TITLES = slice(10, 42)
CONTEXT = 10


class Peer(asyncio.Protocol):
    """One association."""

    echoes = 0

    def __init__(self, folder: Path, delay_us: int) -> None:
        self._accept, self._response, self._released = (
            bytearray((folder / f"{name}.pdu").read_bytes()) for name in ("accept", "response", "released")
        )
        self._delay = delay_us / 1e6
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one in all but name

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while len(self._buffer) >= 6:
            end = 6 + int.from_bytes(self._buffer[2:6], "big")
            if end > len(self._buffer):
                return
            pdu, self._buffer = self._buffer[:end], self._buffer[end:]
            if self._delay >= 0:
                self._answer(pdu)

    def _answer(self, pdu: bytes) -> None:
        if pdu[0] == ASSOCIATE_RQ:
            self._accept[AE_TITLES] = pdu[AE_TITLES]
            self._transport.write(self._accept)
        elif pdu[0] == P_DATA:
            self._response[CONTEXT], self._response[MESSAGE] = pdu[CONTEXT], pdu[MESSAGE]
            asyncio.get_running_loop().call_later(self._delay, self._respond)
        elif pdu[0] == RELEASE_RQ:
            self._transport.write(self._released)

    def _respond(self) -> None:
        Peer.echoes += 1
        self._transport.write(self._response)


async def main() -> None:
    raise_file_limit()
    loop, folder, ended = asyncio.get_running_loop(), Path(sys.argv[1]), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    ports = []
    for word in sys.argv[2:]:
        delay_us = int(word)
        server = await loop.create_server(
            lambda delay_us=delay_us: Peer(folder, delay_us),  # type: ignore[misc]
            "0.0.0.0",  # all of 127.0.0.0/8
            0,
            backlog=4096,
        )
        ports.append(server.sockets[0].getsockname()[1])
    print(*ports, flush=True)
    await ended.wait()
    print(json.dumps({"echoes": Peer.echoes}), flush=True)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(main())
