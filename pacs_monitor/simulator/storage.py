"""The image services: C-STORE, and C-FIND and C-GET in the study root model."""

from __future__ import annotations

from collections.abc import Iterator

from pydicom import Dataset
from pydicom.uid import (
    ComputedRadiographyImageStorage,
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    DigitalXRayImageStorageForPresentation,
    EncapsulatedPDFStorage,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLosslessSV1,
    MRImageStorage,
    RLELossless,
    SecondaryCaptureImageStorage,
    UltrasoundImageStorage,
    UltrasoundMultiFrameImageStorage,
)
from pynetdicom import build_context, evt
from pynetdicom.events import Event
from pynetdicom.presentation import PresentationContext
from pynetdicom.sop_class import (  # type: ignore[attr-defined]  # made at import time
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
)

from .archive import UNIQUE_KEYS, Archive
from .matching import find, matches
from .node import SUCCESS, Services

# PS3.4 tables C.4-1 and C.4-3.
PENDING = 0xFF00
CANCELLED = 0xFE00
IDENTIFIER_DOES_NOT_MATCH = 0xA900

# Not all that pynetdicom knows: it copies the list for each connection, which for 170 classes takes 6 ms.
STORED = [
    SecondaryCaptureImageStorage,
    CTImageStorage,
    MRImageStorage,
    UltrasoundImageStorage,
    UltrasoundMultiFrameImageStorage,
    ComputedRadiographyImageStorage,
    DigitalXRayImageStorageForPresentation,
    EncapsulatedPDFStorage,
]
TRANSFER_SYNTAXES = [
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    DeflatedExplicitVRLittleEndian,
    JPEGBaseline8Bit,
    JPEGLosslessSV1,
    JPEG2000Lossless,
    RLELossless,
]

Response = tuple[int, Dataset | None]


def archive_services(archive: Archive) -> Services:
    """Give the services of a node that keeps in `archive` what it gets, finds it and gives it back."""

    def store(event: Event) -> int:
        instance = event.dataset
        instance.file_meta = event.file_meta
        archive.store(instance)
        return SUCCESS

    def query(event: Event) -> Iterator[Response]:
        return _found(event, archive)

    def get(event: Event) -> Iterator[int | Response]:
        return _retrieved(event, archive)

    return Services(
        contexts=[
            build_context(StudyRootQueryRetrieveInformationModelFind),
            build_context(StudyRootQueryRetrieveInformationModelGet),
            *_storage_contexts(),
        ],
        handlers=[(evt.EVT_C_STORE, store), (evt.EVT_C_FIND, query), (evt.EVT_C_GET, get)],
    )


def router_services() -> Services:
    """Give the services of a node that takes every image and keeps none."""
    return Services(contexts=_storage_contexts(), handlers=[(evt.EVT_C_STORE, lambda _: SUCCESS)])


def _storage_contexts() -> list[PresentationContext]:
    contexts = [build_context(uid, list(TRANSFER_SYNTAXES)) for uid in STORED]
    for context in contexts:
        # Both roles: in a C-GET the archive is the SCU of the C-STORE (PS3.4 C.5.3).
        context.scu_role = True
        context.scp_role = True
    return contexts


def _found(event: Event, archive: Archive) -> Iterator[Response]:
    keys = event.identifier
    level = keys.get("QueryRetrieveLevel", "")
    if level not in UNIQUE_KEYS:
        yield IDENTIFIER_DOES_NOT_MATCH, None
        return
    for answer in find(keys, archive.candidates(level)):
        if event.is_cancelled:
            yield CANCELLED, None
            return
        answer.RetrieveAETitle = event.assoc.ae.ae_title
        yield PENDING, answer


def _retrieved(event: Event, archive: Archive) -> Iterator[int | Response]:
    keys = event.identifier
    level = keys.get("QueryRetrieveLevel", "")
    # Without the unique key of its level it would ask for the whole archive.
    if not keys.get(UNIQUE_KEYS.get(level, ""), ""):
        # Not 0, with which pynetdicom answers success and asks no further.
        yield 1
        yield IDENTIFIER_DOES_NOT_MATCH, None
        return
    wanted = [instance for instance in archive.instances() if matches(keys, instance)]
    yield len(wanted)
    for instance in wanted:
        if event.is_cancelled:
            yield CANCELLED, None
            return
        yield PENDING, instance
