"""What the phases of an association show, as steps of a diagnosis."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pacs_monitor.diagnosing.diagnosis import STEP_NAMES, Evidence, State, Step, show_address
from pacs_monitor.dicom import reasons
from pacs_monitor.dicom.codec import uid_name
from pacs_monitor.dicom.contexts import sop_class_uid, with_verification
from pacs_monitor.dicom.conversation import Outcome
from pacs_monitor.dicom.dialogue import Observer

Say = Callable[[Step], None]

SOP_CLASSES = {
    sop_class_uid(keyword): name
    for keyword, name in {
        "CTImageStorage": "CT images",
        "MRImageStorage": "MR images",
        "ComputedRadiographyImageStorage": "CR images",
        "DigitalXRayImageStorageForPresentation": "DX images",
        "DigitalMammographyXRayImageStorageForPresentation": "Mammography images",
        "UltrasoundImageStorage": "Ultrasound images",
        "UltrasoundMultiFrameImageStorage": "Ultrasound clips",
        "SecondaryCaptureImageStorage": "Secondary Capture",
        "BasicTextSRStorage": "Basic Text SR",
        "XRayRadiationDoseSRStorage": "Radiation Dose SR",
        "StudyRootQueryRetrieveInformationModelFind": "Study Root C-FIND",
        "StudyRootQueryRetrieveInformationModelMove": "Study Root C-MOVE",
        "StudyRootQueryRetrieveInformationModelGet": "Study Root C-GET",
        "ModalityWorklistInformationModelFind": "Modality Worklist",
        "ModalityPerformedProcedureStep": "MPPS",
        "StorageCommitmentPushModel": "Storage Commitment",
    }.items()
}
"""What is asked for beside Verification, by UID; nothing is sent for it."""


def watch(evidence: Evidence, say: Say, uids: tuple[str, ...]) -> Observer:
    """An observer that says each phase as a step."""

    def observe(phase: str, outcome: Outcome, local: Any) -> None:
        evidence.local = show_address(local)
        evidence.passed.add(phase)
        seconds = outcome.phases[phase]
        match phase:
            case "connect":
                say(Step("connect", "ok", seconds, f"to {evidence.remote} from {evidence.local}"))
            case "tls":
                tls = evidence.target.tls
                verified = "its certificate is verified" if tls and tls.verify else "its certificate is not verified"
                say(Step("tls", "ok", seconds, verified))
            case "associate":
                for step in _associated(outcome, uids, seconds):
                    say(step)
            case "dimse":
                meaning = reasons.STATUSES.get(outcome.status or 0, "a status of its own")
                state: State = "failed" if outcome.status else "ok"
                say(Step("C-ECHO", state, seconds, f"status 0x{outcome.status or 0:04X} ({meaning})"))
            case _:
                say(Step("release", "ok", seconds, "the association is closed in order"))

    return observe


def _associated(outcome: Outcome, uids: tuple[str, ...], seconds: float) -> list[Step]:
    peer = outcome.accepted
    assert peer is not None
    by = peer.implementation_version or "a node that does not say its version"
    by += f" ({peer.implementation_uid})" if peer.implementation_uid else ""
    steps = [Step("associate", "ok", seconds, f"accepted, PDUs up to {peer.max_length} bytes, by {by}")]
    transfers = dict(peer.transfers)
    for place, context in enumerate(with_verification(uids)):
        number = 2 * place + 1
        result, name = peer.result(number), SOP_CLASSES.get(context.abstract, "Verification (C-ECHO)")
        if result == 0:
            steps.append(Step("context", "ok", None, f"{name}: {uid_name(transfers.get(number, ''))}"))
        else:
            state: State = "failed" if place == 0 else "skipped"
            steps.append(Step("context", state, None, f"{name}: {reasons.context_result(result)}"))
    if peer.result(1) != 0:
        steps.append(Step("C-ECHO", "skipped", None, "not without Verification"))
    return steps


def say_how_it_ended(evidence: Evidence, say: Say) -> None:
    """Say the step in which it broke, or what an observer is not told."""
    outcome = evidence.outcome
    assert outcome is not None
    failure = evidence.failure or evidence.goodbye
    if failure is None:
        if "release" not in evidence.passed:
            seconds = outcome.phases.get("release")
            say(Step("release", "ok", seconds, "it hung up instead, which does no harm"))
        return
    if failure.reason in ("no_context", "dimse_status"):
        if "release" not in evidence.passed:
            say(Step("release", "skipped", outcome.phases.get("release"), "it did not close the association in order"))
        return
    detail = failure.message.partition("; ")[0]
    if evidence.target.place != evidence.remote:
        detail = f"{evidence.remote}: {detail}"
    name = STEP_NAMES.get(evidence.phase, evidence.phase)
    say(Step(name, "failed", outcome.phases.get(outcome.phase), detail))
