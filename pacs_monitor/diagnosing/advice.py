"""Advice by what a walk showed: whose side it is, what the cause may be and what to try.

Causes stand in the order of their likelihood, as field service meets them. {names} stand for the target's.
"""

from __future__ import annotations

from typing import NamedTuple

from pacs_monitor.diagnosing.diagnosis import Side


class Advice(NamedTuple):
    """Whose side it is, what causes it and what to try."""

    side: Side
    causes: tuple[str, ...]
    tries: tuple[str, ...]
    what: str = ""
    """What is wrong, if that can be said better than the failure says it."""


LOG = "read the node's log at the time in the line below"
LISTENS = "on the node, see what listens: `ss -ltnp` (Linux) or `netstat -ano` (Windows)"
REGISTER = "register {calling} with the address {us} on the node"
WAIT = "wait a minute and diagnose again: it says that this passes"

FINE = Advice("nobody", (), ())
DNS = Advice(
    "DNS",
    ("the name is misspelt", "the name is not in the DNS that this machine asks", "the DNS server does not answer"),
    ("look it up by hand: `getent hosts {host}`", "use the node's address instead of its name", "ask who runs the DNS"),
)
FILES = Advice("ours", (), ("correct the files of --ca, --cert and --key, and diagnose again",))

BY_REASON: dict[tuple[str, str], Advice] = {
    ("connect", "refused"): Advice(
        "the node's service",
        ("the DICOM service is not running", "it listens on another port than {port}", "a firewall answers for it"),
        ("start the DICOM service on the node", LISTENS, "compare {port} with the port in the node's configuration"),
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
        ("diagnose again without --tls", "ask its vendor for the port that speaks TLS", LOG),
    ),
    ("associate", "timeout"): Advice(
        "the node's service",
        (
            "the service hangs, or has no free thread",
            "it is no DICOM service and waits for something else",
            "it looks up the name of this machine in a DNS that does not answer",
        ),
        (LISTENS, LOG, "restart the DICOM service on the node"),
    ),
    ("associate", "aborted"): Advice(
        "the node's configuration",
        (
            "it takes associations only from addresses that it knows, and ours is not among them",
            "it does not know our AE title {calling}, and hangs up instead of saying so",
            "the service is broken",
        ),
        ("register {calling} with the address {us} on the node", "diagnose with --calling and a title it knows", LOG),
    ),
    ("associate", "mismatch"): Advice(
        "the node's configuration",
        ("another service listens on port {port}", "the DICOM service is broken"),
        ("look up the DICOM port in the node's configuration (often 104, 11112 or 4242)", LISTENS),
    ),
    ("dimse", "timeout"): Advice(
        "the node's service",
        ("it is overloaded, or its database or disk hangs", "a proxy or router takes associations for it"),
        ("look at the node's load, disks and database", "restart the DICOM service on the node", LOG),
    ),
}
BY_REJECTION: dict[str, Advice] = {
    "calling_ae_title": Advice(
        "the node's configuration",
        ("our AE title {calling} is not registered there", "it is registered with another address than {us}"),
        (REGISTER, "diagnose with --calling and a title that it knows; upper and lower case differ"),
    ),
    "called_ae_title": Advice(
        "ours",
        ("its AE title is not {called}", "another service than the expected one listens on port {port}"),
        (
            "look up the node's own AE title in its configuration, and diagnose with --called and that",
            "compare letter by letter: upper and lower case, underscore and hyphen differ",
        ),
    ),
    "application_context": Advice(
        "the node's service",
        (
            "it is not the service that is expected on port {port}",
            "a gateway or proxy between here and there changes what we ask",
            "its DICOM software is broken: there is no other application context name",
        ),
        (LISTENS, LOG, "send the line below to its vendor; no setting on our side changes it"),
    ),
    "protocol_version": Advice(
        "the node's service",
        (
            "it is not the service that is expected on port {port}",
            "its DICOM software is broken: there is no other version",
        ),
        (LISTENS, LOG, "send the line below to its vendor; no setting on our side changes it"),
    ),
    "congestion": Advice(
        "the node's service",
        ("more is sent to it just now than it can take", "its disk or database is slow"),
        ("look at the node's load, disks and database", "see who sends to it just now", LOG),
    ),
    "local_limit": Advice(
        "the node's service",
        ("associations that others left open take all its places", "its limit is too low for its senders"),
        ("count the open connections on port {port} of the node", "restart its DICOM service", "raise its limit"),
    ),
    "unknown": Advice(
        "the node's service",
        ("its software gives reasons of its own, which only its vendor can explain",),
        (LOG, "send the line below to its vendor", REGISTER + ", if it is not"),
    ),
}
REJECTED_BY_APPLICATION = Advice(
    "the node's configuration",
    ("our AE title {calling} or address {us} is not registered there", "its licence or its disk is exhausted"),
    (REGISTER, LOG),
)
REJECTED_BY_LIBRARY = Advice(
    "the node's configuration",
    (
        "our address {us} is not permitted there: its DICOM library refused before the application was asked",
        "its licence for connections is exhausted",
    ),
    (REGISTER, LOG),
)
REJECTED_FOR_NOW = Advice(
    "the node's service",
    ("it is starting, or busy", "its licence, its disk or its number of associations is exhausted"),
    ("look at the node's load, disks and licence", LOG),
)
NO_ECHO = Advice(
    "the node's configuration",
    ("Verification is switched off there", "it is allowed only for other AE titles than {calling}"),
    ("have Verification switched on for {calling}", LOG),
)
BY_STATUS: dict[int, Advice] = {
    0x0122: NO_ECHO,
    0x0124: Advice("the node's configuration", ("{calling} has no right to Verification there",), (REGISTER, LOG)),
}
STATUS = Advice(
    "the node's service",
    ("the service has a fault of its own: its database, its disk or its licence",),
    (LOG, "look at the node's disks and database", "restart the DICOM service on the node"),
)
HALF = Advice(
    "the node's service",
    (
        "the service hangs or died in the middle of its answer",
        "a firewall or proxy in between holds back the rest of the answer",
    ),
    (LOG, "restart the DICOM service on the node", "ask the network team what looks into traffic to port {port}"),
)
BROKEN = Advice("the node's service", ("the service broke off, or is broken",), (LOG, "restart the DICOM service"))
GOODBYE = Advice(
    "the node's service",
    ("it does not end associations in order: they may pile up until it takes no more",),
    ("count the open connections on port {port} of the node", "send the line below to its vendor", LOG),
)
TOO_LONG = Advice(
    "the node's service",
    ("it cannot read association requests as long as those of archives and workstations",),
    ("nothing for monitoring: c_echo asks for Verification alone", "send the line below to its vendor"),
)
DEAD = Advice(
    "DNS",
    ("the name still stands for an address that the node has no longer", "part of a cluster is down"),
    ("start what should listen at {dead}", "or take {dead} out of the DNS"),
)
OTHER_TITLE = Advice(
    "ours",
    ("the node's AE title is written differently from what was asked for",),
    ("diagnose again with --called {answers_to}", "for checks, set ae_title of the node to {answers_to}"),
    "the node ({place}) answers to {answers_to}, not to {called}",
)
OTHER_TITLE_AND_UNKNOWN = Advice(
    "the node's configuration",
    (
        "the node's AE title is written {answers_to}",
        "our AE title {calling} is not registered there, which it says only to who calls it right",
    ),
    ("for checks, set ae_title of the node to {answers_to}", REGISTER),
    "the node ({place}) answers to {answers_to}, not to {called}, and does not know our AE title {calling}",
)
OTHER_CALLING = Advice(
    "ours",
    ("our AE title is registered there in another spelling",),
    (
        "diagnose again with --calling {knows_us_as}",
        "for checks, set calling_ae_title of the node to {knows_us_as}, or have {calling} registered there",
    ),
    "the node ({place}) knows our AE title as {knows_us_as}, not as {calling}",
)
OTHER_PORT = Advice(
    "ours",
    ("its DICOM port is {other_port}", "what should listen on port {port} is not running, and another service is"),
    (
        "diagnose {host}:{other_port}{with_tls}, and see whether that is the service that you mean",
        "for checks, set port of the node to {other_port}",
        LISTENS,
    ),
)
NO_FIND = Advice(
    "the node's configuration",
    ("it lets {calling} ask whether it is there, and not for studies",),
    ("allow queries (C-FIND, query/retrieve) for {calling} there", "or leave c_find out of its checks", LOG),
)
NO_STORE = Advice(
    "the node's configuration",
    ("it lets {calling} ask whether it is there, and does not store what it sends",),
    ("allow C-STORE for {calling} there", "look at its disk and licence", LOG),
)
