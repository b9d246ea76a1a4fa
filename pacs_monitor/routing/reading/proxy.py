"""Which proxy leads to an address, decided when the file is read."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit
from urllib.request import getproxies_environment

from pacs_monitor.routing.reading.fields import url_fault
from pacs_monitor.routing.reading.http import Http


def proxy_for(url: str, http: Http) -> str:
    """The proxy's own address; "" to connect directly, or if the address is none."""
    if not url or url_fault(url):
        return ""
    parts = urlsplit(url)
    proxy, exceptions = http.proxy, http.no_proxy
    if http.proxy_from_environment:
        named = getproxies_environment()
        proxy, exceptions = named.get(parts.scheme, ""), named.get("no", "")
    elif not exceptions:
        return proxy
    return "" if _is_excepted(parts.hostname or "", parts.port, exceptions) else proxy


def _is_excepted(host: str, port: int | None, exceptions: str) -> bool:
    """As Go's `httpproxy` reads NO_PROXY: names with all below them, addresses and networks, with or without port."""
    if host == "localhost" or _within(host, "127.0.0.0/8") or _within(host, "::1/128"):
        return True
    for one in filter(None, map(str.strip, exceptions.lower().split(","))):
        name, colon, of_port = one.rpartition(":")
        if colon and of_port.isdigit() and name.count(":") == 0:
            if str(port) != of_port:
                continue
            one = name
        domain = one.removeprefix("*").removeprefix(".")
        if one == "*" or _within(host, one) or (host == domain and not one.startswith((".", "*."))):
            return True
        if domain and host.endswith(f".{domain}"):
            return True
    return False


def _within(host: str, network: str) -> bool:
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(network.strip("[]"), strict=False)
    except ValueError:
        return False
