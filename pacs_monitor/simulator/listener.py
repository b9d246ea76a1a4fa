"""A TCP port of a pynetdicom AE that accepts associations or refuses connections, by turns."""

from __future__ import annotations

import socket
from collections.abc import Callable
from socketserver import BaseServer
from threading import Thread

from pynetdicom.transport import ThreadedAssociationServer

HOST = "127.0.0.1"
# How long a server takes at most to notice that it shall stop; socketserver's 0.5 s adds up over the nodes.
POLL_SECONDS = 0.05


class NodeServer(ThreadedAssociationServer):
    """A listening socket, with a thread for each connection, so that no caller waits for another."""

    daemon_threads = True
    # pynetdicom's 5 makes a burst of callers run into the kernel's SYN retries of a second.
    request_queue_size = 128

    def server_bind(self) -> None:
        """Bind, with TCP_NODELAY for all that is accepted: Nagle would add 40 ms to what callers measure."""
        if self.socket is not None:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().server_bind()

    def service_actions(self) -> None:
        """Do nothing: pynetdicom collects garbage every 60 polls, here 3 s, and all nodes halt for 10 ms."""

    def shutdown(self) -> None:
        """Stop accepting and close the listening socket; associations that stand go on."""
        # Past pynetdicom's own, which looks for itself in a list that only AE.start_server fills.
        BaseServer.shutdown(self)
        self.server_close()


class Listener:
    """Holds one port of 127.0.0.1 until `close`, whether it accepts or refuses; at first it accepts.

    `serve(port)` gives a server that listens; port 0 is a free one. Raises OSError if the port is taken.
    """

    def __init__(self, serve: Callable[[int], NodeServer], port: int) -> None:
        self._serve = serve
        self._server: NodeServer | None = None
        self._placeholder: socket.socket | None = None
        self.port = port
        self.accept()

    def accept(self) -> None:
        """Listen, if it does not yet."""
        if self._server is not None:
            return
        self._server = self._serve(self.port)
        self.port = int(self._server.server_address[1])
        Thread(target=self._server.serve_forever, args=(POLL_SECONDS,), daemon=True).start()
        if self._placeholder is not None:
            self._placeholder.close()
            self._placeholder = None

    def refuse(self) -> None:
        """Stop listening, so that the kernel answers a SYN with RST."""
        if self._server is None:
            return
        self._server.shutdown()
        self._server = None
        self._placeholder = _bound(self.port)

    def close(self) -> None:
        """Give the port back."""
        self.refuse()
        if self._placeholder is not None:
            self._placeholder.close()


def _bound(port: int) -> socket.socket:
    # Bound but not listening: connections are refused, and the kernel gives the port to nobody else.
    placeholder = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    placeholder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    placeholder.bind((HOST, port))
    return placeholder
