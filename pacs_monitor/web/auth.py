"""Who may ask what.

On loopback without credentials everybody may, but only under a name of this machine: a page of another site must not
reach us by DNS rebinding. Beyond loopback, or once credentials are configured, health and readiness are anonymous (a
status, never a topology), and so are runbooks, which are the same everywhere; a link in a notification is a credential
of its own, and all else takes a token, a password or an allowed network.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
import ipaddress
import re
import socket
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from pacs_monitor.configuring.listening import is_loopback
from pacs_monitor.settings import WebSettings
from pacs_monitor.web.errors import WebError
from pacs_monitor.web.passwords import Passwords, TooManyAttempts, read_passwords, read_text

TRUSTED = "pacs_monitor.trusted"
"""Set in the scope of a request that came over the Unix socket, which is its owner's alone."""
MAY_SEE = "pacs_monitor.may_see"
"""Set in the scope for handlers: whether the one who asks may see more than a status."""

_ANONYMOUS = re.compile(r"/-/(healthy|ready)|/health(/.*)?|/runbooks/\w+", re.ASCII)
_SIGNED = re.compile(r"/ack/[\w-]+", re.ASCII)
"""Whoever has such a link may follow it from anywhere; nobody else can make one up."""
_OF_THIS_MACHINE = frozenset({"localhost", "127.0.0.1", "::1"})
_FAILURE_COSTS = 1.0  # seconds that somebody who guesses waits for each guess
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True)
class Access:
    """What `web` says of who may ask."""

    loopback: bool = True
    """Whether only this machine reaches the socket that we listen on."""
    token: bytes = b""
    passwords: Passwords | None = None
    networks: tuple[Network, ...] = ()

    @property
    def open(self) -> bool:
        """Whether all who reach us may see and do everything."""
        return self.loopback and not (self.token or self.passwords or self.networks)

    @property
    def challenges(self) -> list[str]:
        """What a 401 asks for."""
        found = ['Bearer realm="pacs-monitor"'] if self.token else []
        return [*found, 'Basic realm="pacs-monitor", charset="UTF-8"'] if self.passwords else found

    def is_allowed_address(self, address: str) -> bool:
        """Whether `allow_from` lists the client's own address; what a proxy claims of others is never looked at."""
        try:
            client = ipaddress.ip_address(address.partition("%")[0])
        except ValueError:
            return False
        mapped = client.ipv4_mapped if isinstance(client, ipaddress.IPv6Address) else None
        return any((mapped or client) in network for network in self.networks)

    async def is_known(self, authorization: str) -> bool:
        """Whether the header carries the token, or a user with the right password. Raises TooManyAttempts."""
        known = await self._is_right(authorization)
        if not known:
            await asyncio.sleep(_FAILURE_COSTS)
        return known

    async def _is_right(self, authorization: str) -> bool:
        scheme, _, value = authorization.partition(" ")
        if scheme.lower() == "bearer" and self.token:
            return hmac.compare_digest(value.strip().encode(), self.token)
        if scheme.lower() == "basic" and self.passwords:
            try:
                user, colon, password = base64.b64decode(value.strip(), validate=True).decode().partition(":")
            except ValueError:
                return False
            return bool(colon) and await self.passwords.verify(user, password)
        return False


def read_access(web: WebSettings) -> Access:
    """What the settings say, with what their files hold. Raises WebError."""
    token = web.bearer_token.get_secret_value() if web.bearer_token else ""
    if web.bearer_token_file:
        # The file counts, also where its text was read with the configuration: it may have been renewed since.
        token = read_text("web.bearer_token_file", web.bearer_token_file).strip()
        if not token:
            raise WebError(f"web.bearer_token_file: {web.bearer_token_file} is empty; write a token into it")
    return Access(
        loopback=is_loopback(web.address[0]),
        token=token.encode(),
        passwords=read_passwords(web.basic_auth_file) if web.basic_auth_file else None,
        networks=tuple(ipaddress.ip_network(text) for text in web.allow_from),
    )


class Guard:
    """Middleware that lets a request through, says in its scope what it may see, or refuses it."""

    def __init__(self, app: ASGIApp, access: Callable[[], Access], external_url: Callable[[], str | None]) -> None:
        self._app = app
        self._access = access
        self._external_url = external_url

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request (ASGI)."""
        if scope["type"] != "http" or scope.get(TRUSTED):
            scope[MAY_SEE] = True
            await self._app(scope, receive, send)
            return
        refusal = await self._judge(scope)
        await (refusal or self._app)(scope, receive, send)

    async def _judge(self, scope: Scope) -> PlainTextResponse | None:
        """None if the request may pass."""
        access, headers, path = self._access(), Headers(scope=scope), scope["path"]
        if _SIGNED.fullmatch(path):
            scope[MAY_SEE] = False
            return None
        known = False
        if not access.open and "authorization" in headers:
            try:
                known = await access.is_known(headers["authorization"])
            except TooManyAttempts:
                return _refuse(429, "too many passwords are being tried; try again later", {"Retry-After": "10"})
        by_place = access.open or access.is_allowed_address((scope.get("client") or ("",))[0])
        right_name = self._is_our_name(headers.get("host", ""), access)
        scope[MAY_SEE] = known or (by_place and right_name)
        if scope["method"] not in ("GET", "HEAD") and self._is_cross_site(headers):
            return _refuse(403, "this came from a page of another site")
        if scope[MAY_SEE] or _ANONYMOUS.fullmatch(path):
            return None
        if by_place:
            return _refuse(403, "the agent does not answer to this name; use its address, or set external_url")
        if access.challenges:
            return _refuse(401, "this needs a token or a password", {}, access.challenges)
        return _refuse(403, "web.allow_from does not list your address")

    def _is_our_name(self, host: str, access: Access) -> bool:
        name = _hostname(host)
        external = self._external_url()
        if name in _OF_THIS_MACHINE or (external and name == urlsplit(external).hostname):
            return True
        # Nobody can rebind an address, and our own host name is not somebody else's.
        return not access.loopback and (_is_address(name) or name == socket.gethostname().lower())

    def _is_cross_site(self, headers: Headers) -> bool:
        """Whether a browser sent it for a page that is not ours; other programs send neither header."""
        if headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
            return True
        origin = headers.get("origin")
        if origin is None:
            return False
        external = urlsplit(self._external_url() or "")
        ours = {headers.get("host", "").lower(), external.netloc.lower()} - {""}
        return urlsplit(origin).netloc.lower() not in ours


def _refuse(
    status: int, sentence: str, headers: dict[str, str] | None = None, challenges: list[str] | None = None
) -> PlainTextResponse:
    response = PlainTextResponse(f"{sentence}\n", status, headers)
    for challenge in challenges or ():
        response.headers.append("WWW-Authenticate", challenge)
    return response


def _hostname(host: str) -> str:
    try:
        return (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
