"""The file that lets a hospital come back on the ports that it had."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .hospital import REST


def read_ports(file: Path) -> dict[str, int]:
    """Give the ports in a ready line that was kept in `file`; none if there is no such file.

    Raises ValueError if it holds something else.
    """
    if not file.exists():
        return {}
    try:
        nodes: Mapping[str, Mapping[str, Any]] = json.loads(file.read_text())["nodes"]
        ports = {name: int(address["port"]) for name, address in nodes.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{file}: not a ready line ({error}); delete it to have free ports chosen") from error
    if rest := urlsplit(nodes.get("archive", {}).get("rest", "")).port:
        ports[REST] = rest
    return ports
