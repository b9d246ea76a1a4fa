"""Where a simulated node listens: what the ready line says and the client reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class NodeAddress:
    """The name, DICOM address and role of one simulated node; `rest` is the URL of its REST interface."""

    name: str
    host: str
    port: int
    ae_title: str
    role: str
    rest: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Give the fields for the ready line, whose key is the name; `rest` only where there is one."""
        return {key: value for key, value in asdict(self).items() if key != "name" and value is not None}

    @classmethod
    def from_json(cls, name: str, fields: Mapping[str, Any]) -> NodeAddress:
        """Give the address that `to_json` described. Raises TypeError if a field is missing or unknown."""
        return cls(name=name, **fields)
