"""An archive that lies as a test wants, and another patient's study that must never show."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import requests
from pydicom.dataset import Dataset
from pydicom.filewriter import dcmwrite
from pynetdicom import AE, evt

from pacs_monitor.dicom import synthetic
from pacs_monitor.dicom.contexts import SECONDARY_CAPTURE, STUDY_ROOT_FIND, STUDY_ROOT_GET, STUDY_ROOT_MOVE
from tests.peers.orthanc import Orthanc

CANARY_NAME = "Canary^Secret"
CANARY_ID = "CANARY-4711"


def canary() -> Dataset:
    """A study of a patient who is nobody's test."""
    dataset = synthetic.make_study(datetime(2024, 5, 6, tzinfo=UTC)).dataset
    dataset.PatientName, dataset.PatientID = CANARY_NAME, CANARY_ID
    dataset.StudyDescription = "Canary of the chest"
    return dataset


def upload(orthanc: Orthanc, dataset: Dataset) -> str:
    """Put a data set into an Orthanc by REST; its identifier of the study."""
    file = BytesIO()
    dcmwrite(file, dataset, enforce_file_format=True)
    answer = requests.post(f"{orthanc.url}/instances", data=file.getvalue(), timeout=10)
    answer.raise_for_status()
    return str(answer.json()["ParentStudy"])


class Archive:
    """Stores, finds and gives back in memory; each step can be told to do otherwise.

    `hang_at` names the step that waits until the end of the test.
    """

    def __init__(self) -> None:
        self.stored: dict[str, Dataset] = {}
        self.callers: list[str] = []
        self.asked: list[Dataset] = []
        self.port = 0
        self.store_status = 0x0000
        self.find_status = 0x0000
        self.visible_after = 0
        self.change: Callable[[Dataset], None] = lambda dataset: None
        self.on_store: Callable[[], object] = lambda: None
        self.gives = True
        self.offers_get = True
        self.moves_to: tuple[str, int] | None = None
        """Where it sends what is to be moved, whoever is named as the destination; None: nobody is known."""
        self.also_sends: list[Dataset] = []
        self.hang_at = ""
        self.hanging = threading.Event()
        self.over = threading.Event()
        self.aborted = 0

    def _step(self, name: str, event: evt.Event) -> None:
        self.callers.append(event.assoc.requestor.ae_title)
        if self.hang_at == name:
            self.hanging.set()
            self.over.wait(55)

    def _store(self, event: evt.Event) -> int:
        self._step("store", event)
        self.on_store()
        dataset = event.dataset
        dataset.file_meta = event.file_meta
        if self.store_status == 0x0000 or self.store_status == 0xB000:
            self.stored[dataset.StudyInstanceUID] = dataset
        return self.store_status

    def _find(self, event: evt.Event) -> Iterator[tuple[int, Dataset | None]]:
        self._step("find", event)
        self.asked.append(event.identifier)
        if self.find_status:
            yield self.find_status, None
        self.visible_after -= 1
        if self.visible_after < 0 and event.identifier.StudyInstanceUID in self.stored:
            answer = Dataset()
            answer.QueryRetrieveLevel = "STUDY"
            answer.StudyInstanceUID = event.identifier.StudyInstanceUID
            answer.PatientName, answer.PatientID = CANARY_NAME, CANARY_ID  # nobody asked for it
            yield 0xFF00, answer

    def _get(self, event: evt.Event) -> Iterator[Any]:
        self._step("get", event)
        dataset = self.stored[event.identifier.StudyInstanceUID]
        if not self.gives:
            yield 0
            return
        self.change(dataset)
        yield 1
        yield 0xFF00, dataset

    def _move(self, event: evt.Event) -> Iterator[Any]:
        self._step("move", event)
        if self.moves_to is None:
            yield None, None
            return
        yield self.moves_to
        if not self.gives:
            yield 0
            return
        dataset = self.stored[event.identifier.StudyInstanceUID]
        self.change(dataset)
        yield 1 + len(self.also_sends)
        for each in (*self.also_sends, dataset):
            yield 0xFF00, each

    def _count_abort(self, event: evt.Event) -> None:
        self.aborted += 1

    @contextmanager
    def serve(self, **arguments: Any) -> Iterator[Archive]:
        """Listen on a free port; `arguments` go to pynetdicom."""
        ae = AE("ARCHIVE")
        ae.add_supported_context(SECONDARY_CAPTURE.abstract, list(SECONDARY_CAPTURE.transfers), True, True)
        ae.add_supported_context(STUDY_ROOT_FIND.abstract)
        if self.offers_get:
            ae.add_supported_context(STUDY_ROOT_GET.abstract)
        ae.add_supported_context(STUDY_ROOT_MOVE.abstract)
        ae.add_requested_context(SECONDARY_CAPTURE.abstract, list(SECONDARY_CAPTURE.transfers))
        handlers: list[Any] = [
            (evt.EVT_C_MOVE, self._move),
            (evt.EVT_C_STORE, self._store),
            (evt.EVT_C_FIND, self._find),
            (evt.EVT_C_GET, self._get),
            (evt.EVT_ABORTED, self._count_abort),
        ]
        server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers, **arguments)
        assert server is not None
        self.port = server.server_address[1]
        try:
            yield self
        finally:
            self.over.set()
            server.shutdown()
