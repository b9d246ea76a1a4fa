"""Why an association of pynetdicom's ended before it gave what was asked, in the C-ECHO prober's words."""

from __future__ import annotations

import errno
import ssl

from pacs_monitor.certificates import explain_tls
from pacs_monitor.check import CheckFailed
from pacs_monitor.dicom import codec, reasons
from pacs_monitor.dicom.codec import Aborted, Malformed, Rejected
from pacs_monitor.dicom.connect import broken_connection
from pacs_monitor.dicom.conversation import Outcome, Script
from pacs_monitor.dicom.decode import association_memo, decode_abort
from pacs_monitor.dicom.line import Line
from pacs_monitor.dicom.rejections import explain_rejection


def explain_end(line: Line, script: Script, outcome: Outcome, secure: bool, service: str) -> CheckFailed:
    """The failure; rejections and aborts are kept in the outcome. `service`: C-STORE and the like, for sentences."""
    try:
        return _by_word(line, script, outcome, service) or _by_socket(line, script, outcome.phase, secure, service)
    except Malformed as error:
        return CheckFailed("mismatch", f"{script.peer} sent {error}; send this line to its vendor")


def _by_word(line: Line, script: Script, outcome: Outcome, service: str) -> CheckFailed | None:
    heard = line.heard
    if codec.ASSOCIATE_RJ in heard:
        answer = association_memo(heard[codec.ASSOCIATE_RJ])
        if isinstance(answer, Rejected):
            outcome.rejected = answer
            said = explain_rejection(answer, script.node, script.calling, script.called)
            return CheckFailed("rejected", said)
    if codec.ABORT in heard:
        aborted: Aborted = decode_abort(heard[codec.ABORT])
        outcome.aborted = aborted
        said = reasons.explain_abort(aborted, script.node, outcome.phase, script.calling, service)
        return CheckFailed("aborted", said)
    if codec.RELEASE_RQ in heard:
        return CheckFailed(
            "aborted",
            f"{script.node} released the association instead of answering the {service}; "
            f"look into its log at this time",
        )
    return None


def _by_socket(line: Line, script: Script, phase: str, secure: bool, service: str) -> CheckFailed:
    sock, place = line.socket, script.peer
    during = reasons.during_phase(phase, service)
    if sock.first and not 1 <= sock.first[0] <= 7:
        return CheckFailed("mismatch", reasons.explain_bytes(sock.first, script.node, script.place))
    error = sock.error
    if error is not None and error.errno == errno.EMSGSIZE:
        if phase == "associate":
            return CheckFailed("mismatch", reasons.explain_bytes(sock.first, script.node, script.place))
        return CheckFailed("mismatch", f"{place} sent more {during} than was asked for; ask its vendor")
    if isinstance(error, ssl.SSLError) and phase == "associate":
        # TLS 1.3 tells only after the handshake that our certificate is not wanted.
        return explain_tls(error, script.peer)
    if error is not None and not isinstance(error, TimeoutError):
        return broken_connection(error.errno or 0, script, phase, sock.partial, secure, service)
    if sock.ended:
        said = reasons.explain_closed(
            script.node, script.place, phase, script.calling, sock.partial, secure, asked=service
        )
        return CheckFailed("aborted", said)
    return CheckFailed("mismatch", f"{place} sent something {during} that cannot be read; send this line to its vendor")
