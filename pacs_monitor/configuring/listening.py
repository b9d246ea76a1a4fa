"""Where the agent listens, and whether who may ask is said once others than this machine can reach it."""

from __future__ import annotations

import ipaddress
import re

from pacs_monitor.configuring.fields import meant, settings_of
from pacs_monitor.configuring.findings import Findings
from pacs_monitor.configuring.tree import Items, Map, Scalar, below, plain
from pacs_monitor.settings import WebSettings

_WAYS = {"bearer_token", "bearer_token_file", "basic_auth_file", "allow_from"}
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


def check_listeners(root: Map, findings: Findings) -> None:
    """Complain of addresses that are none, of networks that are none, and of a web server that anybody may ask.

    The settings are taken as typed, so that a wrong one hides nothing of the others.
    """
    web, scp = root.get("web"), root.get("scp")
    if isinstance(web, Map):
        _check_networks(web, findings)
        host = _host(web, findings)
        if host is not None and not is_loopback(host):
            _check_guarded(web, host, findings)
    if isinstance(scp, Map):
        _host(scp, findings)


def _host(section: Map, findings: Findings) -> str | None:
    listen = section.get("listen")
    if not isinstance(listen, Scalar) or listen.text is None:
        return None
    try:
        return parse_listen(listen.text)[0]
    except ValueError as error:
        findings.complain(below(section, "listen"), str(error))
    return None


def _check_guarded(web: Map, host: str, findings: Findings) -> None:
    given = {key for key in web.entries if _is_given(web, key, findings)}
    given |= meant(web.entries, settings_of(WebSettings))
    missing = []
    if "tls" not in given:
        missing.append("tls")
    if not given & _WAYS:
        missing.append("one of bearer_token_file, basic_auth_file and allow_from")
    if missing:
        findings.complain(
            below(web, "listen"),
            f"others than this machine can reach {host}; set {' and '.join(missing)}, or listen on 127.0.0.1",
        )


def _is_given(web: Map, key: str, findings: Findings) -> bool:
    """Whether a setting has a value, or has a complaint already."""
    value = web.get(key)
    return (value is not None and plain(value) not in (None, "", [])) or findings.complained(below(web, key))


def _check_networks(web: Map, findings: Findings) -> None:
    value = web.get("allow_from")
    for item in value.items if isinstance(value, Items) else ():
        text = item.text if isinstance(item, Scalar) else None
        if text is None:
            continue
        try:
            network = ipaddress.ip_network(text)
        except ValueError as error:
            hint = str(ipaddress.ip_network(text, strict=False)) if "host bits" in str(error) else "10.0.3.0/24"
            findings.complain(item, f"{text} is not a network; write for example {hint}")
        else:
            if not network.prefixlen:
                findings.warn(item, f"{text} is everybody, without token or password; name the networks that may ask")
