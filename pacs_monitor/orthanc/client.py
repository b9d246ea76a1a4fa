"""Orthanc's REST API, as far as checks need it. Everything here blocks: it belongs in threads."""

from __future__ import annotations

import contextlib
import json
import logging
import re
import socket
import time
from types import TracebackType
from typing import Any, Self

import requests
import urllib3
from requests.auth import HTTPBasicAuth

from pacs_monitor.check import CheckFailed, Reason
from pacs_monitor.http.sessions import cause_of
from pacs_monitor.orthanc import OrthancSettings

MOST_BYTES = 1 << 20
"""The longest answer that is read unless a call says otherwise, in bytes: what we ask is short."""
# At the level debug it writes paths, which hold hashes of patients' identifiers.
logging.getLogger("urllib3.connectionpool").setLevel(logging.INFO)
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{8}){4}")
_REASONS: dict[int, tuple[Reason, str]] = {
    401: ("forbidden", "wants a user that it knows; correct username and password_file"),
    403: ("forbidden", "does not permit this; give the user the right to {right}, or let this machine in"),
    404: ("not_found", "has no such page; does the URL lead to Orthanc's REST API?"),
    507: ("threshold", "has no space left; free space there, or enlarge its storage"),
}


class TooLong(CheckFailed):
    """The answer is longer than the call allows."""


class Orthanc:
    """Calls to one REST API, all by one deadline: each a connection of its own, but within a `with`."""

    def __init__(self, settings: OrthancSettings, seconds: float) -> None:
        """`seconds` bound all that is called from now on."""
        self._settings = settings
        self._base = settings.orthanc.rstrip("/")
        self._deadline = time.monotonic() + seconds
        self._session: requests.Session | None = None

    def __enter__(self) -> Self:
        self._session = requests.Session()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            self._session.close()
            self._session = None

    @property
    def time_left(self) -> float:
        """Seconds until the deadline of all calls."""
        return self._deadline - time.monotonic()

    def find_study(self, uid: str) -> str | None:
        """Orthanc's own identifier of the study with this Study Instance UID, if it has one. Raises CheckFailed."""
        found = self.call("POST", "/tools/lookup", uid)
        for each in found if isinstance(found, list) else ():
            if isinstance(each, dict) and each.get("Type") == "Study" and _ID.fullmatch(str(each.get("ID"))):
                return str(each["ID"])
        return None

    def patient_and_study(self, study: str) -> tuple[str, str]:
        """PatientID and Study Instance UID of a study by Orthanc's identifier: to compare, never to show."""
        found = self.call("GET", f"/studies/{study}")
        main = found if isinstance(found, dict) else {}
        patient, tags = main.get("PatientMainDicomTags") or {}, main.get("MainDicomTags") or {}
        return str(patient.get("PatientID", "")), str(tags.get("StudyInstanceUID", ""))

    def delete_study(self, study: str) -> None:
        """Delete a study by Orthanc's identifier. Raises CheckFailed."""
        self.call("DELETE", f"/studies/{study}")

    def value(self, instance: str, tag: str) -> str:
        """The value of one element (`0008-002a`) of an instance by Orthanc's identifier; "" if it has none."""
        try:
            return str(self.call("GET", f"/instances/{instance}/content/{tag}", most=1024, text=True))
        except CheckFailed as failure:
            if failure.reason == "not_found":
                return ""
            raise

    def call(
        self,
        method: str,
        path: str,
        body: str | None = None,
        *,
        most: int = MOST_BYTES,
        seconds: float = float("inf"),
        text: bool = False,
    ) -> Any:
        """What a call gives, read as JSON or as `text`. Raises CheckFailed, whose sentence holds nothing of the answer.

        `most` bounds the answer in bytes, `seconds` this call.
        """
        left = min(self.time_left, seconds)
        if left <= 0:
            raise self.failed("timeout", "did not answer in time; look at its load")
        auth, verify = self._auth(), self._verify()
        try:
            with contextlib.nullcontext(self._session) if self._session else requests.Session() as session:
                session.trust_env = False  # no proxy, and no .netrc
                session.auth = auth
                with session.request(
                    method,
                    self._base + path,
                    data=body,
                    timeout=left,
                    allow_redirects=False,
                    verify=verify,
                    stream=True,
                ) as answer:
                    content = self._read(answer, method, most)
        except requests.RequestException as error:
            raise self._explain(error) from None
        except OSError:  # requests says it so of a missing ca_file
            raise self.failed("tls", f"needs ca_file {self._settings.ca_file}, which cannot be read") from None
        return content.decode("latin-1") if text else self._parse(content)

    def _auth(self) -> HTTPBasicAuth | None:
        username = self._settings.username
        # Of text, requests takes only what is in Latin-1.
        return None if username is None else HTTPBasicAuth(username.encode(), self._password().encode())

    def _password(self) -> str:
        settings = self._settings
        if settings.password is not None:
            return settings.password.get_secret_value()
        if settings.password_file is None:
            return ""
        try:
            return settings.password_file.read_text("utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or "not text"
            raise CheckFailed(
                "forbidden", f"password_file {settings.password_file} cannot be read ({why}); correct it"
            ) from None

    def _verify(self) -> bool | str:
        if self._settings.verify:
            return str(self._settings.ca_file) if self._settings.ca_file else True
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)  # it was asked for
        return False

    def _read(self, answer: requests.Response, method: str, most: int) -> bytes:
        if 300 <= answer.status_code < 400:
            raise self.failed("mismatch", "redirects elsewhere, which is not followed; set its final address")
        if not answer.ok:
            other: tuple[Reason, str] = ("aborted", "failed; look into Orthanc's log at this time")
            reason, sentence = _REASONS.get(answer.status_code, other)
            right = {"GET": "read", "DELETE": "delete"}.get(method, "do so")
            raise self.failed(reason, f"{sentence.format(right=right)} (HTTP {answer.status_code})")
        content = b""
        for chunk in answer.iter_content(65536):
            content += chunk
            if len(content) > most or time.monotonic() > self._deadline:
                failure = self.failed("mismatch", "gives more than was asked; does the URL lead to Orthanc's REST API?")
                raise TooLong(failure.reason, failure.message)
        return content

    def _parse(self, content: bytes) -> Any:
        try:
            return json.loads(content or b"null")
        except ValueError:
            raise self.failed("mismatch", "gives no JSON; does the URL lead to Orthanc's REST API?") from None

    def _explain(self, error: requests.RequestException) -> CheckFailed:
        if isinstance(error, requests.exceptions.SSLError):
            return self.failed("tls", "has a certificate that is not accepted; set ca_file to its authority's")
        if isinstance(error, requests.Timeout):
            return self.failed("timeout", "did not answer in time; is it on, and does a firewall drop the packets?")
        cause = cause_of(error)
        if isinstance(cause, socket.gaierror):
            return self.failed("dns", "has a name that cannot be resolved; correct it, or ask the DNS's owner")
        if isinstance(cause, ConnectionRefusedError):
            return self.failed("refused", "refuses the connection; start Orthanc's web server, or correct the port")
        if isinstance(cause, ConnectionError):
            return self.failed("aborted", "ended the connection; look into Orthanc's log at this time")
        return self.failed("unreachable", "cannot be reached; ask the network team")

    def failed(self, reason: Reason, what: str) -> CheckFailed:
        """A failure of this API; `what` goes on after its name and address."""
        return CheckFailed(reason, f"Orthanc's REST API {self._base} {what}")
