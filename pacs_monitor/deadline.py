"""Connections that end in time, whatever they wait for."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from types import TracebackType
from typing import Self

CONNECT_WITHIN = 10.0
"""Seconds for one address of a host."""


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
