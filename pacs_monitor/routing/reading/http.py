"""How a webhook is posted to: `http_config`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pacs_monitor.configuring.tree import Map, is_null
from pacs_monitor.routing.definitions import NO_SECRET, Secret, Tls
from pacs_monitor.routing.reading.fields import Section, url_fault
from pacs_monitor.routing.reading.tls import TLS, read_tls

HTTP = (
    "basic_auth",
    "authorization",
    "oauth2",
    "bearer_token",
    "bearer_token_file",
    "tls_config",
    "follow_redirects",
    "enable_http2",
    "proxy_url",
    "no_proxy",
    "proxy_from_environment",
    "proxy_connect_header",
    "http_headers",
)
_BASIC = ("username", "username_file", "password", "password_file")
_AUTHORIZATION = ("type", "credentials", "credentials_file")
_HEADER = ("values", "secrets", "files")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_OURS = ("authorization", "connection", "content-encoding", "content-length", "content-type", "host", "keep-alive",
         "proxy-authenticate", "proxy-authorization", "user-agent", "www-authenticate")  # fmt: skip

_NO_TLS = Tls()
_PROXY = "http://proxy.north.example:3128"


@dataclass(frozen=True)
class Http:
    """What a webhook takes from it."""

    username: str = ""
    password: Secret = NO_SECRET
    authorization: str = ""
    credentials: Secret = NO_SECRET
    headers: tuple[tuple[str, Secret], ...] = ()
    tls: Tls = _NO_TLS
    proxy: str = ""
    no_proxy: str = ""
    proxy_from_environment: bool = False
    follow_redirects: bool = True


def read_http(part: Section) -> Http:
    """The settings of a `http_config`."""
    ways = [key for key in ("basic_auth", "authorization", "oauth2") if part.value.get(key) is not None]
    ways += [key for key in ("bearer_token", "bearer_token_file") if part.text(key)]
    if len(ways) > 1:
        part.complain(ways[1], f"stands beside {ways[0]}; keep one of the two")
    if part.has("oauth2"):
        part.complain("oauth2", "is not spoken here; use authorization with a token, or a proxy that adds one")
    username, password = _basic_auth(part)
    authorization, credentials = _authorization(part)
    proxy, no_proxy, from_environment = _proxy(part)
    # HTTP/2 is an offer that no server insists on.
    part.boolean("enable_http2")
    redirects = part.boolean("follow_redirects")
    return Http(
        username=username,
        password=password,
        authorization=authorization,
        credentials=credentials,
        headers=_headers(part),
        tls=read_tls(part.section("tls_config", TLS)),
        proxy=proxy,
        no_proxy=no_proxy,
        proxy_from_environment=from_environment,
        follow_redirects=True if redirects is None else redirects,
    )


def _basic_auth(part: Section) -> tuple[str, Secret]:
    basic = part.section("basic_auth", _BASIC)
    if basic is None:
        return "", NO_SECRET
    name = basic.text("username")
    if basic.text("username_file"):
        if name:
            basic.complain("username_file", "stands beside username; keep one of the two")
        path = basic.file("username_file")
        if path is not None and basic.reading.try_files and path.is_file():
            name = path.read_text("utf-8", "replace").strip()
    elif not name:
        basic.complain("username", "is missing; write username: and a name")
    return name, basic.secret("password")


def _authorization(part: Section) -> tuple[str, Secret]:
    token = part.secret("bearer_token")
    if token:
        return "Bearer", token
    given = part.section("authorization", _AUTHORIZATION)
    if given is None:
        return "", NO_SECRET
    scheme = given.text("type").strip() or "Bearer"
    if scheme.lower() == "basic":
        given.complain("type", "Basic is what basic_auth is for; use that")
    elif not _TOKEN.fullmatch(scheme):
        given.complain("type", f"{scheme} is no scheme; write one word, such as Bearer")
    credentials = given.secret("credentials")
    if not credentials:
        given.complain("credentials", "is missing; write credentials_file: and the file that holds them")
    return scheme, credentials


def _proxy(part: Section) -> tuple[str, str, bool]:
    proxy, no_proxy = part.text("proxy_url"), part.text("no_proxy")
    from_environment = part.boolean("proxy_from_environment") or False
    if proxy and (fault := url_fault(proxy, _PROXY)):
        part.complain("proxy_url", fault)
    if "@" in proxy:
        part.reading.secrets.setdefault(proxy)
    if from_environment:
        for key in ("proxy_url", "no_proxy"):
            if part.text(key):
                part.complain(key, "stands beside proxy_from_environment; keep one of the two")
    elif no_proxy and not proxy:
        part.complain("no_proxy", "stands without proxy_url; name the proxy, or remove it")
    if not is_null(part.value.get("proxy_connect_header")):
        part.complain("proxy_connect_header", "is not sent here; write user and password into proxy_url")
    return proxy, no_proxy, from_environment


def _headers(part: Section) -> tuple[tuple[str, Secret], ...]:
    given = part.value.get("http_headers")
    if given is None or is_null(given):
        return ()
    if not isinstance(given, Map):
        part.complain("http_headers", "is no mapping; write the name of each header, and below it values:")
        return ()
    below = Section(given, part.reading, tuple(given.entries))
    found: list[tuple[str, Secret]] = []
    for name in given.entries:
        if name.lower() in _OURS:
            below.complain(name, "is written by the agent itself; remove it")
        elif not _TOKEN.fullmatch(name):
            below.complain(name, "is no name of a header; use letters, digits and -")
        elif header := below.section(name, _HEADER):
            found.extend((name, one) for one in _values(header))
    return tuple(found)


def _values(header: Section) -> list[Secret]:
    found = [Secret(item.text or "") for item in header.texts("values")]
    for item in header.texts("secrets"):
        header.reading.secrets.setdefault(item.text or "")
        found.append(Secret(item.text or ""))
    for number, item in enumerate(header.texts("files")):
        path = header.named_file(item.text or "", item.line, f"files[{number}]")
        if path is not None:
            found.append(Secret(file=path))
    if not found:
        header.complain("", "has no value; write values: and a list")
    return found
