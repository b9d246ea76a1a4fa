"""The Minimal Lower Layer Protocol (HL7 v2 implementation guide, appendix C): <VT> message <FS> <CR>."""

from __future__ import annotations

from pacs_monitor.check import CheckFailed
from pacs_monitor.line import Line

START, END, RETURN = b"\x0b", b"\x1c", b"\r"
MOST_BYTES = 65536
"""The longest answer that is read: an acknowledgement is short."""


def framed(message: bytes) -> bytes:
    """A message as it goes over the line."""
    return START + message + END + RETURN


async def receive_frame(line: Line) -> bytes:
    """The message in the next frame. Raises OSError, and CheckFailed, which tells nothing of what came."""
    data = b""
    while True:
        piece = await line.receive()
        if not piece:
            raise _ended(line, data)
        data += piece
        if data[:1] != START:
            raise _misframed(line, "does not begin its answer with <VT>")
        end = data.find(END, max(0, len(data) - len(piece) - 1))
        if end >= 0 and len(data) > end + 1:
            if data[end + 1 : end + 2] != RETURN:
                raise _misframed(line, "does not end its answer with <FS><CR>")
            return data[1:end]
        if len(data) > MOST_BYTES:
            raise _misframed(line, f"sends more than {MOST_BYTES >> 10} KiB without an end")


def _ended(line: Line, data: bytes) -> CheckFailed:
    if data:
        return _misframed(line, "ends the connection within its answer, before <FS><CR>")
    return CheckFailed(
        "aborted",
        f"{line.who} took the message and ended the connection without an answer; look into the log of its channel, "
        f"and whether it takes connections from this machine",
    )


def _misframed(line: Line, what: str) -> CheckFailed:
    return CheckFailed("mismatch", f"{line.who} {what}; is this port one for HL7 over MLLP, and the right one?")
