"""Orthanc as Debian ships it (1.10.1): an archive with DICOM and REST."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from tests.peers.ports import free_port
from tests.peers.process import ServerProcess, program


@dataclass(frozen=True)
class Orthanc:
    """A running Orthanc that knows PACSMON at `pacsmon_port` of this machine (where C-MOVE sends to)."""

    dicom_port: int
    http_port: int
    pacsmon_port: int
    process: ServerProcess
    host: str = "127.0.0.1"
    ae_title: str = "ORTHANC"

    @property
    def url(self) -> str:
        """Base of the REST API, without a slash at its end."""
        return f"http://{self.host}:{self.http_port}"

    def get(self, path: str) -> Any:
        """What GET of a path (`/studies`) gives, read as JSON."""
        return self._call("GET", path).json()

    def post(self, path: str, content: Any) -> Any:
        """What POST of a JSON document gives, read as JSON."""
        return self._call("POST", path, json.dumps(content)).json()

    def register(self, ae_title: str, port: int) -> None:
        """Let Orthanc know one more application entity on this machine."""
        self._call("PUT", f"/modalities/{ae_title}", json.dumps([ae_title, self.host, port]))

    def clear(self) -> None:
        """Delete all patients."""
        for patient in self.get("/patients"):
            self._call("DELETE", f"/patients/{patient}")

    def _call(self, method: str, path: str, data: str | None = None) -> requests.Response:
        answer = requests.request(method, self.url + path, data=data, timeout=60)
        answer.raise_for_status()
        return answer


@contextmanager
def run_orthanc(folder: Path, **settings: Any) -> Iterator[Orthanc]:
    """Orthanc with its files under `folder`; `settings` go over those written here."""
    executable = program("Orthanc", "orthanc")
    dicom_port, http_port, pacsmon_port = free_port(), free_port(), free_port()
    configuration = {
        "Name": "ORTHANC",
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "storage"),
        "HttpServerEnabled": True,
        "HttpPort": http_port,
        "RemoteAccessAllowed": True,
        "AuthenticationEnabled": False,
        "RegisteredUsers": {},
        "DicomServerEnabled": True,
        "DicomAet": "ORTHANC",
        "DicomPort": dicom_port,
        "DicomCheckCalledAet": True,
        "DicomAlwaysAllowEcho": True,
        "DicomAlwaysAllowStore": True,
        "DicomAlwaysAllowFind": True,
        "DicomAlwaysAllowFindWorklist": True,
        "DicomAlwaysAllowGet": True,
        "DicomAlwaysAllowMove": True,
        "DicomModalities": {"pacsmon": ["PACSMON", "127.0.0.1", pacsmon_port]},
        "OverwriteInstances": True,
        "StableAge": 1,
        "SaveJobs": False,
        "HttpThreadsCount": 8,
        **settings,
    }
    file = folder / "orthanc.json"
    file.write_text(json.dumps(configuration, indent=2))
    server = ServerProcess(
        [executable, "--verbose", file],
        folder / "orthanc.log",
        ports=[dicom_port, http_port],
        answers=lambda: requests.get(f"http://127.0.0.1:{http_port}/system", timeout=30).status_code in (200, 401),
        grace=0.0,  # it takes over 3 s to end, and nobody reads its files again
    )
    with server:
        yield Orthanc(dicom_port, http_port, pacsmon_port, server, ae_title=str(configuration["DicomAet"]))
