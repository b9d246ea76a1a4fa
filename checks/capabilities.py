"""Capabilities: does the node still take what it took, and is it still the same software?"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Annotated, Self

from pydantic import Field, model_validator

from pacs_monitor.check import CheckFailed, Count, Duration, Gauge, Sample
from pacs_monitor.dicom import DicomCheck
from pacs_monitor.dicom.baseline import Baseline
from pacs_monitor.dicom.capability import (
    Capability,
    RequiredName,
    StorageName,
    TransferSyntaxName,
    proposals,
    required_among,
)
from pacs_monitor.dicom.contexts import ContextName
from pacs_monitor.dicom.conversation import Outcome
from pacs_monitor.dicom.negotiating import negotiate
from pacs_monitor.memory import NotSaved

ASKED = Gauge("pacs_capabilities_asked", "Combinations of SOP class and transfer syntax that the node was asked for.")
ACCEPTED = Gauge("pacs_capabilities_accepted", "How many of them the node accepted.")
CHANGED = Gauge("pacs_capabilities_changed", "How many of them are accepted otherwise than in the baseline.")
CHANGE = Gauge(
    "pacs_capability_change_info",
    "What the node accepts otherwise than in the baseline; always 1.",
    ("sop_class", "transfer_syntax", "change"),
)
BASELINE = Gauge("pacs_capabilities_baseline_timestamp_seconds", "When the baseline was learned or accepted.")
VERSION_CHANGED = Gauge(
    "pacs_dicom_version_changed_timestamp_seconds",
    "Since when the node calls itself otherwise than in the baseline; absent while it does not.",
    ("version", "was"),
)
_MOST = 512

_STORAGE = ("CR", "CT", "DX", "MG", "MR", "NM", "PT", "RF", "SC", "US", "XA")
_SYNTAXES = (
    "ImplicitVRLittleEndian",
    "ExplicitVRLittleEndian",
    "JPEGBaseline8Bit",
    "JPEGLosslessSV1",
    "JPEGLSLossless",
    "JPEG2000Lossless",
    "RLELossless",
)
_DOCUMENTS = (
    "EnhancedSRStorage",
    "XRayRadiationDoseSRStorage",
    "GrayscaleSoftcopyPresentationStateStorage",
    "KeyObjectSelectionDocumentStorage",
    "EncapsulatedPDFStorage",
)
_SERVICES = (
    "Verification",
    "StudyRootQueryRetrieveInformationModelFind",
    "StudyRootQueryRetrieveInformationModelMove",
    "StudyRootQueryRetrieveInformationModelGet",
    "StorageCommitmentPushModel",
)


class Capabilities(DicomCheck):
    """Negotiate a list of SOP classes and transfer syntaxes, send nothing, and compare with the saved baseline."""

    interval: Duration = 21600.0
    """How often it runs."""
    retry_interval: Duration | None = 300.0
    """After a failure, run again this soon if that is sooner."""
    down_after: Count = 2
    """So many failures in a row make it confirmed down."""
    storage: tuple[StorageName, ...] = _STORAGE
    """Images: keyword, UID, or the short name of a modality. Each is asked for with each transfer syntax."""
    transfer_syntaxes: Annotated[tuple[TransferSyntaxName, ...], Field(min_length=1)] = _SYNTAXES
    """Transfer syntaxes of images, by keyword or UID."""
    documents: tuple[StorageName, ...] = _DOCUMENTS
    """Storage without pixels, asked for without compression."""
    services: tuple[ContextName, ...] = _SERVICES
    """All other SOP classes, asked for without compression."""
    required: tuple[RequiredName, ...] = ()
    """It fails when one of these is lost: a SOP class (in any transfer syntax), or `CT/JPEG2000Lossless`."""
    learn: Count = 1
    """So many runs in a row with the same answer make the first baseline."""

    @model_validator(mode="after")
    def _asks_for_what_it_requires(self) -> Self:
        asked = self._proposals()
        if not asked:
            raise ValueError("storage, documents and services are all empty; name at least one SOP class")
        if len(asked) > _MOST:
            raise ValueError(f"asks for {len(asked)} combinations, {_MOST} are allowed; shorten storage")
        for name in self.required:
            if not required_among(name, asked):
                raise ValueError(f"requires {name}, which is not asked for; add it to storage or services")
        return self

    def _proposals(self) -> tuple[Capability, ...]:
        return proposals(self.storage, self.transfer_syntaxes, (*self.documents, *self.services))

    async def run(self) -> AsyncIterator[Sample]:
        """Raise CheckFailed if the node cannot be asked, or has lost what is required."""
        asked, outcome, taken, failure = self._proposals(), Outcome(), None, None
        baseline = Baseline(self.memory, self.site_time)
        try:
            taken = await negotiate(self, asked, outcome)
        except CheckFailed as error:
            failure = error
        for sample in self.samples(outcome):
            yield sample
        lost: list[str] = []
        if taken is not None and outcome.accepted is not None:
            yield ASKED(len(asked))
            yield ACCEPTED(len(taken))
            peer = (outcome.accepted.implementation_uid, outcome.accepted.implementation_version)
            # Whoever probes by hand without an agent has no state file: then nothing is learned or noted.
            with suppress(NotSaved):
                await baseline.accept(asked, taken, peer)
            lost = self._lost(asked, taken, baseline)
            with suppress(NotSaved):
                await baseline.compare(asked, taken, peer, 0 if lost else self.learn)
        for sample in _changes(baseline, asked):
            yield sample
        if failure is not None:
            raise failure
        if lost:
            raise CheckFailed("no_context", self._sentence(lost, baseline))

    def _lost(self, asked: tuple[Capability, ...], taken: frozenset[Capability], baseline: Baseline) -> list[str]:
        """What is required and not taken, unless the baseline was accepted without it."""
        lost = []
        for name in self.required:
            meant = required_among(name, asked)
            if not meant & taken and (not baseline.known or meant & baseline.taken(asked)):
                lost.append(name)
        return lost

    def _sentence(self, lost: list[str], baseline: Baseline) -> str:
        asked = self._proposals()
        words = [_words(name, asked) for name in lost]
        told = ", ".join(words[:3]) + (f" and {len(words) - 3} more" if len(words) > 3 else "")
        node = self.node.name
        if not baseline.known:
            return f"{node} does not take {told}; have it switched on there, or take it out of required"
        since = baseline.since([each for name in lost for each in required_among(name, asked)])
        return (
            f"{node} no longer takes {told} since {since}; ask what was changed there; if it is meant: "
            f"pacs-monitor baseline accept {node}"
        )


def _words(name: str, asked: tuple[Capability, ...]) -> str:
    meant = required_among(name, asked)
    one = next(iter(meant))
    return f"{one.words} with {one.syntax}" if "/" in name else one.words


def _changes(baseline: Baseline, asked: tuple[Capability, ...]) -> list[Sample]:
    if not baseline.known:
        return []
    changes = baseline.changes(asked)
    found = [BASELINE(baseline.at), CHANGED(len(changes))]
    found += [CHANGE(1, sop_class=one.keyword, transfer_syntax=one.syntax, change=how) for one, how in changes]
    version = baseline.other_version()
    if version is not None:
        since, now, was = version
        found.append(VERSION_CHANGED(since, version=now, was=was))
    return found
