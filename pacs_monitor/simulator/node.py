"""One simulated node: a real SCP whose fault can be changed while it runs."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Event, Lock
from typing import Any

from pynetdicom import AE, build_context, evt
from pynetdicom.events import Event as DicomEvent
from pynetdicom.events import InterventionEvent
from pynetdicom.presentation import PresentationContext
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]  # made at import time
from pynetdicom.transport import RequestHandler

from .address import NodeAddress
from .faults import HEALTHY, Fault
from .listener import HOST, Listener, NodeServer

# PS3.8 table 9-21: rejected-permanent, by the service user, calling AE title not recognised.
CALLING_AE_TITLE_NOT_RECOGNISED = (1, 1, 3)
SERVICE_USER = 0
SUCCESS = 0x0000

Handler = Callable[[DicomEvent], Any]


@dataclass(frozen=True)
class Services:
    """What a node does beyond C-ECHO: the contexts that it accepts and who answers their requests."""

    contexts: Sequence[PresentationContext] = ()
    handlers: Sequence[tuple[InterventionEvent, Handler]] = ()


@dataclass(frozen=True)
class InForce:
    """A fault and the event that ends all waiting for its end."""

    fault: Fault
    over: Event = field(default_factory=Event)


class SimulatedNode:
    """A listening AE with C-ECHO and `services`, healthy until a fault is set.

    Port 0 is a free one; no `known_callers` means any caller. Raises OSError if the port is taken.
    """

    def __init__(
        self, name: str, role: str, services: Services, port: int = 0, known_callers: Sequence[str] = ()
    ) -> None:
        self.name = name
        self.role = role
        self._in_force = InForce(HEALTHY)
        self._changing = Lock()
        self._ae = AE(name.upper())
        self._ae.require_calling_aet = list(known_callers)
        # With pynetdicom's 10 a slow node would soon reject its callers instead.
        self._ae.maximum_associations = 100
        self._contexts = [build_context(Verification), *services.contexts]
        answered = [(evt.EVT_C_ECHO, _echo), *services.handlers]
        self._handlers = [(event, self._faulty(event, handler)) for event, handler in answered]
        self._listener = Listener(self._serve, port)

    @property
    def address(self) -> NodeAddress:
        """Where the node listens; the port stays the same through every fault."""
        return NodeAddress(self.name, HOST, self._listener.port, self._ae.ae_title, self.role)

    def set_fault(self, fault: Fault) -> None:
        """Let `fault` take the place of the one in force; returns once connections meet the new one."""
        with self._changing:
            self._in_force.over.set()
            self._in_force = InForce(fault)
            if fault.kind == "refuses":
                self._listener.refuse()
            else:
                self._listener.accept()

    def close(self) -> None:
        """Stop listening and end what waits; associations that stand are left to their threads."""
        with self._changing:
            self._in_force.over.set()
            self._listener.close()

    def _serve(self, port: int) -> NodeServer:
        return self._ae.make_server(  # type: ignore[return-value]  # typed as the base class in 3.0.4
            (HOST, port),
            contexts=self._contexts,
            evt_handlers=[*self._handlers, (evt.EVT_REQUESTED, self._admit)],
            server_class=NodeServer,
            request_handler=self._connected,
        )

    def _connected(self, request: socket.socket, peer: object, server: NodeServer) -> None:
        in_force = self._in_force
        if in_force.fault.kind == "silent":
            _keep_silent(request, in_force.over)
        else:
            RequestHandler(request, peer, server)

    def _admit(self, event: DicomEvent) -> None:
        # pynetdicom goes on to negotiate unless the association was rejected or aborted here.
        kind = self._in_force.fault.kind
        if kind == "rejects":
            event.assoc.acse.send_reject(*CALLING_AE_TITLE_NOT_RECOGNISED)
            event.assoc.kill()
        elif kind == "aborts":
            event.assoc.acse.send_abort(SERVICE_USER)
            event.assoc.kill()

    def _faulty(self, service: InterventionEvent, handler: Handler) -> Handler:
        def answer(event: DicomEvent) -> Any:
            in_force = self._in_force
            if in_force.fault.kind == "slow":
                in_force.over.wait(in_force.fault.parameters["seconds"])
            if in_force.fault.kind == "finds_nothing" and service is evt.EVT_C_FIND:
                return iter(())
            return handler(event)

        return answer


def _echo(_: DicomEvent) -> int:
    return SUCCESS


def _keep_silent(request: socket.socket, over: Event) -> None:
    with request:
        request.settimeout(0.1)
        while not over.is_set() and _still_open(request):
            pass


def _still_open(request: socket.socket) -> bool:
    try:
        received = request.recv(65536)
    except TimeoutError:
        return True
    except ConnectionError:
        return False
    return bool(received)
