"""Orthanc's REST API as a client must be careful with it; what it does with a real Orthanc, test_ingest tells."""

from __future__ import annotations

import base64
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
from pydantic import SecretStr

from pacs_monitor.check import CheckFailed
from pacs_monitor.orthanc import OrthancSettings
from pacs_monitor.orthanc.client import Orthanc
from tests.dicom.authority import Authority, server_context
from tests.peers.ports import free_port


class Handler(BaseHTTPRequestHandler):
    authorizations: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.authorizations.append(self.headers.get("Authorization", ""))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"Name": "ORTHANC"}')

    def log_message(self, *_: Any) -> None: ...


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def serve(context: ssl.SSLContext | None) -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Handler)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"{'https' if context else 'http'}://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def url(authority: Authority) -> Iterator[str]:
    yield from serve(server_context(authority.issue("127.0.0.1")))


@pytest.fixture
def plain_url() -> Iterator[str]:
    yield from serve(None)


def failure(settings: OrthancSettings, seconds: float = 5.0) -> tuple[str, str]:
    with pytest.raises(CheckFailed) as raised:
        Orthanc(settings, seconds).call("GET", "/system")
    return raised.value.reason, raised.value.message


def test_its_certificate_is_verified_with_the_authority_given(url: str, authority: Authority) -> None:
    assert Orthanc(OrthancSettings(orthanc=url, ca_file=authority.file), 5).call("GET", "/system")["Name"] == "ORTHANC"
    assert failure(OrthancSettings(orthanc=url)) == (
        "tls",
        f"Orthanc's REST API {url} has a certificate that is not accepted; set ca_file to its authority's",
    )


def test_verification_is_only_left_out_when_told_so(url: str) -> None:
    assert Orthanc(OrthancSettings(orthanc=url, verify=False), 5).call("GET", "/system")["Name"] == "ORTHANC"


def test_a_ca_file_that_is_missing_is_named(url: str) -> None:
    reason, message = failure(OrthancSettings(orthanc=url, ca_file=Path("/no/such/ca.pem")))
    assert (reason, "needs ca_file /no/such/ca.pem, which cannot be read" in message) == ("tls", True)


def test_a_password_in_any_alphabet_is_sent_as_utf_8(plain_url: str) -> None:
    Handler.authorizations.clear()
    settings = OrthancSettings(orthanc=plain_url, username="Анна", password=SecretStr("пароль"))
    Orthanc(settings, 5.0).call("GET", "/system")
    assert Handler.authorizations == ["Basic " + base64.b64encode("Анна:пароль".encode()).decode()]


def test_a_password_file_that_is_missing_is_named(plain_url: str) -> None:
    settings = OrthancSettings(orthanc=plain_url, username="me", password_file=Path("/no/such/password"))
    assert failure(settings) == (
        "forbidden",
        "password_file /no/such/password cannot be read (No such file or directory); correct it",
    )


def test_neither_proxies_nor_netrc_of_the_environment_are_used(
    plain_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password s3cret-word\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    assert Orthanc(OrthancSettings(orthanc=plain_url), 5).call("GET", "/system")["Name"] == "ORTHANC"


def test_no_failure_holds_the_password() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    settings = OrthancSettings(orthanc=url, username="me", password=SecretStr("s3cret-word"))
    reason, message = failure(settings)
    assert reason == "refused"
    assert "s3cret" not in message
    assert "s3cret" not in repr(settings)


def test_a_name_that_is_unknown_is_told_as_such() -> None:
    assert failure(OrthancSettings(orthanc="http://no-such-host.invalid"))[0] == "dns"


def test_no_time_left_is_a_timeout_without_a_call(plain_url: str) -> None:
    assert failure(OrthancSettings(orthanc=plain_url), 0)[0] == "timeout"
