"""Addresses of pages: taken apart, and where a redirect leads to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from urllib.parse import SplitResult, urljoin, urlsplit

from pacs_monitor.check import CheckFailed
from pacs_monitor.units import host_fault

Redirects = Literal["refuse", "same_host", "any"]

_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Page:
    """Where a request goes. Path and query may hold a secret: sentences name neither."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def secure(self) -> bool:
        """Whether it is asked for over TLS."""
        return self.scheme == "https"

    @property
    def authority(self) -> str:
        """What the header Host says."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """The whole address, for a redirect to begin at."""
        return f"{self.scheme}://{self.authority}{self.target}"


def page_of(url: str) -> Page:
    """Raise ValueError, with the remedy, for what cannot be asked for."""
    if not url.isascii() or any(letter <= " " or letter == "\x7f" for letter in url):
        raise ValueError("url holds a character that is none of an address; write it in percent-encoding, such as %20")
    parts = urlsplit(url)
    if parts.username is not None or parts.password is not None:
        raise ValueError("url holds a user; set username and password_file instead")
    if parts.scheme not in _PORTS or not parts.hostname or host_fault(parts.hostname):
        raise ValueError("url is no address of a page; write for example https://viewer.north.example/status")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Page(parts.scheme, parts.hostname, _port_of(parts), target)


def _port_of(parts: SplitResult) -> int:
    try:
        port = parts.port
    except ValueError:
        port = 0
    if port == 0:
        raise ValueError("url names a port that is none; write one from 1 to 65535")
    return port or _PORTS[parts.scheme]


def next_page(page: Page, location: str, who: str, redirects: Redirects) -> Page:
    """Where a redirect leads to. Raises CheckFailed unless it may be followed; nothing of the answer is told."""
    try:
        found = page_of(urljoin(page.url, location))
    except ValueError:
        sentence = f"{who} redirects to what is no address of a page; correct its configuration"
        raise CheckFailed("mismatch", sentence) from None
    if redirects != "any" and found.host != page.host:
        sentence = f"{who} redirects to another host; set url to the final address, or redirects: any"
        raise CheckFailed("mismatch", sentence)
    if page.secure and not found.secure:
        sentence = f"{who} redirects from https to plain http, which is not followed; correct its configuration"
        raise CheckFailed("mismatch", sentence)
    return found
