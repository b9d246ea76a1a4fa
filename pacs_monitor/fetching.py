"""HTTP requests to a server that the configuration names. Everything here blocks: it belongs in threads."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter
from urllib.parse import urlsplit

import requests
from requests.auth import HTTPBasicAuth

from pacs_monitor.check import CheckFailed, Reason
from pacs_monitor.deadline import Deadline
from pacs_monitor.failures import explain_os_error
from pacs_monitor.http.sessions import cause_of, session, timeouts
from pacs_monitor.http.statuses import refusal
from pacs_monitor.settings import PeerSettings, TlsClient

MOST_BYTES = 16 * 1024 * 1024


class NotAnswered(CheckFailed):
    """The server answered with a status that is no success."""

    def __init__(self, reason: Reason, message: str, status: int) -> None:
        """`status` is HTTP's."""
        super().__init__(reason, message)
        self.status = status


@dataclass(frozen=True)
class Answer:
    """What a server gave, and when."""

    status: int
    content_type: str
    content: bytes
    first: float
    """Seconds from the request, connecting included, to the first byte of the answer."""
    last: float
    """Seconds to its last byte."""


def get(peer: PeerSettings, seconds: float, *, path: str = "", headers: dict[str, str] | None = None) -> bytes:
    """What is at the peer's address with `path` behind it, after at most so many seconds.

    Redirects are not followed. Raises CheckFailed, whose sentence holds nothing of the answer or of a secret.
    """
    return exchange(peer, seconds, path=path, headers=headers).content


def exchange(
    peer: PeerSettings,
    seconds: float,
    *,
    method: str = "GET",
    path: str = "",
    headers: dict[str, str] | None = None,
    body: bytes | None = None,
    most: int = MOST_BYTES,
    also: frozenset[int] = frozenset(),
) -> Answer:
    """One request as `get` makes it, with what came back; statuses other than 200 count only if they are in `also`.

    `most` bounds the answer in bytes.
    """
    url = peer.url.rstrip("/") + path if path else peer.url
    where = where_of(url)
    context = _context(peer.tls, where)
    with (
        Deadline(seconds) as deadline,
        _explained(where, deadline),
        session(deadline, context, peer.tls.server_name) as asking,
    ):
        asking.auth = _Authorization(peer)
        wanted = {"User-Agent": "pacs-monitor", "Accept": "application/json", **(headers or {})}
        within = timeouts(deadline)
        started = perf_counter()
        with asking.request(
            method, url, data=body, headers=wanted, timeout=within, allow_redirects=False, stream=True
        ) as answer:
            first = perf_counter() - started
            content = _read(answer, where, most, also)
            kind = answer.headers.get("Content-Type", "")
            return Answer(answer.status_code, kind, content, first, perf_counter() - started)


class _Authorization(requests.auth.AuthBase):
    def __init__(self, peer: PeerSettings) -> None:
        self._peer = peer

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        peer = self._peer
        if peer.bearer_token is not None:
            request.headers["Authorization"] = f"Bearer {peer.bearer_token.get_secret_value()}"
        elif peer.username:
            password = peer.password.get_secret_value() if peer.password is not None else ""
            # Of text, requests takes only what is in Latin-1.
            HTTPBasicAuth(peer.username.encode(), password.encode())(request)
        return request


def _read(answer: requests.Response, where: str, most: int, also: frozenset[int]) -> bytes:
    if 300 <= answer.status_code < 400:
        raise CheckFailed("mismatch", f"{where} redirects elsewhere, which is not followed; set its final address")
    if answer.status_code != 200 and answer.status_code not in also:
        reason, sentence = refusal(answer.status_code)
        raise NotAnswered(reason, f"{where} {sentence} (HTTP {answer.status_code})", answer.status_code)
    content = bytearray()
    for chunk in answer.iter_content(65536):
        content += chunk
        if len(content) > most:
            raise CheckFailed("mismatch", f"{where} gives more than {most >> 20} MiB; correct the address")
    return bytes(content)


def where_of(url: str) -> str:
    """Host and port for sentences: a path may hold a secret."""
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)


def _context(tls: TlsClient, where: str) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=tls.ca_file)
        if tls.cert_file:
            context.load_cert_chain(tls.cert_file, tls.key_file, password="")
    except (OSError, ValueError):
        files = " and ".join(str(one) for one in (tls.ca_file, tls.cert_file, tls.key_file) if one)
        raise CheckFailed("tls", f"the certificates for {where} cannot be used; look at {files}") from None
    if tls.insecure_skip_verify:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


@contextmanager
def _explained(where: str, deadline: Deadline) -> Iterator[None]:
    """Errors of requests as CheckFailed: their own words hold the address."""
    try:
        yield
    except requests.RequestException as error:
        cause = cause_of(error)
        if deadline.over or isinstance(error, requests.Timeout):
            cause = TimeoutError()
        if isinstance(cause, ssl.SSLCertVerificationError):
            raise CheckFailed(
                "tls",
                f"the certificate of {where} is not to be trusted ({cause.verify_message}); renew it there, or set "
                f"ca_file or server_name",
            ) from None
        raise explain_os_error(cause, where) from None
