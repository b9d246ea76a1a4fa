"""What a refusal means, in words for the person who must do something about it."""

from __future__ import annotations

from pacs_monitor.dicom.codec import NOT_MENTIONED, Aborted, uid_name

CONTEXT_RESULTS = {
    NOT_MENTIONED: "its answer does not mention it",
    0: "accepted",
    1: "rejected by the application",
    2: "refused, no reason given",
    3: "abstract syntax not supported",
    4: "none of the transfer syntaxes supported",
}
# PS3.8 table 9-26, provider's reasons.
ABORT_REASONS = {
    0: "no reason given",
    1: "it did not recognise the PDU",
    2: "it did not expect the PDU",
    4: "it did not recognise a parameter of the PDU",
    5: "it did not expect a parameter of the PDU",
    6: "a parameter of the PDU had a value that it does not take",
}
# PS3.7 annex C: statuses that a C-ECHO may give.
STATUSES = {
    0x0000: "success",
    0x0110: "processing failure",
    0x0122: "SOP class not supported",
    0x0124: "refused, not authorised",
    0x0210: "duplicate invocation",
    0x0211: "unrecognised operation",
    0x0212: "mistyped argument",
}

ECHO = "C-ECHO"
"""What is asked of a node unless a sentence is told otherwise."""


def count_bytes(number: int) -> str:
    """`1 byte` or `2 bytes`."""
    return "1 byte" if number == 1 else f"{number} bytes"


def explain_abort(aborted: Aborted, node: str, phase: str, calling: str, asked: str = ECHO) -> str:
    """What an A-ABORT means and what to do about it. `asked`: what was asked of the node."""
    during = during_phase(phase, asked)
    if aborted.source == 2:
        why = ABORT_REASONS.get(aborted.reason, f"reason {aborted.reason}")
        return f"{node} aborted {during}: {why}; look into its log at this time and send it to the vendor"
    return (
        f"{node} aborted {during} on its own account; look into its log at this time, it often means that "
        f"{calling} is not permitted there"
    )


_PHASE_WORDS = {
    "dns": "while its name was looked up",
    "connect": "while the connection was opened",
    "tls": "during the TLS handshake",
    "associate": "while the association was negotiated",
    "dimse": "after the {asked} request",
    "release": "while the association was released",
}
PHASES = tuple(_PHASE_WORDS)


def during_phase(phase: str, asked: str = ECHO) -> str:
    """When something happened, as a part of a sentence."""
    return _PHASE_WORDS[phase].format(asked=asked)


def explain_silence(node: str, place: str, phase: str, seconds: float, received: int, asked: str = ECHO) -> str:
    """Who was silent for how long, at which point, and what to do. `asked`: what was asked of the node."""
    who, waited = f"{node} ({place})", f"within {round(seconds, 1):g} s"
    match phase:
        case "connect":
            return (
                f"{who} did not answer {waited}; nothing came back at all: the machine is off, or a firewall drops "
                f"the packets; try to ping it and ask the network team about port {place.rpartition(':')[2]}"
            )
        case "tls":
            return f"{who} took the connection and did not finish the TLS handshake {waited}; does this port speak TLS?"
    if received:
        return (
            f"{who} {_began(phase, asked)}, stopped after {count_bytes(received)} and sent no more {waited}; the "
            f"service hangs in the middle of it, or something in between holds the rest back: look into its log at "
            f"this time"
        )
    match phase:
        case "associate":
            return (
                f"{who} took the connection and gave no answer to our association request {waited}; the service "
                f"hangs or has no free thread: restart it, or ask its vendor"
            )
        case "release":
            return (
                f"{who} answered the {asked} and then did not answer the release {waited}; its associations may "
                f"pile up: ask its vendor"
            )
        case _:
            return (
                f"{who} took the association and gave no answer to the {asked} {waited}; the service hangs behind "
                f"its front door: look at its load and database, or restart it"
            )


def _began(phase: str, asked: str) -> str:
    match phase:
        case "associate":
            return "began to answer our association request"
        case "release":
            return f"answered the {asked}, began to answer the release"
        case _:
            return f"took the association, began to answer the {asked}"


def explain_status(status: int, node: str) -> str:
    """What a C-ECHO status other than success means and what to do."""
    meaning = STATUSES.get(status, "a status of its own")
    return f"{node} answered the C-ECHO with 0x{status:04X} ({meaning}); look into its log at this time"


def explain_closed(
    node: str,
    place: str,
    phase: str,
    calling: str,
    received: int,
    secure: bool,
    how: str = "closed",
    asked: str = ECHO,
) -> str:
    """Who hung up at which point, and what to do. `secure`: over TLS; `how`: closed or reset; `asked`: of the node."""
    partly = f" after {count_bytes(received)} of an answer" if received else ""
    hint = "look into its log at this time"
    if phase == "associate" and not received:
        other = "it wants a certificate of ours (tls.cert_file)" if secure else "the port expects TLS"
        hint = (
            f"it often means that this machine's address or {calling} is not permitted there, or that {other}: "
            f"look into its log at this time"
        )
    return f"{node} ({place}) {how} the connection {during_phase(phase, asked)}{partly}; {hint}"


def explain_no_echo(node: str, result: int) -> str:
    """Why an association is of no use for C-ECHO, and what to do."""
    return (
        f"{node} took the association but not Verification (C-ECHO): {context_result(result)}; "
        f"have Verification switched on there, or use the tcp check"
    )


def explain_missing(node: str, refused: list[tuple[str, int]]) -> str:
    """Which SOP classes (UID, result) were refused, and what to do."""
    which = ", ".join(f"{uid_name(uid)} ({context_result(result)})" for uid, result in refused)
    return (
        f"{node} answers C-ECHO but refuses {which}; have the service switched on there, or take it out of `contexts`"
    )


def context_result(result: int) -> str:
    """The result of a presentation context in words (PS3.8 table 9-18)."""
    return CONTEXT_RESULTS.get(result, f"a result that DICOM does not know ({result})")


_SPEAKERS = (
    ((b"\x15\x03",), "speaks TLS; set tls for this node"),
    ((b"HTTP", b"<!DOC", b"<!doc", b"<html", b"<HTML"), "is a web server; set port to its DICOM port"),
    ((b"SSH-",), "is an SSH server; set port to its DICOM port"),
    ((b"\x0b",), "speaks HL7; set port to its DICOM port"),
    ((b"220 ", b"220-"), "greets like a mail or FTP server; set port to its DICOM port"),
    ((b"\xff\xfb", b"\xff\xfd"), "speaks Telnet; set port to its DICOM port"),
)


def explain_bytes(data: bytes, node: str, place: str) -> str:
    """What answered instead of DICOM, as far as its first bytes tell."""
    who = f"{node} ({place})"
    for starts, speaks in _SPEAKERS:
        if data.startswith(starts):
            return f"{who} {speaks}"
    if 1 <= data[0] <= 7:
        length = int.from_bytes(data[2:6], "big")
        return (
            f"{who} announced a PDU of {length} bytes where some hundred are due; it is no DICOM service or a "
            f"broken one: set port to its DICOM port, or ask its vendor"
        )
    # Whatever it is may be about to tell of a patient: it is described, never quoted.
    text = "text" if _is_text(data) else "bytes"
    return f"{who} answers, but not in DICOM (it sent {text} of another protocol); set port to its DICOM port"


def _is_text(data: bytes) -> bool:
    return all(32 <= byte < 127 or byte in b"\t\r\n" for byte in data)
