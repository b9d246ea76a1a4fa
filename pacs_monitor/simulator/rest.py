"""The REST calls of Orthanc that one needs to look a study up and delete it."""

from __future__ import annotations

import json
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from pydicom import Dataset

from .archive import Archive, orthanc_id
from .listener import HOST, POLL_SECONDS

STUDY_TAGS = ["StudyInstanceUID", "StudyDate", "StudyTime", "StudyID", "AccessionNumber", "StudyDescription"]
PATIENT_TAGS = ["PatientID", "PatientName", "PatientBirthDate", "PatientSex"]


class RestServer(ThreadingHTTPServer):
    """Answers for `archive` on 127.0.0.1, in threads of its own, whatever the DICOM side does.

    `system` answers GET /system; port 0 is a free one. Raises OSError if the port is taken.
    """

    daemon_threads = True

    def __init__(self, archive: Archive, system: dict[str, Any], port: int = 0) -> None:
        super().__init__((HOST, port), RestHandler)
        self.archive = archive
        self.system = system
        Thread(target=self.serve_forever, args=(POLL_SECONDS,), daemon=True).start()

    @property
    def url(self) -> str:
        """The base URL, without a slash at its end."""
        return f"http://{HOST}:{self.server_port}"

    def close(self) -> None:
        """Stop listening."""
        self.shutdown()
        self.server_close()

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: a caller that hangs up is no fault of the archive."""


class RestHandler(BaseHTTPRequestHandler):
    """GET /system, POST /tools/lookup, GET and DELETE /studies/{id}; anything else is 404."""

    protocol_version = "HTTP/1.1"
    server: RestServer

    def do_GET(self) -> None:
        """Describe the system or a study."""
        if self.path == "/system":
            self._answer(HTTPStatus.OK, self.server.system)
        elif study := self._study():
            self._answer(HTTPStatus.OK, _described(study))
        else:
            self._answer(HTTPStatus.NOT_FOUND, _error("Unknown resource"))

    def do_POST(self) -> None:
        """List the study whose Study Instance UID is the body; an empty list if there is none."""
        uid = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode("ascii", "replace").strip()
        if self.path != "/tools/lookup":
            self._answer(HTTPStatus.NOT_FOUND, _error("Unknown resource"))
            return
        archived = self.server.archive.instances()
        ids = {orthanc_id(instance) for instance in archived if instance.get("StudyInstanceUID") == uid}
        self._answer(HTTPStatus.OK, [{"ID": key, "Path": f"/studies/{key}", "Type": "Study"} for key in sorted(ids)])

    def do_DELETE(self) -> None:
        """Delete a study with all its instances."""
        if study := self._study():
            self.server.archive.delete(study)
            self._answer(HTTPStatus.OK, {"RemainingAncestor": None})
        else:
            self._answer(HTTPStatus.NOT_FOUND, _error("Unknown resource"))

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing: stdout and stderr belong to the process."""

    def _study(self) -> list[Dataset]:
        folder, _, study_id = self.path.lstrip("/").partition("/")
        return self.server.archive.study(study_id) if folder == "studies" else []

    def _answer(self, status: HTTPStatus, content: object) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _described(study: list[Dataset]) -> dict[str, Any]:
    first = study[0]
    return {
        "ID": orthanc_id(first),
        "Type": "Study",
        "IsStable": True,
        "MainDicomTags": _tags(first, STUDY_TAGS),
        "PatientMainDicomTags": _tags(first, PATIENT_TAGS),
    }


def _tags(instance: Dataset, keywords: list[str]) -> dict[str, str]:
    return {keyword: str(instance.get(keyword)) for keyword in keywords if keyword in instance}


def _error(message: str) -> dict[str, str]:
    return {"Message": message}
