"""Posts to a webhook. Who knows its URL may post: nothing that is told holds more of it than the host."""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

import requests
from urllib3.exceptions import HTTPError

from pacs_monitor.deadline import Deadline
from pacs_monitor.http.sessions import cause_of, session, timeouts
from pacs_monitor.notify.dialing import explain, read_secret, tls_context
from pacs_monitor.notify.notification import DeliveryFailed, Notification
from pacs_monitor.notify.signing import SIGNATURE, TIMESTAMP, sign
from pacs_monitor.routing.definitions import Webhook

ALL_WITHIN = 30.0
"""Seconds for a post with its answer, unless the webhook has a timeout of its own."""
LONGEST_WAIT = 3600.0
_MOST_READ = 4096
_MOST_REDIRECTS = 3
_WORD = re.compile(r"[A-Za-z][A-Za-z_]{2,59}")


def send(webhook: Webhook, notification: Notification, body: bytes) -> str:
    """Post it; the host and the status. Raises DeliveryFailed."""
    url = _address(webhook)
    where = _where(url)
    context = tls_context(webhook.tls, where)
    headers = _headers(webhook, url, notification, body, where)
    with (
        Deadline(webhook.timeout / 1000 or ALL_WITHIN) as deadline,
        _explained(where, webhook.proxy, deadline),
        session(deadline, context, webhook.tls.server_name, webhook.proxy) as posts,
    ):
        target = url._replace(netloc=url.netloc.rpartition("@")[2]).geturl()
        for _ in range(_MOST_REDIRECTS + 1):
            with posts.post(
                target,
                data=body,
                headers=headers,
                timeout=timeouts(deadline),
                allow_redirects=False,
                stream=True,
            ) as response:
                if not 300 <= response.status_code < 400:
                    return _taken(response, where, [target, body.decode("utf-8", "replace"), *_sent(headers)])
                target = _redirected(response, url, webhook.follow_redirects, where)
    raise DeliveryFailed("mismatch", f"{where} redirects again and again; correct url", retry=False)


def _address(webhook: Webhook) -> SplitResult:
    text = read_secret(webhook.url, "a webhook's url")
    try:
        url = urlsplit(text)
        valid = url.scheme in ("http", "https") and _is_host(url.hostname or "") and url.port != 0
    except ValueError:
        valid, url = False, urlsplit("")
    if not valid:
        raise DeliveryFailed(
            "secret", "a webhook's url is none; write it as https://host/path, on one line", retry=not webhook.url.text
        )
    return url


def _is_host(name: str) -> bool:
    """Whether it could be the name or address of a machine."""
    return bool(name) and ".." not in name and not any(letter.isspace() for letter in name)


def _where(url: SplitResult) -> str:
    return f"{url.hostname}:{url.port}" if url.port else str(url.hostname)


def _headers(
    webhook: Webhook, url: SplitResult, notification: Notification, body: bytes, where: str
) -> dict[str, str | bytes]:
    headers: dict[str, str | bytes] = {"User-Agent": "pacs-monitor", "Content-Type": "application/json"}
    timestamp = str(int(time.time()))
    headers |= {"Idempotency-Key": notification.key, TIMESTAMP: timestamp}
    for name, secret in webhook.headers:
        headers[name] = read_secret(secret, f"the header {name} for {where}").encode()
    if webhook.signing_key:
        headers[SIGNATURE] = sign(read_secret(webhook.signing_key, f"signing_key for {where}"), timestamp, body)
    if authorization := _authorization(webhook, url, where):
        headers["Authorization"] = authorization.encode()
    return headers


def _authorization(webhook: Webhook, url: SplitResult, where: str) -> str:
    if webhook.authorization:
        return f"{webhook.authorization} {read_secret(webhook.credentials, f'the credentials for {where}')}"
    if webhook.username:
        return _basic(webhook.username, read_secret(webhook.password, f"the password for {where}"))
    if url.username is not None:
        return _basic(unquote(url.username), unquote(url.password or ""))
    return ""


def _basic(username: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


def _sent(headers: Mapping[str, str | bytes]) -> Iterator[str]:
    """What the values of headers say, passwords in the clear."""
    for value in headers.values():
        text = value if isinstance(value, str) else value.decode()
        yield text
        if text.startswith("Basic "):
            yield base64.b64decode(text.removeprefix("Basic ")).decode()


def _taken(response: requests.Response, where: str, sent: Iterable[str]) -> str:
    """Host and status of a post that was taken. Raises DeliveryFailed for one that was not."""
    status = response.status_code
    if 200 <= status < 300:
        return f"{where}, HTTP {status}"
    said = f"HTTP {status}" + (f", {word}" if (word := _word(response, sent)) else "")
    if status in (408, 425, 429) or status >= 500:
        after = _retry_after(response.headers.get("Retry-After", ""))
        asks = f" and asks to wait {after:.0f} s" if after is not None else ""
        raise DeliveryFailed(
            "busy", f"{where} cannot take it now ({said}){asks}; if it stays so, look at that service", after=after
        )
    remedy = _REMEDIES.get(status, "look at what that service expects, and at the template")
    raise DeliveryFailed(
        "auth" if status in (401, 403, 407) else "rejected", f"{where} refuses it ({said}); {remedy}", False
    )


_REMEDIES = {
    401: "correct the password or token",
    403: "correct the password or token, or have it allowed there",
    404: "the address does not exist there: make a new webhook and correct url",
    405: "nothing there takes posts: correct url",
    407: "the proxy wants a password: write it into proxy_url",
    410: "the webhook was deleted there: make a new one and correct url",
    413: "set max_alerts, so that posts are smaller",
}


def _word(response: requests.Response, sent: Iterable[str]) -> str:
    """A word that the answer consists of or has as its code, unless it repeats what we sent: that may be a secret."""
    try:
        text = response.raw.read(_MOST_READ, decode_content=True).decode()
    except (HTTPError, OSError, ValueError):
        return ""
    if not _WORD.fullmatch(text):
        try:
            text = str(json.loads(text)["error"]["code"])
        except (ValueError, LookupError, TypeError, RecursionError):
            return ""
    return text if _WORD.fullmatch(text) and not any(text in one for one in sent) else ""


def _retry_after(text: str) -> float | None:
    """Seconds, from either form (RFC 9110 10.2.3)."""
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), LONGEST_WAIT)
    try:
        seconds = parsedate_to_datetime(text).timestamp() - time.time()
    except (ValueError, OverflowError):
        return None
    return min(max(seconds, 0.0), LONGEST_WAIT)


def _redirected(response: requests.Response, url: SplitResult, follow: bool, where: str) -> str:
    """The same service's other address. Raises DeliveryFailed for another service, or if the post would be lost."""
    try:
        target = urlsplit(urljoin(response.url, response.headers.get("Location", "")))
        same = _origin(target) == _origin(url)
    except ValueError:
        same = False
        target = url
    if follow and same and response.status_code in (307, 308):
        return target.geturl()
    raise DeliveryFailed(
        "rejected",
        f"{where} redirects ({response.status_code}){'' if same else ' to another address'}, where nothing is sent; "
        f"correct url",
        retry=False,
    )


def _origin(url: SplitResult) -> tuple[str, str | None, int]:
    return url.scheme, url.hostname, url.port or (443 if url.scheme == "https" else 80)


@contextmanager
def _explained(where: str, proxy: str, deadline: Deadline) -> Iterator[None]:
    """Errors of requests as DeliveryFailed: their own words hold the URL."""
    try:
        yield
    except requests.exceptions.ProxyError as error:
        host = urlsplit(proxy).hostname
        failure = explain(cause_of(error), f"the proxy {host}", deadline)
        raise DeliveryFailed(failure.reason, f"{where}: {failure.message}") from None
    except requests.exceptions.InvalidHeader:
        raise DeliveryFailed("rejected", f"a header for {where} is none; correct it", retry=False) from None
    except requests.RequestException as error:
        raise explain(cause_of(error), where, deadline) from None
