"""What was said on the wire, in a file that people read: PDUs with their times, and nothing of a patient.

Of an association its titles, contexts and limits are written, of a command its name, numbers and status (PS3.7),
and of a data set only how long it is. Texts of the peer, such as error comments, are left out.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any, TextIO

from pacs_monitor.dicom import codec, reasons
from pacs_monitor.dicom.codec import printable, uid_name
from pacs_monitor.dicom.rejections import rejection_codes

_NAMES = {
    1: "A-ASSOCIATE-RQ",
    2: "A-ASSOCIATE-AC",
    3: "A-ASSOCIATE-RJ",
    4: "P-DATA-TF",
    5: "A-RELEASE-RQ",
    6: "A-RELEASE-RP",
    7: "A-ABORT",
}
_COMMANDS = {
    0x0001: "C-STORE",
    0x0010: "C-GET",
    0x0020: "C-FIND",
    0x0021: "C-MOVE",
    0x0030: "C-ECHO",
    0x0FFF: "C-CANCEL",
}
_RESPONSE = 0x8000
_NO_DATA_SET = 0x0101
_NUMBERS = {
    "NumberOfRemainingSuboperations": "remaining",
    "NumberOfCompletedSuboperations": "completed",
    "NumberOfFailedSuboperations": "failed",
    "NumberOfWarningSuboperations": "warnings",
}
_STATUSES = reasons.STATUSES | {0xFF00: "pending", 0xFF01: "pending", 0xFE00: "cancelled"}
_VERSION = "implementation_version_name"
LONGEST_PDU = 1 << 24


class Trace:
    """Writes what goes out and what comes in. Give it the bytes as they come; it finds the PDUs in them."""

    def __init__(self, file: TextIO, clock: Callable[[], float] = time.perf_counter) -> None:
        self._file = file
        self._clock = clock
        self._began = clock()
        self._streams: dict[str, bytearray] = {"->": bytearray(), "<-": bytearray()}
        self._commands: dict[str, bytearray] = {"->": bytearray(), "<-": bytearray()}
        self._lost: set[str] = set()

    @classmethod
    def open(cls, path: Path) -> Trace:
        """To a file that only its owner may read. Raises OSError."""
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        os.fchmod(descriptor, 0o600)
        return cls(os.fdopen(descriptor, "w", encoding="utf-8"))

    def close(self) -> None:
        """Write what is left."""
        self._file.close()

    def begin(self, what: str) -> None:
        """A new connection."""
        for way in self._streams:
            self._streams[way].clear()
            self._commands[way].clear()
        self._lost.clear()
        self._line("--", what)

    def sent(self, data: bytes) -> None:
        """Bytes that went out."""
        self._take("->", data)

    def heard(self, data: bytes) -> None:
        """Bytes that came in."""
        self._take("<-", data)

    def _take(self, way: str, data: bytes) -> None:
        stream = self._streams[way]
        if way in self._lost:
            return
        stream += data
        while len(stream) >= 6:
            length = int.from_bytes(stream[2:6], "big")
            if stream[0] not in _NAMES or length > LONGEST_PDU:
                self._lost.add(way)
                self._line(way, f"{len(stream)} bytes that are no PDU; what follows is not read")
                return
            if len(stream) < 6 + length:
                return
            pdu = bytes(stream[: 6 + length])
            del stream[: 6 + length]
            self._line(way, f"{_NAMES[pdu[0]]}, {len(pdu)} bytes")
            for said in self._details(way, pdu):
                self._file.write(f"{'':14}{said}\n")

    def _details(self, way: str, pdu: bytes) -> Iterator[str]:
        try:
            if pdu[0] in (1, 2):
                yield from _association(pdu)
            elif pdu[0] == 3:
                yield rejection_codes(codec.Rejected(pdu[7], pdu[8], pdu[9]))
            elif pdu[0] == 4:
                yield from self._values(way, pdu)
            elif pdu[0] == 7:
                yield f"source {pdu[8]}, reason {pdu[9]}"
        except Exception as error:  # noqa: BLE001 - a trace of a broken peer goes on, whatever its bytes break
            yield f"cannot be read ({type(error).__name__})"

    def _values(self, way: str, pdu: bytes) -> Iterator[str]:
        place = 6
        while place + 6 <= len(pdu):
            length = int.from_bytes(pdu[place : place + 4], "big")
            context, header, fragment = pdu[place + 4], pdu[place + 5], pdu[place + 6 : place + 4 + length]
            place += 4 + max(length, 2)
            last = ", the last part" if header & 2 else ""
            if not header & 1:
                yield f"context {context}: data set, {len(fragment)} bytes{last}, not shown"
                continue
            command = self._commands[way]
            command += fragment
            if header & 2:
                yield f"context {context}: {_command(bytes(command))}"
                command.clear()

    def _line(self, way: str, what: str) -> None:
        self._file.write(f"{self._clock() - self._began:10.6f} {way} {what}\n")


def _association(pdu: bytes) -> Iterator[str]:
    from pynetdicom.pdu import A_ASSOCIATE_AC, A_ASSOCIATE_RQ

    request = A_ASSOCIATE_RQ() if pdu[0] == 1 else A_ASSOCIATE_AC()
    request.decode(pdu)
    primitive: Any = request.to_primitive()
    if pdu[0] == 1:
        yield f"from {printable(primitive.calling_ae_title)} to {printable(primitive.called_ae_title)}"
        for context in primitive.presentation_context_definition_list:
            transfers = ", ".join(uid_name(str(uid)) for uid in context.transfer_syntax)
            yield f"context {context.context_id}: {uid_name(str(context.abstract_syntax))} in {transfers}"
    else:
        results = primitive.presentation_context_definition_results_list
        for context in sorted(results, key=lambda one: int(one.context_id)):
            taken = context.result == 0
            said = uid_name(str(context.transfer_syntax[0])) if taken else reasons.context_result(context.result)
            yield f"context {context.context_id}: {'accepted, ' if taken else ''}{said}"
    versions = [item.implementation_version_name for item in primitive.user_information if hasattr(item, _VERSION)]
    version = printable(str(versions[0])) if versions else "no version"
    yield f"PDUs up to {primitive.maximum_length_received} bytes, {primitive.implementation_class_uid}, {version}"


def _command(encoded: bytes) -> str:
    from pydicom.filereader import read_dataset

    command = read_dataset(BytesIO(encoded), is_implicit_VR=True, is_little_endian=True)
    field = int(command.CommandField)
    kind = _COMMANDS.get(field & ~_RESPONSE, f"command 0x{field:04X}")
    answer = bool(field & _RESPONSE)
    message = command.get("MessageIDBeingRespondedTo") if answer else command.get("MessageID")
    parts = [f"{kind}-{'RSP' if answer else 'RQ'}", f"message {message}"]
    if uid := command.get("AffectedSOPClassUID"):
        parts.append(uid_name(str(uid)))
    if answer:
        status = int(command.get("Status", 0))
        parts.append(f"status 0x{status:04X} ({_STATUSES.get(status, 'a status of its own')})")
    parts += [f"{said} {command[name].value}" for name, said in _NUMBERS.items() if name in command]
    if command.get("CommandDataSetType", _NO_DATA_SET) != _NO_DATA_SET:
        parts.append("a data set follows")
    return ", ".join(parts)
