"""An SCP that answers C-FIND as a test wants, always with more of the patient than anybody asked for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from pydicom.dataset import Dataset
from pynetdicom import AE, evt

from pacs_monitor.dicom.contexts import MODALITY_WORKLIST_FIND, STUDY_ROOT_FIND
from tests.checks.archive import CANARY_ID, CANARY_NAME

Answers = Callable[[Dataset], list[Dataset]]


def study(query: Dataset) -> Dataset:
    """A match of a query for studies."""
    found = Dataset()
    found.QueryRetrieveLevel, found.StudyInstanceUID = "STUDY", "2.25.4711"
    found.PatientName, found.PatientID, found.AccessionNumber = CANARY_NAME, CANARY_ID, "CANARY-1"
    return found


class Finder:
    """Answers with what `answers` gives for a query, or with a status; `pause` seconds come before each answer."""

    def __init__(self, answers: Answers | None = None) -> None:
        self.answers = answers or (lambda query: [])
        self.status = 0x0000
        self.pause = 0.0
        self.heeds_cancel = True
        self.hangs = False
        self.port = 0
        self.asked: list[Dataset] = []
        self.callers: list[str] = []
        self.sent = self.released = self.aborted = 0
        self.standing = self.most_standing = 0
        self._over = threading.Event()

    def _find(self, event: evt.Event) -> Iterator[tuple[int, Dataset | None]]:
        query = event.identifier
        self.asked.append(query)
        self.callers.append(event.assoc.requestor.ae_title)
        if self.hangs:
            self._over.wait(55)
        if self.status:
            yield self.status, None
            return
        for answer in self.answers(query):
            if self._over.is_set():
                return
            if self.heeds_cancel and event.is_cancelled:
                yield 0xFE00, None
                return
            time.sleep(self.pause)
            self.sent += 1
            yield 0xFF00, answer

    def _count(self, event: evt.Event) -> None:
        self.released += event.event is evt.EVT_RELEASED
        self.aborted += event.event is evt.EVT_ABORTED
        opened = event.event is evt.EVT_CONN_OPEN
        closed = event.event is evt.EVT_CONN_CLOSE
        self.standing += opened - closed
        self.most_standing = max(self.most_standing, self.standing)

    @contextmanager
    def serve(self) -> Iterator[Finder]:
        """Listen on a free port."""
        ae = AE("FINDER")
        for context in (STUDY_ROOT_FIND, MODALITY_WORKLIST_FIND):
            ae.add_supported_context(context.abstract)
        counted = (evt.EVT_RELEASED, evt.EVT_ABORTED, evt.EVT_CONN_OPEN, evt.EVT_CONN_CLOSE)
        handlers: list[Any] = [(evt.EVT_C_FIND, self._find), *((event, self._count) for event in counted)]
        server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
        assert server is not None
        self.port = server.server_address[1]
        try:
            yield self
        finally:
            self._over.set()
            server.shutdown()
