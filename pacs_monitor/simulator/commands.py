"""The orders that come in on stdin, one JSON object a line, and their answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from .faults import OrderError


def answered(line: str, order: Callable[[str, str, Mapping[str, object]], None]) -> dict[str, Any]:
    """Carry out the order in `line` and give its answer: `ok`, and if that is false, why (`error`)."""
    try:
        order(*_read(line))
    except OrderError as error:
        return {"ok": False, "error": str(error)}
    return {"ok": True}


def _read(line: str) -> tuple[str, str, dict[str, object]]:
    try:
        command = json.loads(line)
    except ValueError as error:
        raise OrderError(f"not JSON: {error}") from error
    if not isinstance(command, dict):
        raise OrderError('an order is an object such as {"node": "ct1", "fault": "slow", "seconds": 2}')
    if not isinstance(command.get("node"), str):
        raise OrderError("node: the name of a node is missing")
    if not isinstance(command.get("fault"), str):
        raise OrderError("fault: the name of a fault is missing")
    return command.pop("node"), command.pop("fault"), command
