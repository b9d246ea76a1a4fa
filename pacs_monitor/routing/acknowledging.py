"""Acknowledgements: somebody has taken an alert on."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """Who has taken an alert on, and when (milliseconds since 1970). It ends with the alert."""

    fingerprint: str
    by: str
    comment: str
    at: int

    def to_json(self) -> dict[str, Any]:
        """What the state file keeps."""
        return asdict(self)
