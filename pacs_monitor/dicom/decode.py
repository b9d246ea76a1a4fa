"""What a peer answered: read by pynetdicom, and each distinct answer only once."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from pacs_monitor.dicom.codec import (
    ABORT,
    ASSOCIATE_AC,
    ASSOCIATE_RJ,
    P_DATA,
    Aborted,
    Accepted,
    Malformed,
    Rejected,
    Response,
    printable,
)

Answer = TypeVar("Answer")

LONGEST_COMMAND = 1 << 16
"""A C-ECHO response has some 80 bytes; a peer that sends so many has lost its way."""
MOST_FRAGMENTS = 64
KNOWN_SIZE = 512
"""The longest PDU, in bytes, that is remembered."""

# Of each byte that it does not like pynetdicom logs a traceback with the peer's text; what matters is raised.
logging.getLogger("pynetdicom").setLevel(logging.CRITICAL)


def decode_association(pdu: bytes) -> Accepted | Rejected | Aborted:
    """The answer to an A-ASSOCIATE-RQ. Raises Malformed."""
    kind = pdu[0]
    if kind == ASSOCIATE_AC:
        return _accepted(pdu)
    if kind == ASSOCIATE_RJ:
        return _decode(_rejected, pdu)
    return decode_abort(pdu)


def decode_abort(pdu: bytes) -> Aborted:
    """An A-ABORT. Raises Malformed, also for any other PDU."""
    if pdu[0] != ABORT:
        raise Malformed(f"a PDU of type {pdu[0]} where it does not belong")
    return _decode(_aborted, pdu)


def _decode(decode: Callable[[bytes], Answer], pdu: bytes) -> Answer:
    try:
        return decode(pdu)
    except Malformed:
        raise
    except Exception as error:  # noqa: BLE001 - pynetdicom answers bad bytes with whatever its parser stumbles over
        raise Malformed(f"a PDU of type {pdu[0]} that cannot be read ({type(error).__name__})") from None


def _accepted(encoded: bytes) -> Accepted:
    try:
        return _decode(_accepted_by_the_book, encoded)
    except Malformed:
        # Devices in use send no implementation UID, a version of 17 characters or one padded with NUL. Such a
        # node works, and one that works must not be called down.
        return _decode(_accepted_as_far_as_needed, encoded)


def _accepted_by_the_book(encoded: bytes) -> Accepted:
    from pynetdicom.pdu import A_ASSOCIATE_AC
    from pynetdicom.pdu_primitives import ImplementationVersionNameNotification

    pdu = A_ASSOCIATE_AC()
    pdu.decode(encoded)
    answer = pdu.to_primitive()
    contexts = answer.presentation_context_definition_results_list
    version = [item for item in answer.user_information if isinstance(item, ImplementationVersionNameNotification)]
    accepted = [context for context in contexts if context.result == 0]
    return Accepted(
        results=tuple((int(context.context_id or 0), int(context.result or 0)) for context in contexts),
        transfers=tuple((int(context.context_id or 0), printable(context.transfer_syntax[0])) for context in accepted),
        implementation_uid=printable(answer.implementation_class_uid or ""),
        implementation_version=printable(version[0].implementation_version_name or "") if version else "",
        max_length=int(answer.maximum_length_received or 0),
    )


def _accepted_as_far_as_needed(encoded: bytes) -> Accepted:
    """The items of PS3.8 9.3.3 that we use, whatever the rest looks like."""
    results, transfers, user = [], [], {}
    for kind, item in _items(encoded[74:]):
        if kind == 0x21:
            results.append((item[0], item[2]))
            transfers += [(item[0], _text(name)) for sub, name in _items(item[4:]) if sub == 0x40 and item[2] == 0]
        elif kind == 0x50:
            user = dict(_items(item))
    if not results:
        raise Malformed("an A-ASSOCIATE-AC that names no presentation context")
    return Accepted(
        results=tuple(results),
        transfers=tuple(transfers),
        implementation_uid=_text(user.get(0x52, b"")),
        implementation_version=_text(user.get(0x55, b"")),
        max_length=int.from_bytes(user.get(0x51, b""), "big"),
    )


def _items(data: bytes) -> Iterator[tuple[int, bytes]]:
    while data:
        end = 4 + int.from_bytes(data[2:4], "big")
        if len(data) < end:
            raise Malformed("an A-ASSOCIATE-AC whose items are longer than it is")
        yield data[0], data[4:end]
        data = data[end:]


def _text(value: bytes) -> str:
    return printable(value.decode("ascii", "replace").strip(" \0"))


def _rejected(encoded: bytes) -> Rejected:
    from pynetdicom.pdu import A_ASSOCIATE_RJ

    pdu = A_ASSOCIATE_RJ()
    pdu.decode(encoded)
    return Rejected(int(pdu.result or 0), int(pdu.source or 0), int(pdu.reason_diagnostic or 0))


def _aborted(encoded: bytes) -> Aborted:
    from pynetdicom.pdu import A_ABORT_RQ

    pdu = A_ABORT_RQ()
    pdu.decode(encoded)
    return Aborted(int(pdu.source or 0), int(pdu.reason_diagnostic or 0))


class Commands:
    """Puts the fragments of one DIMSE command together (PS3.8 annex E), across as many PDUs as they take."""

    __slots__ = ("_fragments", "_message", "_size")

    def __init__(self) -> None:
        from pynetdicom.dimse_messages import DIMSEMessage

        self._message = DIMSEMessage()
        self._fragments = 0
        self._size = 0

    def add(self, pdu: bytes) -> Response | None:
        """The response if this P-DATA-TF completes it. Raises Malformed, also for any other PDU."""
        if pdu[0] != P_DATA:
            raise Malformed(f"a PDU of type {pdu[0]} where it does not belong")
        self._fragments += 1
        self._size += len(pdu)
        if self._fragments > MOST_FRAGMENTS or self._size > LONGEST_COMMAND:
            raise Malformed(f"a C-ECHO response of over {self._size - 1} bytes in {self._fragments} fragments")
        return _decode(self._add, pdu)

    def _add(self, encoded: bytes) -> Response | None:
        from pynetdicom.dimse_messages import C_ECHO_RSP
        from pynetdicom.dimse_primitives import C_ECHO
        from pynetdicom.pdu import P_DATA_TF

        pdu = P_DATA_TF()
        pdu.decode(encoded)
        data = pdu.to_primitive()
        if not self._message.decode_msg(data):
            return None
        if not isinstance(self._message, C_ECHO_RSP):
            raise Malformed("a message that is not a C-ECHO response")
        answer = self._message.message_to_primitive()
        if not isinstance(answer, C_ECHO) or answer.Status is None or answer.MessageIDBeingRespondedTo is None:
            raise Malformed("a C-ECHO response without status or message ID")
        return Response(int(answer.Status), int(answer.MessageIDBeingRespondedTo), int(self._message.context_id or 0))


def decode_response(pdu: bytes) -> Response | None:
    """The C-ECHO response of one P-DATA-TF; None if it holds only a fragment. Raises Malformed."""
    return Commands().add(pdu)


class Memo(Generic[Answer]):
    """Remembers what bytes meant. Only small PDUs, and not too many: a hostile peer could fill it."""

    __slots__ = ("_decode", "_known", "_most")

    def __init__(self, decode: Callable[[bytes], Answer], most: int = 20_000) -> None:
        self._decode = decode
        self._known: dict[bytes, Answer] = {}
        self._most = most

    def __len__(self) -> int:
        return len(self._known)

    def __call__(self, pdu: bytes) -> Answer:
        """What the PDU says. Raises what decoding raises, each time."""
        answer = self._known.get(pdu)
        if answer is None:
            answer = self._decode(pdu)
            if len(pdu) < KNOWN_SIZE and answer is not None:
                if len(self._known) >= self._most:
                    self._known.clear()
                self._known[pdu] = answer
        return answer


association_memo = Memo(decode_association)
response_memo: Memo[Response | None] = Memo(decode_response)
