"""The whole hospital: its nodes, its disk, and who carries out an order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from .address import NodeAddress
from .archive import Archive
from .disk import Disk
from .faults import DISK_FAULTS, NODE_FAULTS, OrderError, ordered_fault
from .node import Services, SimulatedNode
from .rest import RestServer
from .storage import archive_services, router_services
from .worklist import worklist_services

KNOWN_CALLERS = ("PACSMON",)
DISK = "disk"
# Where the archive's REST port is given, beside the nodes' names.
REST = "archive.rest"


class SimulatedHospital:
    """An archive, a worklist, three modalities, a router and a disk, all healthy and listening.

    A node that `ports` does not name gets a free one; no `known_callers` means any caller.
    Raises OSError if a port is taken; then nothing is left of it.
    """

    def __init__(
        self,
        folder: Path,
        ports: Mapping[str, int] | None = None,
        known_callers: Sequence[str] = KNOWN_CALLERS,
    ) -> None:
        archive = Archive()
        ports = ports or {}
        with ExitStack() as started:
            self.disk = Disk(folder)
            started.callback(self.disk.close)
            self.nodes: dict[str, SimulatedNode] = {}
            for name, (role, services) in _staff(archive).items():
                port = ports.get(name, 0)
                with _naming(name, port):
                    self.nodes[name] = SimulatedNode(name, role, services, port, known_callers)
                started.callback(self.nodes[name].close)
            with _naming(REST, ports.get(REST, 0)):
                system = _system(self.nodes["archive"].address)
                self.rest = RestServer(archive, system, ports.get(REST, 0))
            started.callback(self.rest.close)
            self._started = started.pop_all()

    @property
    def ready(self) -> dict[str, Any]:
        """What the ready line says: `nodes`, each with its address, and the path of a real `disk` or None."""
        addresses = {name: node.address for name, node in self.nodes.items()}
        addresses["archive"] = replace(addresses["archive"], rest=self.rest.url)
        return {
            "nodes": {name: address.to_json() for name, address in addresses.items()},
            "disk": str(self.disk.path) if self.disk.is_real else None,
        }

    def order(self, node: str, fault: str, parameters: Mapping[str, object]) -> None:
        """Let `node` (or `disk`) take on `fault`; returns once it is in force.

        Raises OrderError if there is no such node, fault or parameter.
        """
        if node == DISK:
            self.disk.set_fault(ordered_fault(DISK_FAULTS, fault, parameters))
        elif node in self.nodes:
            self.nodes[node].set_fault(ordered_fault(NODE_FAULTS, fault, parameters))
        else:
            raise OrderError(f"no node {node!r}; there are {', '.join([*self.nodes, DISK])}")

    def close(self) -> None:
        """Stop listening and unmount the disk."""
        self._started.close()


@contextmanager
def _naming(listener: str, port: int) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, f"{listener}: port {port}: {error.strerror}") from error


def _staff(archive: Archive) -> dict[str, tuple[str, Services]]:
    return {
        "archive": ("archive", archive_services(archive)),
        "worklist": ("worklist", worklist_services()),
        "ct1": ("modality", Services()),
        "mr1": ("modality", Services()),
        "us1": ("modality", Services()),
        "router": ("router", router_services()),
    }


def _system(archive: NodeAddress) -> dict[str, Any]:
    return {
        "Name": "Simulated archive",
        "DicomAet": archive.ae_title,
        "DicomPort": archive.port,
        "Version": "simulator",
        "ApiVersion": 1,
    }
