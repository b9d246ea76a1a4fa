"""HL7 interfaces by two libraries that are not ours, hl7 and hl7apy."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import hl7
from hl7.mllp import HL7StreamReader, HL7StreamWriter, start_hl7_server
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.mllp import AbstractErrorHandler, AbstractHandler, MLLPServer
from hl7apy.parser import parse_message

from tests.peers.ports import free_port


@asynccontextmanager
async def run_hl7(received: list[hl7.Message], code: str = "AA", ssl: Any = None) -> AsyncIterator[int]:
    """The port of a listener by hl7 that acknowledges everything with this code."""

    async def serve(reader: HL7StreamReader, writer: HL7StreamWriter) -> None:
        message = await reader.readmessage()
        received.append(message)
        writer.writemessage(message.create_ack(ack_code=code, application="ENGINE"))
        await writer.drain()
        writer.close()

    server = await start_hl7_server(serve, "127.0.0.1", 0, ssl=ssl)
    async with server:
        yield server.sockets[0].getsockname()[1]


class _Clock(AbstractHandler):  # type: ignore[misc]  # hl7apy has no types
    """Takes what is valid by the standard to the letter."""

    def reply(self) -> str:
        message = parse_message(self.incoming_message, validation_level=VALIDATION_LEVEL.STRICT)
        message.validate()
        return _answer("AA", message.msh.msh_10.value, "")


class _Unknown(AbstractErrorHandler):  # type: ignore[misc]
    def reply(self) -> str:
        control_id = self.incoming_message.split("|")[9]
        return _answer("AR", control_id, "ERR||MSH^1^9|200^Unsupported message type^HL70357|E||||DOE^JANE\r")


def _answer(code: str, control_id: str, more: str) -> str:
    header = f"MSH|^~\\&|ENGINE||||20240506||ACK|1|T|2.5\rMSA|{code}|{control_id}|DOE^JANE\r"
    return f"\x0b{header}{more}\x1c\r"


@contextmanager
def run_hl7apy(knows: str = "NMQ^N01^NMQ_N01") -> Iterator[int]:
    """The port of a listener by hl7apy that knows this type of message, and checks it."""
    port = free_port()
    server = MLLPServer("127.0.0.1", port, {knows: (_Clock,), "ERR": (_Unknown,)}, timeout=60)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield port
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
