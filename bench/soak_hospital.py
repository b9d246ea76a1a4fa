"""Two hundred nodes of the simulator in one process, which counts who has how many associations open at once.

Takes orders on stdin, a JSON document a line: {"node": NAME, "fault": KIND}, or {"count": true}.
"""

from __future__ import annotations

import argparse
import json
import logging
import socket
import sys
from collections import Counter, defaultdict
from datetime import datetime
from threading import Lock
from typing import Any

from pydicom import Dataset
from pydicom.uid import CTImageStorage, generate_uid
from pynetdicom import _config, evt
from pynetdicom.pdu import A_ABORT_RQ, A_ASSOCIATE_RQ, A_RELEASE_RQ

from pacs_monitor.simulator.archive import Archive
from pacs_monitor.simulator.faults import NODE_FAULTS, ordered_fault
from pacs_monitor.simulator.listener import NodeServer
from pacs_monitor.simulator.node import Services, SimulatedNode
from pacs_monitor.simulator.storage import PENDING, archive_services
from pacs_monitor.simulator.worklist import entries, worklist_services

CANARY = "CANARY"
"""Stands in every attribute that may tell of a patient."""
STUDIES = 12
"""In each archive."""


class Doors:
    """Associations that stand, by node."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._open: defaultdict[str, set[int]] = defaultdict(set)
        self._most: Counter[str] = Counter()
        self.answered = 0

    def opened(self, node: str, which: object) -> None:
        with self._lock:
            standing = self._open[node]
            standing.add(id(which))
            self._most[node] = max(self._most[node], len(standing))
            self.answered += 1

    def closed(self, node: str, which: object) -> None:
        with self._lock:
            self._open[node].discard(id(which))

    def told(self) -> dict[str, Any]:
        with self._lock:
            most = max(self._most.values(), default=0)
            return {
                "open": sum(map(len, self._open.values())),
                "most": most,
                "where": sorted(node for node, count in self._most.items() if count == most)[:5],
                "answered": self.answered,
            }


class CountedNode(SimulatedNode):
    """A node that tells of each association, from our request to the PDU that ends it: then we may ask again."""

    def __init__(self, name: str, role: str, services: Services, doors: Doors) -> None:
        self._doors = doors
        super().__init__(name, role, services)

    def _serve(self, port: int) -> NodeServer:
        told: list[Any] = [(evt.EVT_PDU_RECV, self._heard), (evt.EVT_CONN_CLOSE, self._ended)]
        self._handlers += told  # notifications, which no fault holds up
        served = super()._serve(port)
        del self._handlers[-len(told) :]
        return served

    def _heard(self, event: evt.Event) -> None:
        if isinstance(event.pdu, A_ASSOCIATE_RQ):
            self._doors.opened(self.name, event.assoc)
        elif isinstance(event.pdu, A_RELEASE_RQ | A_ABORT_RQ):
            self._ended(event)

    def _ended(self, event: evt.Event) -> None:
        self._doors.closed(self.name, event.assoc)

    def _admit(self, event: evt.Event) -> None:
        if self._in_force.fault.kind in ("rejects", "aborts"):
            self._ended(event)  # before we hear of it
        super()._admit(event)

    def _connected(self, request: socket.socket, peer: object, server: NodeServer) -> None:
        silent = self._in_force.fault.kind == "silent"
        if silent:
            self._doors.opened(self.name, request)
        super()._connected(request, peer, server)
        if silent:
            self._doors.closed(self.name, request)


def make_nodes(count: int, doors: Doors) -> dict[str, CountedNode]:
    """Of ten nodes six are modalities, two archives, one a worklist, one a router."""
    nodes = {}
    for number in range(count):
        role = ("modality", "modality", "archive", "modality", "worklist", "modality", "modality", "archive",
                "router", "modality")[number % 10]  # fmt: skip
        name = f"{role}-{number:03}"
        nodes[name] = CountedNode(name, role, _services(role), doors)
    return nodes


def _services(role: str) -> Services:
    if role == "archive":
        archive = Archive()
        for number in range(STUDIES):
            archive.store(make_image(number))
        return archive_services(archive)
    return _worklist() if role == "worklist" else Services()


def make_image(number: int) -> Dataset:
    """An image of a study of its own, of today."""
    now, image = datetime.now().astimezone(), Dataset()
    image.SOPClassUID, image.SOPInstanceUID = CTImageStorage, generate_uid()
    image.StudyInstanceUID, image.SeriesInstanceUID = generate_uid(), generate_uid()
    image.Modality, image.StudyDate, image.StudyTime = "CT", now.strftime("%Y%m%d"), now.strftime("%H%M%S")
    mark_patient(image, number)
    return image


def mark_patient(dataset: Dataset, number: int) -> None:
    """Write the canary into every attribute of a patient, an order or free text."""
    text = f"{CANARY}{number}"
    dataset.PatientName, dataset.PatientID = f"{text}^NAME", text
    dataset.OtherPatientIDs, dataset.PatientAddress = text, text
    dataset.AccessionNumber, dataset.StudyID = text[:16], text[:16]
    dataset.ReferringPhysicianName, dataset.PerformingPhysicianName = f"{text}^DOC", f"{text}^DOC"
    dataset.StudyDescription, dataset.SeriesDescription = text, text
    dataset.InstitutionName, dataset.PatientComments, dataset.ImageComments = text, text, text
    dataset.RequestedProcedureDescription, dataset.AdmissionID = text, text


def _worklist() -> Services:
    services = worklist_services()

    def scheduled(event: evt.Event) -> Any:
        for number, entry in enumerate(entries(datetime.now().astimezone().date())):
            mark_patient(entry, number)
            entry.ScheduledProcedureStepSequence[0].ScheduledProcedureStepDescription = CANARY
            yield PENDING, entry

    return Services(contexts=services.contexts, handlers=[(evt.EVT_C_FIND, scheduled)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=200)
    options = parser.parse_args()
    logging.getLogger("pynetdicom").setLevel(logging.CRITICAL + 1)
    _config.LOG_HANDLER_LEVEL = "none"
    doors = Doors()
    nodes = make_nodes(options.nodes, doors)
    _say({name: node.address.to_json() for name, node in nodes.items()})
    for line in sys.stdin:
        order = json.loads(line)
        if "node" in order:
            nodes[order["node"]].set_fault(ordered_fault(NODE_FAULTS, order["fault"], {}))
        _say(doors.told())


def _say(told: dict[str, Any]) -> None:
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
