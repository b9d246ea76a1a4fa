"""One association of pynetdicom over a socket of ours. Everything here blocks: it belongs in threads."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

from pynetdicom import AE, evt
from pynetdicom.association import Association
from pynetdicom.pdu_primitives import A_P_ABORT
from pynetdicom.presentation import PresentationContext
from pynetdicom.transport import AddressInformation

from pacs_monitor.dicom import codec
from pacs_monitor.dicom.transport import PolledSocket, cut

LONGEST_WAIT = 3600.0
"""Seconds after which every wait ends, whatever the deadline."""
GOODBYE = 0.3
"""Seconds that a peer has to take our A-ABORT before the socket is closed."""

_NOTHING: tuple[None, None] = (None, None)


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
    def local_address(self) -> str:
        """Our own IP address on it. Raises OSError once it is closed."""
        return str(self._opened.getsockname()[0])

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
