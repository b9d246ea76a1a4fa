"""When bytes arrived, by the kernel where it can tell, so that a busy process does not bend a latency."""

from __future__ import annotations

import socket
import struct
import sys
from time import monotonic_ns, time_ns

LINUX = sys.platform == "linux" and sys.maxsize > 2**32
"""Whether the kernel stamps what arrives; on 32 bits the stamps have another shape."""
SO_TIMESTAMPNS = 35
TCP_QUICKACK = 12
_STAMP = struct.Struct("@qq")
STAMP_SPACE = 64
"""Room for the ancillary data of one stamp."""
DISAGREEMENT_NS = 1_000_000
"""Where wall and monotonic clock part by more than this, somebody set the clock: the monotonic one counts."""


def prepare(sock: socket.socket) -> None:
    """Ask for kernel receive times and for segments sent at once. Does what the platform can."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if LINUX:
        sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)


def acknowledge_now(sock: socket.socket) -> None:
    """Acknowledge what has arrived in part: a peer with Nagle's algorithm holds back the rest until then.

    DCMTK, and so Orthanc, writes a PDU in two segments; without this every answer takes 40 ms longer.
    """
    if LINUX:
        sock.setsockopt(socket.IPPROTO_TCP, TCP_QUICKACK, 1)


def keep_stamping() -> socket.socket | None:
    """A socket that keeps the kernel's time stamping switched on; without one, the first packets have none."""
    if not LINUX:
        return None
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    return sock


class Stopwatch:
    """Measures from a send to a receive."""

    __slots__ = ("_monotonic", "_wall", "kernel")

    def __init__(self) -> None:
        self.kernel = False
        """Whether the last reading was the kernel's."""
        self.start()

    def start(self) -> None:
        """Now is when we send."""
        self._wall = time_ns()
        self._monotonic = monotonic_ns()

    def read(self, ancillary: list[tuple[int, int, bytes]] | None = None) -> float:
        """Seconds since `start`: until the kernel's stamp in the ancillary data, or until now."""
        elapsed = monotonic_ns() - self._monotonic
        self.kernel = False
        if ancillary:
            seconds, nanoseconds = _STAMP.unpack_from(ancillary[0][2])
            stamped: int = seconds * 1_000_000_000 + nanoseconds - self._wall
            if 0 <= stamped <= elapsed + DISAGREEMENT_NS and (abs(time_ns() - self._wall - elapsed) < DISAGREEMENT_NS):
                self.kernel = True
                return stamped / 1e9
        return elapsed / 1e9
