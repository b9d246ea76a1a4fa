"""Webhooks."""

from __future__ import annotations

import re
from pathlib import Path

from pacs_monitor.configuring.textfile import TextFileError, read_text
from pacs_monitor.routing.definitions import Secret, Webhook
from pacs_monitor.routing.reading.fields import MASK, Section, url_fault
from pacs_monitor.routing.reading.http import HTTP, Http, read_http
from pacs_monitor.routing.reading.proxy import proxy_for

WEBHOOK = ("send_resolved", "http_config", "url", "url_file", "max_alerts", "timeout", "payload")
_INSTEAD = "Alertmanager's JSON takes its place, or a Jinja2 template that `alerting.receivers` names"
_TIMEOUT = re.compile(r"(?:[0-9]+(?:\.[0-9]*)?(?:h|ms|m|s))+", re.ASCII)
_PART = re.compile(r"([0-9.]+)(h|ms|m|s)", re.ASCII)
_UNITS = {"h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1}


def read_webhook(part: Section, common: Http) -> Webhook:
    """One of `webhook_configs`; without a `http_config` of its own it takes that of `global`."""
    own = part.section("http_config", HTTP)
    http = read_http(own) if own else common
    url = _url(part)
    resolved = part.boolean("send_resolved")
    if part.has("payload"):
        part.warn("payload", f"is a Go template, which is not rendered here; {_INSTEAD}")
    return Webhook(
        url=url,
        max_alerts=_max_alerts(part),
        timeout=_timeout(part),
        username=http.username,
        password=http.password,
        authorization=http.authorization,
        credentials=http.credentials,
        headers=http.headers,
        tls=http.tls,
        proxy=proxy_for(_held(url), http),
        follow_redirects=http.follow_redirects,
        send_resolved=True if resolved is None else resolved,
    )


def _url(part: Section) -> Secret:
    if not part.text("url") and not part.text("url_file"):
        part.complain("url", "is missing; write url: and the address to post to, or url_file:")
    url = part.secret("url", any_text=False)
    at = "url_file" if url.file else "url"
    held = _held(url)
    if held and held != MASK and (fault := url_fault(held)):
        part.complain(at, f"what {url.file} holds {fault}" if url.file else fault)
    return url


def _held(url: Secret) -> str:
    """What is in a file that cannot be read is told where the file is named."""
    path: Path | None = url.file
    if path is None:
        return url.text
    try:
        return read_text(path).strip()
    except TextFileError:
        return ""


def _max_alerts(part: Section) -> int:
    number = part.whole("max_alerts")
    if number < 0:
        part.complain("max_alerts", f"is {number}; write 0 for all, or how many alerts one post may hold")
    return max(number, 0)


def _timeout(part: Section) -> int:
    """As Go reads a duration, which has no days."""
    text = part.text("timeout")
    if text in ("", "0"):
        return 0
    try:
        if not _TIMEOUT.fullmatch(text):
            raise ValueError
        return round(sum(float(count) * _UNITS[unit] for count, unit in _PART.findall(text)))
    except ValueError:
        part.complain("timeout", f"{text} is no time; write for example 10s or 1m30s")
        return 0
