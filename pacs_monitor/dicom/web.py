"""DICOMweb (PS3.18), as far as checks need it: QIDO-RS, WADO-RS and STOW-RS. All but the settings blocks: for threads.

Servers give attributes of patients unasked. What is not asked for here never leaves the function that read it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from io import BytesIO
from typing import TYPE_CHECKING, Any, NoReturn, Self
from uuid import uuid4

from pydantic import model_validator

from pacs_monitor.check import CheckFailed, perf_counter
from pacs_monitor.sections import Section
from pacs_monitor.settings import PeerSettings, TlsClient
from pacs_monitor.units import FilePath, PlainText, Secret, Url

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from pacs_monitor.fetching import Answer

_JSON = "application/dicom+json"
_STUDY, _INSTANCE, _FAILED, _REASON = "0020000D", "00080018", "00081198", "00081197"
_BOUNDARY = re.compile(r'boundary="?([^";]+)"?', re.IGNORECASE)
MOST_JSON = 1 << 20
"""The longest answer in JSON that is read, in bytes: what we ask for is short."""
MOST_BYTES = 16 << 20
"""The longest object that is read: ours has 4 MiB at most."""


class OAuth2Settings(Section):
    """Where a token comes from that a server wants: OAuth 2.0 by client credentials."""

    token_url: Url
    """The token endpoint."""
    client_id: PlainText
    """Who we are there."""
    client_secret: Secret | None = None
    """The client's secret, as ${VARIABLE}; better: client_secret_file."""
    client_secret_file: FilePath | None = None
    """A file that holds it."""
    scope: PlainText = ""
    """The scope to ask for, if it wants one."""
    tls: TlsClient = TlsClient()
    """How the certificate of the token endpoint is verified, and what we show it."""

    @property
    def peer(self) -> PeerSettings:
        """The token endpoint, with the client as its user."""
        return PeerSettings(url=self.token_url, username=self.client_id, password=self.client_secret, tls=self.tls)


class DicomWebSettings(PeerSettings):
    """How to reach a DICOMweb server."""

    url: Url
    """Where its DICOMweb begins, such as http://10.0.0.5:8042/dicom-web; redirects are not followed."""
    oauth2: OAuth2Settings | None = None
    """Where a token comes from, if it changes: OAuth 2.0 by client credentials."""
    tls: TlsClient = TlsClient()
    """How its certificate is verified, and what we show it."""

    @model_validator(mode="after")
    def _one_login(self) -> Self:
        if "@" in self.url.split("//", 1)[1].split("/")[0]:
            raise ValueError("url holds a user; set username and password_file instead")
        token = bool(self.bearer_token or self.bearer_token_file)
        if token + bool(self.username) + (self.oauth2 is not None) > 1:
            raise ValueError("a user and a token at once; keep one of username, bearer_token_file and oauth2")
        if (self.password or self.password_file) and not self.username:
            raise ValueError("a password without a user; set username")
        return self


class DicomWeb:
    """Requests to one server, each with its own time."""

    def __init__(self, server: DicomWebSettings) -> None:
        self._server = server

    @property
    def where(self) -> str:
        """How sentences call it."""
        from pacs_monitor.fetching import where_of

        return f"the DICOMweb server {where_of(self._server.url)}"

    def find(self, seconds: float, **keys: str) -> tuple[float, list[str]]:
        """QIDO-RS for studies: seconds until its answer, and the Study Instance UIDs of one or no study."""
        query = "&".join(f"{key}={value}" for key, value in keys.items())
        path = f"/studies?{query}&includefield={_STUDY}&limit=1"
        answer = self._ask(seconds, path=path, headers={"Accept": _JSON}, most=MOST_JSON, also=frozenset((204,)))
        return answer.last, [_text(each, _STUDY) for each in self._list(answer)]

    def query(self, seconds: float, path: str, tags: Mapping[str, str], most: int) -> list[dict[str, str]]:
        """QIDO-RS for what stands below a path: the values of `tags` (tag by keyword), "" where there is none.

        `most` bounds the answer in bytes.
        """
        path = f"{path}{'&' if '?' in path else '?'}includefield={','.join(tags.values())}"
        answer = self._ask(seconds, path=path, headers={"Accept": _JSON}, most=most, also=frozenset((204,)))
        return [
            {keyword: _text(each, tag).strip(" \0") for keyword, tag in tags.items()} for each in self._list(answer)
        ]

    def metadata(self, seconds: float, path: str) -> tuple[float, list[str]]:
        """WADO-RS for metadata: seconds until its answer, and the SOP Instance UIDs in it."""
        answer = self._ask(seconds, path=f"{path}/metadata", headers={"Accept": _JSON}, most=MOST_JSON)
        return answer.last, [_text(each, _INSTANCE) for each in self._list(answer)]

    def rendered(self, seconds: float, path: str) -> float:
        """WADO-RS for a picture as browsers show it: seconds until its answer. Raises CheckFailed if it is none."""
        answer = self._ask(seconds, path=f"{path}/rendered", headers={"Accept": "image/jpeg"}, most=MOST_BYTES)
        if not answer.content.startswith(b"\xff\xd8\xff"):
            raise CheckFailed(
                "mismatch", f"{self.where} gives no JPEG as the rendered picture; look into its log at this time"
            )
        return answer.last

    def retrieve(self, seconds: float, path: str) -> tuple[Answer, list[Dataset]]:
        """WADO-RS: what came, and the objects in it."""
        from pydicom import dcmread
        from pydicom.errors import InvalidDicomError

        kind = 'multipart/related; type="application/dicom"'
        answer = self._ask(seconds, path=path, headers={"Accept": kind}, most=MOST_BYTES)
        try:
            found: list[Dataset] = [dcmread(BytesIO(part)) for part in _parts(answer)]
        except (InvalidDicomError, ValueError, EOFError, NotImplementedError, AttributeError):
            raise CheckFailed(
                "mismatch", f"{self.where} gives no DICOM objects by WADO-RS; does the URL lead to DICOMweb?"
            ) from None
        return answer, found

    def store(self, seconds: float, dataset: Dataset) -> float:
        """STOW-RS: seconds until its answer. Raises CheckFailed unless the object was stored."""
        from pydicom.filewriter import dcmwrite

        file = BytesIO()
        dcmwrite(file, dataset, enforce_file_format=True)
        boundary = uuid4().hex
        head = f"--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode()
        answer = self._ask(
            seconds,
            method="POST",
            path="/studies",
            body=head + file.getvalue() + f"\r\n--{boundary}--\r\n".encode(),
            headers={
                "Accept": _JSON,
                "Content-Type": f'multipart/related; type="application/dicom"; boundary={boundary}',
            },
            most=MOST_JSON,
            also=frozenset((202, 409)),
        )
        self._require_stored(answer)
        return answer.last

    def _require_stored(self, answer: Answer) -> None:
        told = self._parse(answer)
        told = told[0] if isinstance(told, list) and told else told
        failed = _values(told, _FAILED)
        if not failed and answer.status != 409:
            return
        code = next(iter(_values(failed[0], _REASON)), None) if failed else None
        said = f"failure reason 0x{code:04X}" if isinstance(code, int) and 0 <= code <= 0xFFFF else "no reason given"
        remedy = "look into its log at this time, and permit STOW-RS there"
        if isinstance(code, int) and 0xA700 <= code <= 0xA7FF:
            remedy = "the archive is full or has reached its quota: free space there, or enlarge its storage"
        raise CheckFailed(
            "dimse_status", f"{self.where} refused the study by STOW-RS (HTTP {answer.status}, {said}); {remedy}"
        )

    def _ask(self, seconds: float, **request: Any) -> Answer:
        from pacs_monitor import tokens
        from pacs_monitor.fetching import NotAnswered, exchange

        oauth2, started = self._server.oauth2, perf_counter()
        if oauth2 is not None:
            token = tokens.token_of(oauth2.peer, oauth2.scope, seconds)
            request["headers"] = {**request["headers"], "Authorization": f"Bearer {token}"}
        try:
            return exchange(self._server, seconds - (perf_counter() - started), **request)
        except NotAnswered as failure:
            if failure.status == 401 and oauth2 is not None:
                tokens.forget(oauth2.peer, oauth2.scope)
            if failure.status == 404:
                raise CheckFailed(
                    "not_found", f"{self.where} does not have what it was asked for (HTTP 404); does the URL lead to "
                    f"DICOMweb, such as /dicom-web, and is the service switched on there?"
                ) from None  # fmt: skip
            if failure.status in (400, 405, 406, 415, 501):
                raise CheckFailed(
                    "mismatch", f"{self.where} does not offer this service in this form (HTTP {failure.status}); have "
                    f"it switched on there, or leave it out here"
                ) from None  # fmt: skip
            raise

    def _list(self, answer: Answer) -> list[Any]:
        told = self._parse(answer)
        if not isinstance(told, list) or not all(isinstance(each, dict) for each in told):
            self._no_json()
        return told

    def _parse(self, answer: Answer) -> Any:
        try:
            return json.loads(answer.content or b"[]")
        except ValueError:
            self._no_json()

    def _no_json(self) -> NoReturn:
        raise CheckFailed(
            "mismatch", f"{self.where} gives no DICOM JSON; does the URL lead to DICOMweb, such as /dicom-web?"
        ) from None


def _parts(answer: Answer) -> list[bytes]:
    """The bodies of a multipart answer. Raises ValueError if it is none."""
    found = _BOUNDARY.search(answer.content_type)
    if not found:
        raise ValueError("no boundary")
    line = b"--" + found[1].encode()
    content = b"\r\n" + answer.content
    pieces = content.split(b"\r\n" + line)[1:]
    return [piece.split(b"\r\n\r\n", 1)[1] for piece in pieces if not piece.startswith(b"--") and b"\r\n\r\n" in piece]


def _values(told: Any, tag: str) -> list[Any]:
    element = told.get(tag) if isinstance(told, dict) else None
    values = element.get("Value") if isinstance(element, dict) else None
    return values if isinstance(values, list) else []


def _text(told: Any, tag: str) -> str:
    return str(next(iter(_values(told, tag)), ""))
