"""From what a walk showed to what is wrong, on whose side it is and what to try.

Causes stand in the order of their likelihood, as field service meets them.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from pacs_monitor.diagnosis import PHASE_NAMES, Evidence, Side, Verdict
from pacs_monitor.dicom.codec import VERIFICATION
from pacs_monitor.dicom.rejections import rejection_labels


class Advice(NamedTuple):
    """Whose side it is, what causes it and what to try; {names} stand for the target's."""

    side: Side
    causes: tuple[str, ...]
    tries: tuple[str, ...]


_LOG = "read the node's log at the time in the line below"
_LISTENS = "on the node, see what listens: `ss -ltnp` (Linux) or `netstat -ano` (Windows)"

_FINE = Advice("nobody", (), ())
_DNS = Advice(
    "DNS",
    ("the name is misspelt", "the name is not in the DNS that this machine asks", "the DNS server does not answer"),
    ("look it up by hand: `getent hosts {host}`", "use the node's address instead of its name", "ask who runs the DNS"),
)
_OURS = Advice("ours", ("see what is said above",), ("put that right on this machine, and diagnose again",))

_BY_REASON: dict[tuple[str, str], Advice] = {
    ("connect", "refused"): Advice(
        "the node's service",
        ("the DICOM service is not running", "it listens on another port than {port}", "a firewall answers for it"),
        ("start the DICOM service on the node", _LISTENS, "compare {port} with the port in the node's configuration"),
    ),
    ("connect", "timeout"): Advice(
        "the network",
        (
            "a firewall between here and there drops what goes to port {port}",
            "the machine is off, or has another address now",
            "the route back from there is missing",
        ),
        (
            "`ping {host}`; if that answers, it is the firewall: have TCP port {port} opened from this machine",
            "`traceroute -T -p {port} {host}` shows how far it comes",
            "look whether the machine is on, and which address it has",
        ),
    ),
    ("connect", "unreachable"): Advice(
        "the network",
        ("there is no route to that network from here", "the machine is off", "a firewall rejects the packets"),
        ("`ip route get {host}`", "`ping {host}`", "ask the network team for the way from this machine to {host}"),
    ),
    ("tls", "timeout"): Advice(
        "the node's configuration",
        ("the port does not speak TLS", "the service hangs"),
        ("diagnose again without --tls", "ask its vendor for the port that speaks TLS", _LOG),
    ),
    ("tls", "tls"): Advice(
        "the node's configuration",
        (
            "its certificate is not one that we trust, or is for another name",
            "it wants a certificate of ours",
            "the port does not speak TLS",
        ),
        (
            "`openssl s_client -connect {place} -showcerts` shows its certificate",
            "give the authority's certificate with --ca, ours with --cert and --key",
            "diagnose again without --tls",
        ),
    ),
    ("associate", "timeout"): Advice(
        "the node's service",
        (
            "the service hangs, or has no free thread",
            "it is no DICOM service and waits for something else",
            "it looks up the name of this machine in a DNS that does not answer",
        ),
        (_LISTENS, _LOG, "restart the DICOM service on the node"),
    ),
    ("associate", "aborted"): Advice(
        "the node's configuration",
        (
            "it takes associations only from addresses that it knows, and ours is not among them",
            "it does not know our AE title {calling}, and hangs up instead of saying so",
            "the service is broken",
        ),
        ("register {calling} with the address {us} on the node", "diagnose with --calling and a title it knows", _LOG),
    ),
    ("associate", "mismatch"): Advice(
        "the node's configuration",
        ("another service listens on port {port}", "the DICOM service is broken"),
        ("look up the DICOM port in the node's configuration (often 104, 11112 or 4242)", _LISTENS),
    ),
    ("dimse", "timeout"): Advice(
        "the node's service",
        ("it is overloaded, or its database or disk hangs", "a proxy or router takes associations for it"),
        ("look at the node's load, disks and database", "restart the DICOM service on the node", _LOG),
    ),
    ("release", "timeout"): Advice(
        "the node's service",
        ("it does not end associations, and they pile up until it takes no more",),
        ("count its open associations", "ask its vendor", _LOG),
    ),
}
_BY_REJECTION: dict[str, Advice] = {
    "calling_ae_title": Advice(
        "the node's configuration",
        ("our AE title {calling} is not registered there", "it is registered with another address than {us}"),
        (
            "register {calling} with the address {us} on the node",
            "diagnose with --calling and a title that it knows; upper and lower case differ",
        ),
    ),
    "called_ae_title": Advice(
        "ours",
        ("its AE title is not {called}", "another service than the expected one listens on port {port}"),
        (
            "look up the node's own AE title in its configuration, and diagnose with --called and that",
            "compare letter by letter: upper and lower case, underscore and hyphen differ",
        ),
    ),
    "congestion": Advice(
        "the node's service",
        ("it is busy",),
        ("wait a minute and diagnose again", "look at the node's load", "see who sends to it just now"),
    ),
    "local_limit": Advice(
        "the node's service",
        ("associations that others left open take all its places", "its limit is too low for its senders"),
        ("count the open connections on port {port} of the node", "restart its DICOM service", "raise its limit"),
    ),
}
_REJECTED = Advice(
    "the node's configuration",
    ("our AE title {calling} or address {us} is not registered there", "its licence or its disk is exhausted"),
    ("register {calling} with the address {us} on the node", _LOG),
)
_NO_ECHO = Advice(
    "the node's configuration",
    ("Verification is switched off there", "it is allowed only for other AE titles than {calling}"),
    ("have Verification switched on for {calling}", _LOG),
)
_STATUS = Advice("the node's service", ("the service is not in order, or does not permit it",), (_LOG,))
_BROKEN = Advice("the node's service", ("the service broke off, or is broken",), (_LOG, "restart the DICOM service"))
_TLS_HERE = Advice(
    "ours", ("the port speaks TLS, and we did not",), ("diagnose again with --tls, and --ca if it needs one",)
)
_NO_TLS_HERE = Advice("ours", ("the port speaks DICOM without TLS",), ("diagnose again without --tls",))


def judge(evidence: Evidence, now: datetime) -> Verdict:
    """The verdict on what a walk showed."""
    advice, target = _advice(evidence), evidence.target
    us = evidence.local.rpartition(":")[0].strip("[]") or "of this machine"
    names = {
        "host": target.host,
        "port": target.port,
        "place": target.place,
        "called": target.called,
        "calling": target.calling,
        "us": us,
    }
    return Verdict(
        ok=evidence.failure is None,
        what=_what(evidence),
        side=advice.side,
        causes=tuple(cause.format(**names) for cause in advice.causes),
        tries=tuple(attempt.format(**names) for attempt in advice.tries),
        vendor=_vendor_line(evidence, now),
    )


def _advice(evidence: Evidence) -> Advice:
    failure, outcome = evidence.failure, evidence.outcome
    if failure is None:
        return _FINE
    if outcome is None:
        return _DNS if evidence.phase == "dns" else _OURS
    if evidence.speaks_tls or failure.message.endswith("set tls for this node"):
        return _TLS_HERE
    if evidence.speaks_plain:
        return _NO_TLS_HERE
    if outcome.rejected is not None:
        return _BY_REJECTION.get(rejection_labels(outcome.rejected)[1], _REJECTED)
    if failure.reason == "unreachable" and "this machine" in failure.message.partition("; ")[0]:
        return _OURS
    match failure.reason:
        case "no_context":
            return _NO_ECHO
        case "dimse_status":
            return _STATUS
        case _:
            return _BY_REASON.get((evidence.phase, failure.reason), _BROKEN)


def _what(evidence: Evidence) -> str:
    failure, target = evidence.failure, evidence.target
    if failure is not None:
        if evidence.speaks_tls:
            return f"the node ({target.place}) speaks TLS on this port"
        if evidence.speaks_plain:
            return f"the node ({target.place}) does not speak TLS on this port"
        return failure.message.partition("; ")[0]
    what = f"{target.called} ({target.place}) answers C-ECHO from {target.calling}"
    if evidence.too_long is not None:
        what += ", but it refuses an association request with many SOP classes"
    if evidence.dead:
        what += f", but not at {', '.join(evidence.dead)}, which its name stands for as well"
    return what


def _vendor_line(evidence: Evidence, now: datetime) -> str:
    target = evidence.target
    ours = f"{target.calling} at {evidence.local or 'this machine (not connected)'}"
    theirs = f"{target.called} at {evidence.remote or target.place}"
    phase = PHASE_NAMES.get(evidence.phase, evidence.phase)
    if evidence.failure is None:
        phase = "all phases"
    return f"{now:%Y-%m-%d %H:%M:%S} UTC, from {ours} to {theirs}, {phase}: {_codes(evidence)}"


def _codes(evidence: Evidence) -> str:
    failure, outcome = evidence.failure, evidence.outcome
    if failure is None:
        return "C-ECHO-RSP status=0x0000"
    if outcome is not None:
        if outcome.rejected is not None:
            said = outcome.rejected
            return f"A-ASSOCIATE-RJ result={said.result} source={said.source} reason={said.reason}"
        if outcome.aborted is not None:
            return f"A-ABORT source={outcome.aborted.source} reason={outcome.aborted.reason}"
        if failure.reason == "dimse_status":
            return f"C-ECHO-RSP status=0x{outcome.status or 0:04X}"
        if failure.reason == "no_context" and outcome.accepted is not None:
            return f"A-ASSOCIATE-AC context 1 ({VERIFICATION}) result={outcome.accepted.result(1)}"
    match failure.reason:
        case "refused":
            return "connection refused (TCP RST)"
        case "timeout":
            return "no answer"
        case _:
            return failure.message.partition("; ")[0]
