"""Orthanc with its DICOMweb plug-in, and a proxy before it that lets in, changes or refuses what a test wants."""

from __future__ import annotations

import os
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import requests

from tests.peers.orthanc import Orthanc, run_orthanc

PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
"""As Debian's package orthanc-dicomweb has it."""


@contextmanager
def run_dicomweb(folder: Path, **settings: Any) -> Iterator[Orthanc]:
    """Orthanc with DICOMweb below /dicom-web."""
    if not PLUGIN.exists():
        reason = f"{PLUGIN} is not there: Debian's package orthanc-dicomweb has it"
        if os.environ.get("CI") == "true":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    with run_orthanc(folder, Plugins=[str(PLUGIN)], DicomWeb={"Enable": True}, **settings) as orthanc:
        yield orthanc


class Call(NamedTuple):
    """What the proxy was asked."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


Reply = tuple[int, str, bytes]
"""Status, content type, content."""


def forwarded(orthanc: Orthanc, call: Call) -> Reply:
    """What Orthanc answers."""
    headers = {name: value for name, value in call.headers.items() if name in ("Accept", "Content-Type")}
    url = orthanc.url + call.path
    answer = requests.request(call.method, url, data=call.body, headers=headers, timeout=60)
    return answer.status_code, answer.headers.get("Content-Type", ""), answer.content


@contextmanager
def run_proxy(reply: Callable[[Call], Reply], context: ssl.SSLContext | None = None) -> Iterator[str]:
    """Its URL, up to /dicom-web; over TLS if there is a context."""

    class Handler(BaseHTTPRequestHandler):
        wbufsize = -1  # an answer is one write: two would wait for each other (Nagle, delayed acknowledgement)

        def reply(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, kind, content = reply(Call(self.command, self.path, dict(self.headers), body))
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = reply

        def log_message(self, *_: Any) -> None: ...

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: Any) -> None: ...

    server = Server(("127.0.0.1", 0), Handler)
    if context is not None:
        # The handshake belongs to the thread of its connection, not to the one that accepts.
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"http{'s' if context else ''}://127.0.0.1:{server.server_port}/dicom-web"
    finally:
        server.shutdown()
        server.server_close()
