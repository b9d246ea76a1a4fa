"""From what a walk showed to what is wrong, on whose side it is and what to try."""

from __future__ import annotations

from datetime import datetime

from pacs_monitor.certificate_facts import Facts
from pacs_monitor.check import CheckFailed
from pacs_monitor.diagnosing import advice, advice_tls
from pacs_monitor.diagnosing.advice import Advice
from pacs_monitor.diagnosing.diagnosis import STEP_NAMES, Evidence, Verdict
from pacs_monitor.diagnosing.suspects import OVER_TLS
from pacs_monitor.dicom import reasons
from pacs_monitor.dicom.codec import NOT_MENTIONED, VERIFICATION, Rejected
from pacs_monitor.dicom.conversation import Outcome
from pacs_monitor.dicom.rejections import TRANSIENT, rejection_codes, rejection_labels


def judge(evidence: Evidence, now: datetime) -> Verdict:
    """The verdict on what a walk showed."""
    advised, names = _advice(evidence, now), _names(evidence, now)
    what = advised.what.format(**names) if advised.what else _what(evidence)
    return Verdict(
        ok=evidence.failure is None,
        what=what,
        side=advised.side,
        causes=tuple(cause.format(**names) for cause in advised.causes),
        tries=tuple(attempt.format(**names) for attempt in advised.tries),
        vendor=_vendor_line(evidence, now),
    )


def _names(evidence: Evidence, now: datetime) -> dict[str, object]:
    """What stands for the {names} of an advice."""
    target, ours = evidence.target, evidence.ours
    trusted = "the file of --ca" if target.tls and target.tls.ca_file else "this machine's list, and no --ca was given"
    return {
        "host": target.host,
        "port": target.port,
        "place": target.place,
        "called": target.called,
        "calling": target.calling,
        "us": evidence.local.rpartition(":")[0].strip("[]") or "of this machine",
        "dead": ", ".join(evidence.dead),
        "expected": target.server_name,
        "answers_to": evidence.answers_to,
        "knows_us_as": evidence.knows_us_as,
        "other_port": evidence.other_port,
        "with_tls": " with --tls" if evidence.other_port == OVER_TLS else "",
        "trusted": trusted,
        "now": f"{now:%Y-%m-%d %H:%M} UTC",
        "our_issuer": ours.issuer if ours else "unknown",
        "our_end": _day(ours.ends, now) if ours else "an unknown day",
        **_names_of_certificate(evidence.certificate, now),
    }


def _names_of_certificate(facts: Facts | None, now: datetime) -> dict[str, object]:
    if facts is None:
        return dict.fromkeys(("began", "ended", "names", "issuer", "fingerprint"), "(it could not be read)")
    return {
        "began": _day(facts.begins, now),
        "ended": _day(facts.ends, now),
        "names": ", ".join(facts.names) or "no name at all",
        "issuer": facts.issuer,
        "fingerprint": f"{facts.fingerprint[:48]} {facts.fingerprint[48:]}",  # too long for one line
    }


def _day(when: datetime, now: datetime) -> str:
    days = abs(when - now).days
    if days < 2:
        return f"{when:%Y-%m-%d %H:%M} UTC"
    return f"{when:%Y-%m-%d %H:%M} UTC ({f'in {days} days' if when > now else f'{days} days ago'})"


def _advice(evidence: Evidence, now: datetime) -> Advice:
    failure, outcome = evidence.failure, evidence.outcome
    if failure is None:
        return _remark(evidence)
    if outcome is None:
        return advice.DNS if evidence.phase == "dns" else advice.FILES
    if evidence.speaks_tls or failure.message.endswith("set tls for this node"):
        return advice_tls.SPEAKS_TLS
    if evidence.speaks_plain:
        return advice_tls.SPEAKS_PLAIN
    if evidence.trouble is not None:
        return _advice_on_tls(evidence, now)
    if (found := _suspect(evidence)) is not None:
        return found
    if outcome.rejected is not None:
        return _advice_on_rejection(outcome.rejected)
    if outcome.partial:
        return advice.HALF
    what, _, remedy = failure.message.partition("; ")
    if failure.reason == "unreachable" and "this machine" in what:
        return Advice("ours", (), (remedy,))
    match failure.reason:
        case "no_context":
            return advice.NO_ECHO
        case "dimse_status":
            return advice.BY_STATUS.get(outcome.status or 0, advice.STATUS)
        case _:
            return advice.BY_REASON.get((evidence.phase, failure.reason), advice.BROKEN)


def _suspect(evidence: Evidence) -> Advice | None:
    if evidence.answers_to:
        return advice.OTHER_TITLE if evidence.knows_us else advice.OTHER_TITLE_AND_UNKNOWN
    if evidence.knows_us_as:
        return advice.OTHER_CALLING
    return advice.OTHER_PORT if evidence.other_port else None


def _remark(evidence: Evidence) -> Advice:
    if evidence.goodbye is not None:
        return advice.GOODBYE
    if evidence.too_long is not None:
        return advice.TOO_LONG
    if evidence.no_find is not None:
        return advice.NO_FIND
    if evidence.no_store is not None:
        return advice.NO_STORE
    return advice.DEAD if evidence.dead else advice.FINE


def _advice_on_tls(evidence: Evidence, now: datetime) -> Advice:
    trouble, facts, tls = evidence.trouble, evidence.certificate, evidence.target.tls
    assert trouble is not None
    if tls is not None and tls.cert_file is None:
        if trouble == "ours_untrusted":  # as some say it that got none
            return advice_tls.WANTS_OURS
        if trouble == "no_agreement":
            return advice_tls.MAYBE_WANTS_OURS
    if trouble == "expired" and facts is not None and facts.ends > now:
        return advice_tls.CHAIN_EXPIRED
    return advice_tls.BY_TROUBLE[trouble]


def _advice_on_rejection(rejected: Rejected) -> Advice:
    word = rejection_labels(rejected)[1]
    transient = rejected.result == TRANSIENT
    if word != "no_reason":
        found = advice.BY_REJECTION[word]
    elif transient:
        found = advice.REJECTED_FOR_NOW
    else:
        found = advice.REJECTED_BY_APPLICATION if rejected.source == 1 else advice.REJECTED_BY_LIBRARY
    return found._replace(tries=(advice.WAIT, *found.tries)) if transient else found


def _what(evidence: Evidence) -> str:
    failure, target, outcome = evidence.failure, evidence.target, evidence.outcome
    if failure is not None:
        what = failure.message.partition("; ")[0]
        what += _how_long(outcome.rejected) if outcome is not None and outcome.rejected is not None else ""
        return what + (f"; port {evidence.other_port} speaks DICOM" if evidence.other_port else "")
    what = f"{target.called} ({target.place}) answers C-ECHO from {target.calling}"
    if evidence.too_long is not None:
        what += ", but it refuses an association request with many SOP classes"
    if evidence.dead:
        what += f", but not at {', '.join(evidence.dead)}, which its name stands for as well"
    for refusal in (evidence.no_find, evidence.no_store):
        if refusal is not None:
            what += f", but {refusal.message.partition('; ')[0]}"
    if evidence.goodbye is not None:
        what += f", but does not end the association as it should: {_seen(evidence.goodbye, evidence.outcome)}"
    return what


def _how_long(rejected: Rejected) -> str:
    """What a sentence on a rejection leaves out of whether it will last."""
    word, transient = rejection_labels(rejected)[1], rejected.result == TRANSIENT
    if word in ("no_reason", "unknown") or (transient and word in ("congestion", "local_limit")):
        return ""
    return ", and says that this passes" if transient else ", and says that this is permanent"


def _vendor_line(evidence: Evidence, now: datetime) -> str:
    target = evidence.target
    ours = f"{target.calling} at {evidence.local or 'this machine (not connected)'}"
    theirs = f"{target.called} at {evidence.remote or target.place}"
    phase = STEP_NAMES.get(evidence.phase, evidence.phase)
    if evidence.failure is None and evidence.goodbye is None:
        phase = "all phases"
    return f"{now:%Y-%m-%d %H:%M:%S} UTC, from {ours} to {theirs}, {phase}: {_codes(evidence)}"


def _codes(evidence: Evidence) -> str:
    failure, outcome = evidence.failure, evidence.outcome
    if failure is None:
        codes = "C-ECHO-RSP status=0x0000"
        if evidence.goodbye is not None:
            codes += f", then {_seen(evidence.goodbye, evidence.outcome)}"
        if evidence.too_long is not None:
            codes += f" for Verification alone; with many SOP classes {evidence.too_long.message.partition('; ')[0]}"
        return codes
    if outcome is not None:
        if failure.reason == "dimse_status":
            status = outcome.status or 0
            return f"C-ECHO-RSP status=0x{status:04X} ({reasons.STATUSES.get(status, 'a status of its own')})"
        if failure.reason == "no_context" and outcome.accepted is not None:
            result = outcome.accepted.result(1)
            number = "none" if result == NOT_MENTIONED else result
            said = reasons.context_result(result)
            return f"A-ASSOCIATE-AC context 1 (Verification, {VERIFICATION}) result={number} ({said})"
        if outcome.rejected is not None:
            return rejection_codes(outcome.rejected)
    return _seen(failure, outcome)


_ASKED = {
    "connect": ("TCP SYN", "SYN-ACK"),
    "tls": ("TLS ClientHello", "a TLS handshake"),
    "associate": ("A-ASSOCIATE-RQ", "A-ASSOCIATE-AC"),
    "dimse": ("C-ECHO-RQ", "C-ECHO-RSP"),
    "release": ("A-RELEASE-RQ", "A-RELEASE-RP"),
}


def _seen(failure: CheckFailed, outcome: Outcome | None) -> str:
    """A failure in codes, as far as there are some."""
    if outcome is not None and outcome.aborted is not None:
        return f"A-ABORT source={outcome.aborted.source} reason={outcome.aborted.reason}"
    match failure.reason:
        case "refused":
            return "connection refused (TCP RST)"
        case "timeout" if outcome is not None and outcome.partial:
            return f"{reasons.count_bytes(outcome.partial)} of {_ASKED[outcome.phase][1]}, then silence"
        case "timeout" if outcome is not None:
            return f"no answer to {_ASKED[outcome.phase][0]}"
        case _:
            return failure.message.partition("; ")[0]
