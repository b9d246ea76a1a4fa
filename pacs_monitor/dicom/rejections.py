"""What each A-ASSOCIATE-RJ means (PS3.8 9.3.4), in words for people, labels and vendors."""

from __future__ import annotations

from pacs_monitor.dicom.codec import APPLICATION_CONTEXT, Rejected

TRANSIENT = 2
REJECT_SOURCES = {1: "user", 2: "acse", 3: "presentation"}
# PS3.8 table 9-21: (source, reason) -> a word for labels.
REJECT_REASONS = {
    (1, 1): "no_reason",
    (1, 2): "application_context",
    (1, 3): "calling_ae_title",
    (1, 7): "called_ae_title",
    (2, 1): "no_reason",
    (2, 2): "protocol_version",
    (3, 1): "congestion",
    (3, 2): "local_limit",
}
# The standard's own words, for vendors.
_RESULT_WORDS = {1: "rejected-permanent", 2: "rejected-transient"}
_REASON_WORDS = {
    (1, 1): "no-reason-given",
    (1, 2): "application-context-name-not-supported",
    (1, 3): "calling-AE-title-not-recognized",
    (1, 7): "called-AE-title-not-recognized",
    (2, 1): "no-reason-given",
    (2, 2): "protocol-version-not-supported",
    (3, 1): "temporary-congestion",
    (3, 2): "local-limit-exceeded",
}


def rejection_labels(rejected: Rejected) -> tuple[str, str]:
    """Source and reason as words of a closed list."""
    source = REJECT_SOURCES.get(rejected.source, "unknown")
    return source, REJECT_REASONS.get((rejected.source, rejected.reason), "unknown")


def explain_rejection(rejected: Rejected, node: str, calling: str, called: str) -> str:
    """What an A-ASSOCIATE-RJ means and what to do about it."""
    match REJECT_REASONS.get((rejected.source, rejected.reason)):
        case "calling_ae_title":
            return (
                f"{node} does not know our AE title {calling}; register {calling} there with this machine's "
                f"address, or set ae_title to one that it knows"
            )
        case "called_ae_title":
            return (
                f"{node} does not answer to the AE title {called}; look up its own AE title there and "
                f"set ae_title to it, letter by letter"
            )
        case "application_context":
            return (
                f"{node} does not take DICOM's application context name ({APPLICATION_CONTEXT}), which all "
                f"associations carry; ask its vendor which service listens there"
            )
        case "protocol_version":
            return (
                f"{node} does not take version 1 of DICOM's upper layer protocol, the only one that there is; "
                f"ask its vendor which service listens there"
            )
        case "congestion":
            return f"{node} is too busy for another association right now; if it stays so, look at its load"
        case "local_limit":
            return (
                f"{node} has reached its limit of associations; look there for associations left open, "
                f"and raise the limit or restart the service"
            )
        case "no_reason":
            why = f"an unregistered AE title ({calling}) or address"
            if rejected.result == TRANSIENT:
                why = "that it is busy or starting"
            return (
                f"{node} rejected the association {how_long(rejected)} without saying why ({_numbers(rejected)}); look "
                f"into its log at this time, it often means {why}"
            )
        case _:
            return (
                f"{node} rejected the association {how_long(rejected)} for a reason that DICOM does not define "
                f"({_numbers(rejected)}); look into its log at this time, and ask its vendor"
            )


def how_long(rejected: Rejected) -> str:
    """Whether it makes sense to ask again (PS3.8 table 9-21, result)."""
    known = {1: "permanently", TRANSIENT: "for now"}
    return known.get(rejected.result, f"with a result that DICOM does not define ({rejected.result})")


def _numbers(rejected: Rejected) -> str:
    return f"source {rejected.source}, reason {rejected.reason}"


def rejection_codes(rejected: Rejected) -> str:
    """An A-ASSOCIATE-RJ in the standard's numbers and words."""
    result = _RESULT_WORDS.get(rejected.result, "reserved")
    reason = _REASON_WORDS.get((rejected.source, rejected.reason), "reserved")
    return (
        f"A-ASSOCIATE-RJ result={rejected.result} ({result}) source={rejected.source} "
        f"reason={rejected.reason} ({reason})"
    )
