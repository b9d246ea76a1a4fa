"""What a failure's sentence calls that which a check looks at: the node, its host and port, a path."""

from __future__ import annotations

import os
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from pacs_monitor.check import Check, NodeCheck


def target_of(check: Check, name: str) -> str:
    """`archive (10.0.0.5)`; without a node the check's own name."""
    node = check.surroundings.node
    if node is None:
        return name
    return f"{node.name} ({node.host})" if isinstance(check, NodeCheck) and node.host else node.name


def peer_of(check: Check, name: str) -> str:
    """As `target_of`, with the port if it is known: `archive (10.0.0.5:104)`."""
    node, port = check.surroundings.node, _port_of(check)
    if node is None or node.host is None or port is None or not isinstance(check, NodeCheck):
        return target_of(check, name)
    host = str(node.host)
    return f"{node.name} ({f'[{host}]' if ':' in host else host}:{port})"


def _port_of(check: Check) -> int | None:
    """The port that the run has gone to; else the one that the settings name for it."""
    if check.surroundings.dialled is not None:
        return check.surroundings.dialled
    has_setting = "port" in type(check).model_fields
    own, node = getattr(check, "port", None) if has_setting else None, check.surroundings.node
    if isinstance(own, int):
        return own
    return node.port if node is not None and (has_setting or "port" in check.needs) else None


def path_of(error: OSError, check: Check) -> str:
    """What the error is about, to stand in a sentence; "" if it is about no file.

    Paths are named as the settings have them. What lies below, or comes from elsewhere, may be named after a patient.
    """
    if not isinstance(error.filename, str | bytes | os.PathLike):
        return ""
    path, settings = Path(os.fsdecode(error.filename)), list(_paths_in(dict(check)))
    if path in settings:
        return str(path)
    above = [folder for folder in settings if folder in path.parents]
    if above:
        return f"something below {max(above, key=lambda folder: len(folder.parts))}"
    return f"the file or folder that {_place_in(error, check)} asks for"


def _paths_in(value: Any) -> Iterator[Path]:
    if isinstance(value, Path):
        yield value
    elif isinstance(value, str) and value.startswith("/") and value != "/":
        yield Path(value)
    elif isinstance(value, BaseModel):
        yield from _paths_in(dict(value))
    elif isinstance(value, dict):
        yield from _paths_in(list(value.values()))
    elif isinstance(value, list | tuple | set | frozenset):
        for each in value:
            yield from _paths_in(each)


def _place_in(error: OSError, check: Check) -> str:
    """File and line of the check's own code."""
    code = getattr(type(check).run, "__code__", None)
    own = code.co_filename if code is not None else type(check).__module__
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == own]
    return f"{own}:{lines[-1]}" if lines else own
