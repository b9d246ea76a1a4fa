"""Loopback ports for servers that cannot take port 0."""

import random
import socket

# Below Linux's ephemeral range (32768 and up), so that no outgoing connection takes the port in between.
_PORTS = range(20000, 32000)
_handed_out: set[int] = set()


def free_port() -> int:
    """A TCP port on which nothing listens; never the same twice in one process."""
    while True:
        port = random.choice(_PORTS)
        if port not in _handed_out and _is_free(port):
            _handed_out.add(port)
            return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("", port))
        except OSError:
            return False
    return True
