"""The message that is sent, and what acknowledges it (HL7 v2.4, chapters 2 and 14).

The message of ours is NMQ^N01, a query for a system's clock: it has no segment for a patient, an order or a result, so
nothing can come of it, wherever an interface engine routes it. It is marked as training (MSH-11 is T).
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

CODES = ("AA", "AE", "AR", "CA", "CE", "CR")
MOST_BYTES = 65536
_SEPARATORS = "|^~\\&"
# HL7 table 0357. Of an answer that refuses, this number is all that is told.
CONDITIONS = {
    "100": "segments in the wrong order",
    "101": "a required field is missing",
    "102": "a field of the wrong type",
    "103": "a value that its table does not have",
    "200": "this type of message is not supported",
    "201": "this event is not supported",
    "202": "this processing ID is not supported",
    "203": "this version is not supported",
    "204": "an unknown key",
    "205": "a key that is there already",
    "206": "a record that is locked",
    "207": "an internal error",
}


@dataclass(frozen=True)
class Parties:
    """Who sends to whom (MSH-3 to MSH-6)."""

    sending_application: str
    sending_facility: str
    receiving_application: str
    receiving_facility: str


@dataclass(frozen=True)
class Acknowledgement:
    """What an answer says, out of closed lists."""

    code: str
    control_id: str
    """MSA-2: to compare, never to show."""
    condition: str
    """Of table 0357; "" if it tells none."""


class NotSendable(Exception):
    """A message that must not go out, with what is wrong with it."""


def new_control_id() -> str:
    """Another one for each message, of at most 20 characters."""
    return f"PM{uuid.uuid4().hex[:18]}"


def clock_query(parties: Parties, version: str, control_id: str, now: datetime) -> bytes:
    """NMQ^N01."""
    time = _time(now)
    who = (
        parties.sending_application,
        parties.sending_facility,
        parties.receiving_application,
        parties.receiving_facility,
    )
    header = ["MSH", _SEPARATORS[1:], *who, time, "", "NMQ^N01^NMQ_N01", control_id, "T", version]
    return ("|".join(header) + "\r" + f"NCK|{time}\r").encode("ascii")


def stamped(text: bytes, control_id: str, now: datetime) -> bytes:
    """A message out of a file, with a control ID and a time of its own. Raises NotSendable."""
    if len(text) > MOST_BYTES or b"\x0b" in text or b"\x1c" in text:
        raise NotSendable("is longer than 64 KiB or holds <VT> or <FS>")
    segments = [line for line in text.replace(b"\r\n", b"\r").replace(b"\n", b"\r").split(b"\r") if line.strip()]
    header = segments[0] if segments else b""
    if not header.startswith(b"MSH") or len(header) < 8:
        raise NotSendable("does not begin with a segment MSH")
    separator = header[3:4]
    fields = header.split(separator)
    if len(fields) < 12:
        raise NotSendable("has a segment MSH that ends before MSH-12, the version")
    if fields[10].partition(header[4:5])[0] not in (b"T", b"D"):
        raise NotSendable("is not marked as training or debugging: MSH-11 must be T or D")
    fields[6], fields[9] = _time(now).encode(), control_id.encode()
    return b"".join(segment + b"\r" for segment in (separator.join(fields), *segments[1:]))


def acknowledgement(answer: bytes) -> Acknowledgement | None:
    """Of the answer; None if it is no acknowledgement."""
    segments = answer.decode("latin-1").replace("\n", "\r").split("\r")
    header = segments[0]
    if not header.startswith("MSH") or len(header) < 8:
        return None
    separator, component = header[3], header[4]
    for segment in segments[1:]:
        fields = segment.split(separator)
        if fields[0] == "MSA" and len(fields) > 2 and fields[1] in CODES:
            return Acknowledgement(fields[1], fields[2], _condition(segments, separator, component))
    return None


def _condition(segments: list[str], separator: str, component: str) -> str:
    """From MSA-6, or of an ERR from ERR-1.4 (before v2.5) or ERR-3.1."""
    for segment in segments:
        fields = [*segment.split(separator), *[""] * 6]
        told = {"MSA": fields[6], "ERR": fields[3] or fields[1]}.get(fields[0], "")
        for part in told.replace("&", component).split(component):
            if part in CONDITIONS:
                return part
    return ""


def _time(now: datetime) -> str:
    return f"{now:%Y%m%d%H%M%S%z}"
