"""What all channels share: connections that end in time, TLS, and sentences for what goes wrong."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from contextlib import suppress
from types import TracebackType
from typing import Self

from pacs_monitor.failures import explain_os_error
from pacs_monitor.notify.notification import FAILURES, DeliveryFailed
from pacs_monitor.routing.definitions import Secret, Tls

CONNECT_WITHIN = 10.0
"""Seconds for one address of a host."""
_VERSIONS = {
    "TLS10": ssl.TLSVersion.TLSv1,
    "TLS11": ssl.TLSVersion.TLSv1_1,
    "TLS12": ssl.TLSVersion.TLSv1_2,
    "TLS13": ssl.TLSVersion.TLSv1_3,
}


class Deadline:
    """Ends connections once its seconds are over, whatever they wait for: a peer may send a byte now and then."""

    def __init__(self, seconds: float) -> None:
        self._until = time.monotonic() + seconds
        self._twins: list[socket.socket] = []
        self._lock = threading.Lock()
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True
        self.over = False

    @property
    def left(self) -> float:
        """Seconds, some even if there are none: 0 would mean for ever."""
        return max(self._until - time.monotonic(), 0.01)

    def watch(self, sock: socket.socket) -> socket.socket:
        """The same socket, which is shut down in time."""
        # A twin stays valid when TLS has taken the socket over.
        with self._lock:
            self._twins.append(sock.dup())
        if self.over:
            self._end()
        return sock

    def connect(self, host: str, port: int) -> socket.socket:
        """A connection to the first address that takes one. Raises OSError."""
        fault: OSError = OSError(f"{host} has no address")
        for family, kind, protocol, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            sock = socket.socket(family, kind, protocol)
            sock.settimeout(min(CONNECT_WITHIN, self.left))
            try:
                sock.connect(address)
            except OSError as error:
                sock.close()
                fault = error
                continue
            return self.watch(sock)
        raise fault

    def _end(self) -> None:
        with self._lock:
            self.over = True
            twins, self._twins = self._twins, []
        for twin in twins:
            with twin, suppress(OSError):  # it may have ended by itself
                twin.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        with self._lock:
            twins, self._twins = self._twins, []
        for twin in twins:
            twin.close()


def tls_context(tls: Tls, what: str) -> ssl.SSLContext:
    """Verifies the peer unless that is turned off. Raises DeliveryFailed if a file cannot be used."""
    try:
        context = ssl.create_default_context(cafile=tls.ca_file)
        if tls.cert_file:
            context.load_cert_chain(tls.cert_file, tls.key_file, password="")
    except (OSError, ValueError) as error:
        files = " and ".join(str(one) for one in (tls.ca_file, tls.cert_file, tls.key_file) if one)
        raise DeliveryFailed(
            "tls", f"the certificates for {what} cannot be used ({_of_file(error)}); look at {files}"
        ) from None
    if tls.min_version:
        context.minimum_version = _VERSIONS[tls.min_version]
    if tls.max_version:
        context.maximum_version = _VERSIONS[tls.max_version]
    if tls.insecure_skip_verify:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def read_secret(secret: Secret, what: str) -> str:
    """The text. Raises DeliveryFailed if its file cannot be read, or holds more than one line."""
    try:
        text = secret.read()
    except (OSError, UnicodeDecodeError) as error:
        raise DeliveryFailed(
            "secret", f"the file with {what} cannot be read ({_of_file(error)}); look at {secret.file}"
        ) from None
    if any(ord(letter) < 32 or ord(letter) == 127 for letter in text):
        where = f"look at {secret.file}" if secret.file else "correct it"
        raise DeliveryFailed("secret", f"{what} holds a line break or another control character; {where}", retry=False)
    return text


def _of_file(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return (error.reason or "no certificate").lower().replace("_", " ")
    return (error.strerror if isinstance(error, OSError) else "") or "it is no such file"


def explain(error: OSError, what: str, deadline: Deadline) -> DeliveryFailed:
    """The failure for an error of the network; `what` is host and port."""
    if deadline.over or isinstance(error, TimeoutError):
        return DeliveryFailed("timeout", f"{what} did not answer in time; is it overloaded, or a firewall in the way?")
    if isinstance(error, ssl.SSLCertVerificationError):
        return DeliveryFailed(
            "tls",
            f"the certificate of {what} is not to be trusted ({error.verify_message}); renew it there, "
            f"or set ca_file or server_name of its tls_config",
        )
    failure = explain_os_error(error, what)
    return DeliveryFailed(failure.reason if failure.reason in FAILURES else "unreachable", failure.message)
