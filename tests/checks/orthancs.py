"""For tests of the check orthanc: studies to store, and a REST API that answers as newer versions are documented to."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from checks.orthanc import Orthanc as OrthancCheck
from pacs_monitor.node import Node
from tests.checks.archive import canary, upload
from tests.checks.support import DictMemory, Run, bind, run
from tests.peers.orthanc import Orthanc

DAY = timedelta(days=1)
TEN_MEBIBYTES = 10 * 1024 * 1024


def check_of(url: str, memory: DictMemory | None = None, **settings: Any) -> OrthancCheck:
    """The check of a REST API, which counts a series at once."""
    check = OrthancCheck.model_validate({"url": url, "settled": 0, **settings})
    bind(check, Node(name="archive", host="127.0.0.1"), memory)
    return check


async def look(check: OrthancCheck, seconds: float = 20.0) -> Run:
    """One run, of which nothing is told or kept of a patient."""
    gave = await run(check, seconds)
    told = repr(gave.samples) + gave.message + repr(check.surroundings.memory.items())
    assert "canary" not in told.lower(), "nothing of a patient is told or kept"
    return gave


def store(orthanc: Orthanc, patient: str, modality: str = "OT") -> str:
    """Store a study of one image of a patient by REST; Orthanc's identifier of the study."""
    dataset = canary()
    dataset.PatientID, dataset.PatientName, dataset.Modality = f"CANARY-{patient}", f"Canary^{patient}", modality
    return upload(orthanc, dataset)


def stamp(ago: timedelta = timedelta()) -> str:
    """A time in the past as Orthanc writes it."""
    return (datetime.now(UTC) - ago).strftime("%Y%m%dT%H%M%S")


class Documented:
    """A REST API of a newer Orthanc: what `/system` and the others say can be set, `asked` are the paths asked for."""

    def __init__(self) -> None:
        self.system: dict[str, Any] = {"Version": "1.12.5", "DatabaseVersion": 6}
        self.statistics: dict[str, Any] = {
            "CountStudies": 0,
            "CountSeries": 0,
            "CountInstances": 0,
            "TotalDiskSize": "0",
        }
        self.jobs: list[dict[str, Any]] = []
        self.changes: list[dict[str, Any]] = []
        self.last = 0
        self.sizes: dict[str, str] = {}
        self.answers: dict[str, tuple[int, str]] = {}
        self.asked: list[str] = []
        self.methods: set[str] = set()
        self.users: set[str | None] = set()

    def log(self, kind: str, resource: str, ago: timedelta = timedelta()) -> int:
        """Note a change; its number."""
        self.last += 1
        self.changes.append({"Seq": self.last, "ChangeType": kind, "ID": resource, "Date": stamp(ago)})
        return self.last

    def receive(self, study: str, modality: str = "CT", ago: timedelta = timedelta()) -> None:
        """Note a study of one series of one instance, as Orthanc logs it."""
        for kind, resource in (
            ("NewInstance", f"i-{study}"),
            ("NewSeries", f"{modality}-{study}"),
            ("NewStudy", study),
        ):
            self.log(kind, resource, ago)
        for count in ("CountStudies", "CountSeries", "CountInstances"):
            self.statistics[count] += 1

    def lose(self, study: str) -> None:
        """Delete a study, and with it the changes that tell of it."""
        self.changes = [each for each in self.changes if not each["ID"].endswith(study)]
        for count in ("CountStudies", "CountSeries", "CountInstances"):
            self.statistics[count] -= 1

    def answer(self, path: str) -> Any:
        """What GET of a path gives."""
        parts = urlsplit(path)
        query = {key: values[0] for key, values in parse_qs(parts.query, keep_blank_values=True, separator="&").items()}
        if parts.path == "/changes":
            return self._changes(query)
        if parts.path.startswith("/series/"):
            return self._series(parts.path)
        fixed = {"/system": self.system, "/statistics": self.statistics, "/jobs": self.jobs}
        return fixed.get(parts.path, {} if parts.path == "/modalities" else [])

    def _changes(self, query: dict[str, str]) -> dict[str, Any]:
        kinds = query["type"].split(";") if "type" in query else None
        found = [each for each in self.changes if kinds is None or each["ChangeType"] in kinds]
        if "last" in query:
            return {"Changes": found[-1:], "Done": True, "Last": self.last}
        after = [each for each in found if each["Seq"] > int(query["since"])]
        page = after[: int(query["limit"])]
        return {"Changes": page, "Done": len(page) == len(after), "Last": page[-1]["Seq"] if page else self.last}

    def _series(self, path: str) -> dict[str, Any]:
        series = path.split("/")[2]
        modality, study = series.split("-", 1)
        if path.endswith("/statistics"):
            return {"CountInstances": 1, "DiskSize": self.sizes.get(series, "1000")}
        return {"MainDicomTags": {"Modality": modality, "SeriesDescription": "Canary"}, "ParentStudy": study}

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        """Base of the REST API."""
        return f"http://127.0.0.1:{self._server.server_port}"


def _handler(told: Documented) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # an answer is one write: two would wait for each other (Nagle, delayed acknowledgement)

        def _give(self) -> None:
            told.asked.append(self.path)
            told.methods.add(self.command)
            told.users.add(self.headers.get("Authorization"))
            status, text = told.answers.get(self.path.split("?")[0], (200, ""))
            body = (text or json.dumps(told.answer(self.path))).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET: Callable[[Any], None] = _give
        do_POST: Callable[[Any], None] = _give

        def log_message(self, *_: Any) -> None: ...

    return Handler
