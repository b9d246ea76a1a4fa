"""One association of pynetdicom over a socket of ours. Everything here blocks: it belongs in threads.

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
import threading
import time
import warnings
from collections.abc import Callable
from typing import Any

from pydicom import config as pydicom_config
from pynetdicom import AE, _config, evt
from pynetdicom.association import Association
from pynetdicom.pdu_primitives import A_P_ABORT
from pynetdicom.presentation import PresentationContext
from pynetdicom.transport import T_CONNECT, AddressInformation, AssociationSocket

from pacs_monitor.dicom import clock, codec
from pacs_monitor.dicom.conversation import LONGEST_PDU

MOST_BYTES = 64 << 20
"""One association gives no more than this, in bytes: what we ask for is small, and a peer may be out of its mind."""
LONGEST_WAIT = 3600.0
"""Seconds after which every wait ends, whatever the deadline."""
GOODBYE = 0.3
"""Seconds that a peer has to take our A-ABORT before the socket is closed."""

_NOTHING: tuple[None, None] = (None, None)

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

    def __init__(self, assoc: Association, opened: socket.socket) -> None:
        self._opened = opened
        self.first = b""
        """How the peer began, up to 64 bytes."""
        self.partial = 0
        """Bytes of a PDU that has arrived in part."""
        self.error: OSError | None = None
        """What broke the connection, if anything did."""
        self.ended = False
        """Whether the peer hung up."""
        self._received = 0
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
        if nr_bytes > LONGEST_PDU or self._received > MOST_BYTES:
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

    def _shutdown_socket(self) -> None:
        cut(self._opened)
        self._opened.close()


def cut(sock: socket.socket) -> None:
    """End the connection under whoever waits for it, in any thread."""
    with contextlib.suppress(OSError):  # it may be gone already
        # Not SSLSocket's own: that would take the TLS object from under the thread that uses it.
        socket.socket.shutdown(sock, socket.SHUT_RDWR)


class _Entity(AE):
    """An application entity that hands its one association a socket of ours, and needs no thread to watch it."""

    def __init__(self, calling: str, opened: socket.socket, ended: Callable[[Association], None]) -> None:
        super().__init__(ae_title=calling)
        self._opened = opened
        self._ended = ended
        self.assoc: Association | None = None
        self.line: PolledSocket | None = None

    def _create_socket(self, assoc: Association, address: AddressInformation, tls_args: Any) -> PolledSocket:
        self.assoc = assoc
        self.line = PolledSocket(assoc, self._opened)
        run = assoc.dul.run

        def reactor() -> None:
            try:
                run()
            except Exception:  # noqa: BLE001 - bytes that its parser stumbles over, or an end while we spoke
                cut(self._opened)
            finally:
                self._ended(assoc)

        assoc.dul.run = reactor  # type: ignore[method-assign]
        assoc.dul.daemon = True
        # The association's own thread answers a peer that speaks unasked. We only ever wait for answers, and
        # without it nothing has to be paused around each request.
        assoc.start = lambda: None  # type: ignore[method-assign]
        assoc._is_paused = True
        return self.line


class Line:
    """One association, from request to release. `give_up` may be called from another thread at any time."""

    def __init__(self, opened: socket.socket, calling: str, seconds: float) -> None:
        """`opened` is connected, over TLS or not; `seconds` bound every wait, as the last resort."""
        self._opened = opened
        self._entity = _Entity(calling, opened, self._wake)
        self._given_up = threading.Event()
        self.heard: dict[int, bytes] = {}
        """The last PDU of each type that the peer sent, but P-DATA."""
        self.within(seconds)

    @property
    def closed(self) -> bool:
        """Whether nothing is left of it."""
        return self._opened.fileno() < 0

    def within(self, seconds: float) -> None:
        """Bound every wait from now on."""
        entity, seconds = self._entity, min(seconds, LONGEST_WAIT)
        entity.acse_timeout = entity.connection_timeout = entity.dimse_timeout = entity.network_timeout = seconds
        if entity.assoc is not None:
            entity.assoc.acse_timeout = entity.assoc.dimse_timeout = entity.assoc.network_timeout = seconds
        with contextlib.suppress(OSError):  # closed meanwhile
            self._opened.settimeout(seconds)

    @property
    def assoc(self) -> Association:
        """The association as pynetdicom has it."""
        assert self._entity.assoc is not None, "not requested yet"
        return self._entity.assoc

    @property
    def socket(self) -> PolledSocket:
        """What it talks through."""
        assert self._entity.line is not None, "not requested yet"
        return self._entity.line

    @property
    def stands(self) -> bool:
        """Whether requests can be sent right now."""
        assoc = self._entity.assoc
        return assoc is not None and assoc.is_established and assoc.dul.state_machine.current_state == "Sta6"

    def associate(
        self, called: str, contexts: list[PresentationContext], items: list[Any], handlers: list[Any]
    ) -> bool:
        """Ask for the association; whether it stands. What the peer said instead is in `heard`."""
        self._entity.associate(
            "127.0.0.1",  # of no consequence: the socket is connected
            104,
            contexts=contexts,
            ae_title=called,
            max_pdu=codec.MAX_LENGTH,
            ext_neg=items,
            evt_handlers=[(evt.EVT_DATA_RECV, self._hear), (evt.EVT_FSM_TRANSITION, self._move), *handlers],
        )
        return self.stands

    def _hear(self, event: evt.Event) -> None:
        data: bytes = event.data
        self.socket.partial = 0
        if data[0] != codec.P_DATA:
            self.heard[data[0]] = data
        if data[0] == codec.RELEASE_RQ:
            self.assoc.dimse.msg_queue.put(_NOTHING)  # no answer is to come

    def _move(self, event: evt.Event) -> None:
        if event.next_state in ("Sta1", "Sta13"):  # it is over, one way or another
            self._wake(self.assoc)

    def release(self) -> bool:
        """Release it; whether the peer answered or hung up, which is as good."""
        assoc = self.assoc
        if self.stands:
            assoc.release()
        answered = assoc.is_released or codec.ABORT in self.heard or self.socket.ended
        self._close()
        return answered

    def give_up(self) -> None:
        """End it at once, politely if the peer still reads. Takes `GOODBYE` seconds at most; wakes who waits."""
        if self._given_up.is_set():
            return
        self._given_up.set()
        assoc = self._entity.assoc
        if assoc is not None and assoc.dul.state_machine.current_state in ("Sta5", "Sta6", "Sta7"):
            assoc.abort(block=False)
            ends = time.monotonic() + GOODBYE
            while assoc.dul.is_alive() and assoc.dul.state_machine.current_state != "Sta1" and time.monotonic() < ends:
                time.sleep(0.002)
        self._close()

    def _close(self) -> None:
        assoc = self._entity.assoc
        cut(self._opened)
        if assoc is not None:
            assoc.dul.kill_dul()
            if assoc.dul.ident is not None:
                assoc.dul.join(GOODBYE)
            self._wake(assoc)
        self._opened.close()

    def _wake(self, assoc: Association) -> None:
        assoc.dimse.msg_queue.put(_NOTHING)
        assoc.dul.to_user_queue.put(A_P_ABORT())
