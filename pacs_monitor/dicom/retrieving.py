"""What a retrieval brought: counts of sub-operations, and how soon and how fast the bytes came."""

from __future__ import annotations

from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

from pydicom.dataset import Dataset

from pacs_monitor.dicom import codec


class Transfer:
    """Measures what arrives, PDU by PDU: P-DATA with its headers, from the request to the last byte."""

    def __init__(self) -> None:
        """Now is when it was asked for."""
        self._started = perf_counter()
        self.first: float | None = None
        """Seconds from the request to the first bytes."""
        self.last = 0.0
        """Seconds from the request to the last ones."""
        self.bytes = 0

    def arrived(self, pdu: bytes) -> None:
        """Count a PDU; what is no P-DATA is none of it. Called from the thread that reads."""
        if pdu[0] == codec.P_DATA:
            self.chunk(len(pdu))

    def chunk(self, length: int) -> None:
        """Count so many bytes."""
        self.last = perf_counter() - self._started
        self.first = self.last if self.first is None else self.first
        self.bytes += length

    @property
    def bytes_per_second(self) -> float:
        """From the request to the last byte: what who waits for images has of it."""
        return self.bytes / self.last if self.last else 0.0


@dataclass
class Retrieved:
    """How a C-GET or C-MOVE ended."""

    status: int
    completed: int
    failed: int
    warning: int
    transfer: Transfer
    """Of a C-GET. Of a C-MOVE these are the answers; the objects go elsewhere."""
    datasets: list[Dataset] = field(default_factory=list)
    """What a C-GET brought."""


def ended(status: int, answer: Any, transfer: Transfer, datasets: list[Dataset]) -> Retrieved:
    """Read the final answer of a C-GET or C-MOVE; without counts in it, what arrived counts as completed."""
    counts = [answer.get(f"NumberOf{kind}Suboperations") for kind in ("Completed", "Failed", "Warning")]
    completed = len(datasets) if counts[0] is None else int(counts[0])
    return Retrieved(status, completed, int(counts[1] or 0), int(counts[2] or 0), transfer, datasets)
