"""The sockets that the web server listens on, opened by ourselves so that what is wrong can be said in a sentence."""

from __future__ import annotations

import errno
import socket
import ssl
import stat
from pathlib import Path

from pacs_monitor.settings import TlsServer
from pacs_monitor.web.certificates import load_client_ca, load_pair
from pacs_monitor.web.errors import PortInUseError, WebError

_LONGEST_PATH = 107
"""Bytes of a Unix socket's path (unix(7))."""


def open_tcp(host: str, port: int, *, listen: bool = True) -> list[socket.socket]:
    """Bound sockets for all addresses of a host, which listen unless told not to. Raises WebError."""
    shown = f"web.listen: {f'[{host}]' if ':' in host else host}:{port}"
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except socket.gaierror as error:
        raise WebError(f"{shown} has no address ({error.strerror}); write an address of this machine") from None
    addresses = list(dict.fromkeys((family, address) for family, _, _, _, address in found))
    opened: list[socket.socket] = []
    fault: OSError | None = None
    for family, address in addresses:
        # All addresses of one name share a port, also one that the system chose for the first.
        chosen = opened[0].getsockname()[1] if opened else port
        try:
            opened.append(_bind(family, (address[0], chosen, *address[2:]), len(addresses) > 1, listen))
        except OSError as error:
            fault = error
            if error.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                break
    if fault and (not opened or fault.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)):
        for one in opened:
            one.close()
        kind = PortInUseError if fault.errno == errno.EADDRINUSE else WebError
        raise kind(f"{shown} {_sentence(fault)}")
    return opened


def _bind(family: int, address: tuple[object, ...], alone: bool, listen: bool) -> socket.socket:
    opened = socket.socket(family, socket.SOCK_STREAM)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6 and alone:
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        opened.bind(address)
        if listen:
            opened.listen(1024)
    except OSError:
        opened.close()
        raise
    return opened


def _sentence(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "is in use by another program; stop it, or set another port"
    if error.errno in (errno.EACCES, errno.EPERM):
        return "is not ours to use; set a port above 1023, or give pacs-monitor CAP_NET_BIND_SERVICE"
    if error.errno == errno.EADDRNOTAVAIL:
        return "is not an address of this machine; set one that is, or 0.0.0.0 for all"
    return f"cannot be used ({error.strerror})"


def open_unix(path: Path) -> socket.socket:
    """A Unix socket that only its owner may connect to; one that a dead agent left is removed. Raises WebError."""
    check_control_path(path)
    _remove_stale(path)
    opened = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        opened.bind(str(path))
        # Nobody can connect before it listens.
        path.chmod(0o600)
        opened.listen(64)
    except OSError as error:
        opened.close()
        raise WebError(f"data_dir: {path} cannot be made ({error.strerror}); check the directory's rights") from None
    return opened


def check_control_path(path: Path) -> None:
    """Raise WebError if no Unix socket can be made at this path, or something else is there."""
    if len(str(path).encode()) > _LONGEST_PATH:
        raise WebError(f"data_dir: {path} is too long for a Unix socket ({_LONGEST_PATH} bytes); choose a shorter one")
    mode = _mode(path)
    if mode and not stat.S_ISSOCK(mode):
        raise WebError(f"data_dir: {path} is in the way and no socket; remove it")


def _mode(path: Path) -> int:
    try:
        return path.lstat().st_mode
    except OSError:
        return 0  # there is none, or binding will say what is wrong


def _remove_stale(path: Path) -> None:
    if not _mode(path):
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as trying:
        trying.settimeout(1.0)
        try:
            trying.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
        except OSError as error:
            raise WebError(f"data_dir: {path} cannot be used ({error.strerror}); remove it") from None
    raise WebError(f"data_dir: another pacs-monitor answers on {path}; stop it, or set another data_dir")


def tls_context(settings: TlsServer) -> ssl.SSLContext:
    """TLS from 1.2 on, asking for client certificates if a CA for them is set. Raises WebError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    load_pair(context, settings)
    if settings.client_ca_file:
        load_client_ca(context, settings.client_ca_file)
    return context
