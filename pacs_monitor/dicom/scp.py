"""The agent's own DICOM listener: it is open while a C-MOVE of a check is under way, and takes what that asked for.

Only the address and the AE title of a node that was asked come in, and only the one object that the check has in its
journal. All else is turned away before it is read: other addresses without a word, other AE titles by a rejection,
other objects by a status. Threads of pynetdicom serve it; the event loop only opens and closes it.
"""

from __future__ import annotations

import asyncio
import errno
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from pydicom.dataset import Dataset, FileMetaDataset
from pynetdicom import AE, evt
from pynetdicom.association import Association
from pynetdicom.transport import RequestHandler, ThreadedAssociationServer

from pacs_monitor.check import CheckFailed, Destination
from pacs_monitor.dicom import codec
from pacs_monitor.dicom.contexts import SECONDARY_CAPTURE
from pacs_monitor.dicom.conversation import VERIFICATION_ONLY
from pacs_monitor.dicom.retrieving import Transfer
from pacs_monitor.dicom.transport import PolledSocket

MOST_BYTES = 8 << 20
"""One association brings no more than this, in bytes: the largest picture of ours has 4 MiB."""
MOST_ASSOCIATIONS = 4
PATIENCE = 10.0
"""Seconds that a peer may be silent."""
NOT_AUTHORIZED, OUT_OF_RESOURCES, SUCCESS = 0x0124, 0xA700, 0x0000


class Inbox:
    """What one C-MOVE is to bring, and from whom."""

    def __init__(self, instance_uid: str, addresses: frozenset[str], callers: frozenset[str]) -> None:
        self.instance_uid = instance_uid
        self.addresses = addresses
        self.callers = callers
        self.transfer = Transfer()
        self.datasets: list[Dataset] = []
        self.turned_away = ""
        """The address of the last one that was turned away for it."""
        self.other_caller = False
        """Whether the address was right and the AE title was not."""

    def expects(self, address: str, caller: str) -> bool:
        """Whether somebody may bring it."""
        return address in self.addresses and caller in self.callers


class _Server(ThreadedAssociationServer):
    listener: Listener
    daemon_threads = True

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Whether the address is one that an object may come from."""
        return self.listener.admits(_plain(client_address[0]))

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing: a traceback on stderr helps nobody, and the check says that nothing arrived."""


class _Handler(RequestHandler):
    def _create_association(self) -> Association:
        self.request.settimeout(PATIENCE)
        assoc = super()._create_association()
        # Ours takes the place of a socket that uses select(), which fails once 1,024 descriptors are open.
        assoc.dul.event_queue.get_nowait()
        assoc.dul.socket = PolledSocket(assoc, self.request, accepted=True, most=MOST_BYTES)
        return assoc


class Listener:
    """One open port. Raises OSError if it cannot be opened."""

    def __init__(self, destination: Destination, host: str) -> None:
        """`host` is the address to listen on."""
        self.users = 0
        self._inboxes: list[Inbox] = []
        self._ae = ae = AE(destination.ae_title)
        ae.require_called_aet = True
        ae.maximum_associations = MOST_ASSOCIATIONS
        ae.maximum_pdu_size = codec.MAX_LENGTH
        ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = PATIENCE
        for context in (SECONDARY_CAPTURE, *VERIFICATION_ONLY):
            ae.add_supported_context(context.abstract, list(context.transfers))
        handlers: list[Any] = [
            (evt.EVT_REQUESTED, self._requested),
            (evt.EVT_DATA_RECV, self._arrived),
            (evt.EVT_C_STORE, self._store),
        ]
        server: Any = ae.make_server(
            (host, destination.port), evt_handlers=handlers, server_class=_Server, request_handler=_Handler
        )
        server.listener = self
        ae._servers.append(server)  # its shutdown takes it off there again
        self._server = server
        self.port: int = server.server_address[1]
        threading.Thread(target=server.serve_forever, args=(0.05,), name="scp", daemon=True).start()

    def expect(self, inbox: Inbox) -> None:
        """Take what this inbox is for, from now on."""
        self._inboxes = [*self._inboxes, inbox]
        self._admit()

    def forget(self, inbox: Inbox) -> None:
        """Take it no more."""
        self._inboxes = [each for each in self._inboxes if each is not inbox]
        self._admit()

    def admits(self, address: str) -> bool:
        """Whether anything may come from an address."""
        if any(address in inbox.addresses for inbox in self._inboxes):
            return True
        for inbox in self._inboxes:
            inbox.turned_away = address
        return False

    def close(self) -> None:
        """Listen no more, and end all associations. Blocks for a moment."""
        for assoc in self._server.active_associations:
            assoc.abort(block=False)
        self._server.shutdown()

    def _admit(self) -> None:
        # An empty list would let everybody call; with no inbox no address gets as far as that.
        callers = sorted({caller for inbox in self._inboxes for caller in inbox.callers})
        if callers:
            self._ae.require_calling_aet = callers

    def _requested(self, event: evt.Event) -> None:
        address, caller = _peer(event)
        for inbox in self._inboxes:
            inbox.other_caller |= address in inbox.addresses and caller not in inbox.callers

    def _arrived(self, event: evt.Event) -> None:
        inbox = next((each for each in self._inboxes if each.expects(*_peer(event))), None)
        if inbox is not None:
            inbox.transfer.arrived(event.data)

    def _store(self, event: evt.Event) -> int:
        # By the command alone: what is not ours is not even decoded.
        request: Any = event.request
        uid, peer = str(request.AffectedSOPInstanceUID), _peer(event)
        inbox = next((each for each in self._inboxes if each.instance_uid == uid and each.expects(*peer)), None)
        if inbox is None:
            return NOT_AUTHORIZED
        if inbox.datasets:
            return OUT_OF_RESOURCES
        dataset: Dataset = event.dataset
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = event.context.transfer_syntax
        inbox.datasets.append(dataset)
        return SUCCESS


_open: dict[Destination, Listener] = {}


@asynccontextmanager
async def receiving(destination: Destination, inbox: Inbox, within: float) -> AsyncIterator[Listener]:
    """Have what the inbox is for taken in. Raises CheckFailed if the port is not free after `within` seconds."""
    listener = await _opened(destination, within)
    listener.users += 1
    listener.expect(inbox)
    try:
        yield listener
    finally:
        listener.forget(inbox)
        listener.users -= 1
        if not listener.users:
            _open.pop(destination, None)
            threading.Thread(target=listener.close, name="scp closes", daemon=True).start()


async def _opened(destination: Destination, within: float) -> Listener:
    loop = asyncio.get_running_loop()
    ends = loop.time() + within
    where = f"{destination.host}:{destination.port}"
    try:
        found = await loop.getaddrinfo(destination.host, destination.port)
        while True:
            if destination in _open:
                return _open[destination]
            try:
                _open[destination] = Listener(destination, str(found[0][4][0]))
            except OSError as error:
                # Another worker may have it for a moment.
                if error.errno != errno.EADDRINUSE or loop.time() > ends:
                    raise
                await asyncio.sleep(0.1)
    except OSError as error:
        why = error.strerror or "no such address"
        raise CheckFailed(
            "broken",
            f"the agent cannot listen on {where} for a C-MOVE ({why}); correct listen of scp, or end what "
            f"listens there",
        ) from None


def _peer(event: evt.Event) -> tuple[str, str]:
    """Address and calling AE title."""
    requestor = event.assoc.requestor
    return _plain(str(requestor.address)), requestor.ae_title.strip()


def _plain(address: str) -> str:
    """An IPv4 address as such, also if it comes by way of IPv6."""
    return address.removeprefix("::ffff:")
