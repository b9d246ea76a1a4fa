"""PDUs as a peer sends them, right or wrong, byte by byte as PS3.8 9.3 has them."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

VERIFICATION = b"1.2.840.10008.1.1"
IMPLICIT = b"1.2.840.10008.1.2"


def pdu(kind: int, body: bytes) -> bytes:
    return bytes([kind, 0]) + struct.pack(">I", len(body)) + body


def item(kind: int, body: bytes) -> bytes:
    return bytes([kind, 0]) + struct.pack(">H", len(body)) + body


def user_items(uid: bytes | None = b"1.2.3.4", version: bytes | None = b"RAW_1", longest: int = 16384) -> bytes:
    items = item(0x51, struct.pack(">I", longest))
    if uid is not None:
        items += item(0x52, uid)
    if version is not None:
        items += item(0x55, version)
    return items


def accept(
    contexts: tuple[tuple[int, int], ...] = ((1, 0),),
    user: bytes | None = None,
    titles: bytes = b"CALLED".ljust(16) + b"CALLING".ljust(16),
) -> bytes:
    """An A-ASSOCIATE-AC: (context ID, result) for each context."""
    body = b"\0\1\0\0" + titles + bytes(32) + item(0x10, b"1.2.840.10008.3.1.1.1")
    for number, result in contexts:
        body += item(0x21, bytes([number, 0, result, 0]) + item(0x40, IMPLICIT))
    return pdu(2, body + item(0x50, user_items() if user is None else user))


def reject(result: int, source: int, reason: int) -> bytes:
    return pdu(3, bytes([0, result, source, reason]))


def abort(source: int, reason: int) -> bytes:
    return pdu(7, bytes([0, 0, source, reason]))


RELEASE_RQ, RELEASE_RP = pdu(5, bytes(4)), pdu(6, bytes(4))


def _element(number: int, value: bytes) -> bytes:
    return struct.pack("<HHI", 0, number, len(value)) + value


def command(field: int = 0x8030, message_id: int = 1, status: int = 0) -> bytes:
    """A command set: of a C-ECHO-RSP unless `field` says otherwise."""
    elements = _element(2, VERIFICATION + b"\0") + _element(0x100, struct.pack("<H", field))
    elements += _element(0x120, struct.pack("<H", message_id)) + _element(0x800, b"\1\1")
    elements += _element(0x900, struct.pack("<H", status))
    return _element(0, struct.pack("<I", len(elements))) + elements


def pdv(data: bytes, last: bool = True, context_id: int = 1) -> bytes:
    return struct.pack(">IBB", len(data) + 2, context_id, 3 if last else 1) + data


def echo_response(message_id: int = 1, context_id: int = 1, status: int = 0, field: int = 0x8030) -> bytes:
    return pdu(4, pdv(command(field, message_id, status), context_id=context_id))


def read_pdu(conn: socket.socket) -> bytes:
    """The next PDU; b"" once the peer has closed."""
    head = _exactly(conn, 6)
    size = int.from_bytes(head[2:], "big")
    body = _exactly(conn, size)
    return head + body if len(body) == size else b""


def _exactly(conn: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = conn.recv(size - len(data))
        if not piece:
            return b""
        data += piece
    return data


ANSWERS = {1: accept(), 4: echo_response(), 5: RELEASE_RP}
"""What a peer without fault answers, by the type of the request's PDU."""


def answer_with(changed: Mapping[int, bytes | None], heard: list[int] | None = None) -> Callable[[socket.socket], None]:
    """A peer for RawServer: answers as ANSWERS but for `changed` (None: silence); notes the PDU types heard, 0 at
    the end of the connection.
    """
    answers = {**ANSWERS, **changed}

    def behave(conn: socket.socket) -> None:
        while True:
            try:
                request = read_pdu(conn)
            except ConnectionResetError:
                request = b""
            if heard is not None:
                heard.append(request[0] if request else 0)
            if not request:
                return
            answer = answers.get(request[0])
            if answer:
                conn.sendall(answer)

    return behave


def hang_up_at(kind: int, before: bytes = b"") -> Callable[[socket.socket], None]:
    """A peer for RawServer that closes instead of answering a PDU of this type, perhaps after some bytes."""

    def behave(conn: socket.socket) -> None:
        while (request := read_pdu(conn)) and request[0] != kind:
            conn.sendall(ANSWERS[request[0]])
        conn.sendall(before)

    return behave


@contextmanager
def full_backlog() -> Iterator[int]:
    """The port of a listener that accepts nobody and whose backlog is full: connecting to it is met by silence."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port: int = listener.getsockname()[1]
        waiting = [socket.socket() for _ in range(3)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(("127.0.0.1", port))
        try:
            yield port
        finally:
            for each in waiting:
                each.close()
