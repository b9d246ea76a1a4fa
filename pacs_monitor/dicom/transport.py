"""The socket that pynetdicom gets from us. Everything here blocks: it belongs in threads.

pynetdicom connects, waits and polls in ways that do not fit: no timeout, one address, `select()`, which fails once
1,024 descriptors are open, and acknowledgements 40 ms late, which is what makes a C-STORE to a DCMTK-based peer
take 20 times as long as it needs. So it gets a socket that is connected already, and what it overrides is pinned:
`tests/dicom/test_services.py` fails when pynetdicom changes beneath it.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import select
import socket
import ssl
import warnings

from pydicom import config as pydicom_config
from pynetdicom import _config, evt
from pynetdicom.association import Association
from pynetdicom.transport import T_CONNECT, AddressInformation, AssociationSocket

from pacs_monitor.dicom import clock
from pacs_monitor.dicom.conversation import LONGEST_PDU

MOST_BYTES = 64 << 20
"""One association gives no more than this, in bytes: what we ask for is small, and a peer may be out of its mind."""

# pynetdicom would format each PDU for its log, identifiers of patients among it; pydicom logs and warns with the
# values that it does not like. Neither is wanted in any log.
logging.getLogger("pynetdicom").setLevel(logging.CRITICAL)
logging.getLogger("pydicom").setLevel(logging.CRITICAL)
warnings.filterwarnings("ignore", module=r"pydicom(\..*)?$")
_config.LOG_HANDLER_LEVEL = "none"
_config.LOG_REQUEST_IDENTIFIERS = False
_config.LOG_RESPONSE_IDENTIFIERS = False
pydicom_config.settings.reading_validation_mode = pydicom_config.IGNORE


class PolledSocket(AssociationSocket):
    """A connected socket for pynetdicom's state machine: `poll()` for `select()`, acknowledgements at once."""

    def __init__(
        self, assoc: Association, opened: socket.socket, *, accepted: bool = False, most: int = MOST_BYTES
    ) -> None:
        """`accepted`: the peer has connected to us. `most` bytes are read of it."""
        self._opened = opened
        self._most = most
        self.first = b""
        """How the peer began, up to 64 bytes."""
        self.partial = 0
        """Bytes of a PDU that has arrived in part."""
        self.error: OSError | None = None
        """What broke the connection, if anything did."""
        self.ended = False
        """Whether the peer hung up."""
        self._received = 0
        if accepted:
            super().__init__(assoc, client_socket=opened)
        else:
            super().__init__(assoc, address=AddressInformation("127.0.0.1", 0))

    def _create_socket(self, address: AddressInformation) -> socket.socket:
        self._is_connected = False
        return self._opened

    def connect(self, primitive: T_CONNECT) -> None:
        """It is connected; say so as pynetdicom does."""
        self._is_connected = True
        primitive.result = "Evt2"
        self.provider_queue.put(primitive)
        self._ready.set()

    @property
    def ready(self) -> bool:
        """Whether there is something to read, the end included."""
        sock = self.socket
        if sock is None or not self._is_connected:
            return False
        if isinstance(sock, ssl.SSLSocket) and sock.pending():
            return True
        poll = select.poll()
        try:
            poll.register(sock, select.POLLIN)
        except (OSError, ValueError):  # closed by another thread
            self.event_queue.put("Evt17")
            return False
        return bool(poll.poll(0))

    def recv(self, nr_bytes: int) -> bytearray:
        """So many bytes, fewer if the peer hangs up. Raises OSError, also for more than anybody asked for."""
        sock = self.socket
        if sock is None:
            raise OSError(errno.ENOTCONN, "closed")
        if nr_bytes > LONGEST_PDU or self._received > self._most:
            self.error = OSError(errno.EMSGSIZE, "too long")
            raise self.error
        data = bytearray()
        while len(data) < nr_bytes:
            try:
                got = sock.recv(nr_bytes - len(data))
                # Now, not in 40 ms: until then the peer's Nagle algorithm holds back what follows.
                clock.acknowledge_now(sock)
            except OSError as error:
                self.error = error
                raise
            if not got:
                self.ended = True
                break
            data += got
            self._received += len(got)
            self.partial += len(got)
            if len(self.first) < 64:
                self.first += got[:64]
        return data

    def send(self, bytestream: bytes) -> None:
        """Send all of it, or say that the connection is closed."""
        sock = self.socket
        try:
            if sock is None:
                raise OSError(errno.ENOTCONN, "closed")
            sock.sendall(bytestream)
        except OSError as error:
            self.error = error
            self.event_queue.put("Evt17")
        else:
            evt.trigger(self.assoc, evt.EVT_DATA_SENT, {"data": bytestream})

    def _shutdown_socket(self) -> None:
        cut(self._opened)
        self._opened.close()


def cut(sock: socket.socket) -> None:
    """End the connection under whoever waits for it, in any thread."""
    with contextlib.suppress(OSError):  # it may be gone already
        # Not SSLSocket's own: that would take the TLS object from under the thread that uses it.
        socket.socket.shutdown(sock, socket.SHUT_RDWR)
