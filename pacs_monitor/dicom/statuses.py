"""What a DIMSE status other than success means, by pynetdicom's tables, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from pynetdicom.status import (
    QR_FIND_SERVICE_CLASS_STATUS,
    QR_GET_SERVICE_CLASS_STATUS,
    QR_MOVE_SERVICE_CLASS_STATUS,
    STORAGE_SERVICE_CLASS_STATUS,
)

from pacs_monitor.check import CheckFailed

SUCCESS = 0x0000
UNKNOWN_DESTINATION = 0xA801
NOT_PERMITTED = (0x0122, 0x0124)
"""The SOP class is not supported, or we may not use it."""
CANCELLED = 0xFE00
PENDING = (0xFF00, 0xFF01)
STORED_WITH_CHANGES = (0xB000, 0xB006, 0xB007)
"""Warnings of a C-STORE: the object is kept, with elements coerced, discarded or not as its class has them."""

_MEANINGS: Mapping[str, Mapping[int, tuple[str, str]]] = MappingProxyType(
    {
        "C-STORE": STORAGE_SERVICE_CLASS_STATUS,
        "C-FIND": QR_FIND_SERVICE_CLASS_STATUS,
        "C-GET": QR_GET_SERVICE_CLASS_STATUS,
        "C-MOVE": QR_MOVE_SERVICE_CLASS_STATUS,
    }
)


def status_failure(service: str, status: int, node: str, calling: str) -> CheckFailed:
    """The failure for a status of a service (`C-STORE`). The peer's own comment is left out: it is free text."""
    _, meaning = _MEANINGS[service].get(status, ("", ""))
    said = f"0x{status:04X} ({meaning.lower().replace('sop', 'SOP') or 'a status of its own'})"
    return CheckFailed(
        "dimse_status", f"{node} answered the {service} with {said}; {_remedy(service, status, calling)}"
    )


def _remedy(service: str, status: int, calling: str) -> str:
    if 0xA700 <= status <= 0xA7FF:
        if service == "C-STORE":
            return "the archive is full or has reached its quota: free space there, or enlarge its storage"
        return "it lacks memory, threads or disk: look at its load"
    if status == 0x0124:
        return f"permit {calling} to use the service there"
    if status == 0x0122:
        return "have the service switched on there"
    if service == "C-FIND" and status == 0xA900:
        return "it does not take this query: ask its vendor which keys it matches by"
    if service == "C-FIND" and 0xC000 <= status <= 0xCFFF:
        return "it could not carry out the query: look at its database, and into its log at this time"
    if service in ("C-GET", "C-MOVE") and status == 0xB000:
        return "it could not send some objects of the study: look into its log at this time"
    return "look into its log at this time"
