"""Where the agent listens, and whether who may ask is said once others than this machine can reach it."""

from __future__ import annotations

import ipaddress
import re

from pacs_monitor.configuring.findings import Findings
from pacs_monitor.configuring.tree import Items, Map, Place, below
from pacs_monitor.settings import ScpSettings, WebSettings

_LISTEN = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^\s:\[\]]+):(?P<port>\d{1,5})", re.ASCII)


def parse_listen(text: str) -> tuple[str, int]:
    """Host and port of `host:port` or `[::1]:port`. Raises ValueError with the remedy."""
    found = _LISTEN.fullmatch(text)
    if not found:
        raise ValueError(f"{text} is not an address and a port; write for example 127.0.0.1:9811 or [::1]:9811")
    port = int(found["port"])
    if port > 65535:
        raise ValueError(f"{port} is not a TCP port (0 to 65535)")
    host = found["host"].strip("[]")
    if found["host"].startswith("["):
        try:
            ipaddress.IPv6Address(host)
        except ValueError:
            raise ValueError(f"{host} is not an IPv6 address; write for example [::1]:9811") from None
    return host, port


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a socket that listens there."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_listeners(web: WebSettings, scp: ScpSettings | None, root: Map, findings: Findings) -> None:
    """Complain of addresses that are none, of networks that are none, and of a web server that anybody may ask."""
    tree = _section(root, "web")
    _check_networks(web, tree, findings)
    place = below(tree, "listen")
    host = _host(web.listen, place, findings)
    if host is not None and not is_loopback(host):
        _check_guarded(web, host, place, findings)
    if scp is not None:
        _host(scp.listen, below(_section(root, "scp"), "listen"), findings)


def _section(root: Map, name: str) -> Map:
    section = root.get(name)
    return section if isinstance(section, Map) else Map(root.file, root.line, name, {})


def _host(listen: str, place: Place, findings: Findings) -> str | None:
    try:
        return parse_listen(listen)[0]
    except ValueError as error:
        findings.complain(place, str(error))
    return None


def _check_guarded(web: WebSettings, host: str, place: Place, findings: Findings) -> None:
    missing = []
    if web.tls is None:
        missing.append("tls")
    if not (web.bearer_token or web.bearer_token_file or web.basic_auth_file or web.allow_from):
        missing.append("one of bearer_token_file, basic_auth_file and allow_from")
    if missing:
        findings.complain(
            place, f"others than this machine can reach {host}; set {' and '.join(missing)}, or listen on 127.0.0.1"
        )


def _check_networks(web: WebSettings, tree: Map, findings: Findings) -> None:
    value = tree.get("allow_from")
    items = value.items if isinstance(value, Items) else []
    for text, item in zip(web.allow_from, items, strict=False):
        try:
            ipaddress.ip_network(text)
        except ValueError as error:
            hint = str(ipaddress.ip_network(text, strict=False)) if "host bits" in str(error) else "10.0.3.0/24"
            findings.complain(item, f"{text} is not a network; write for example {hint}")
