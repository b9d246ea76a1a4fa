"""The folder for the agent's state: whether it can be written, and made if it is not there."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

_GIVE = "give it to the user that runs pacs-monitor"


def check_data_dir(path: Path, *, make: bool = True) -> str:
    """What keeps state from being written there, with the remedy; nothing if all is well.

    With `make` the folder is made if it is not there; else it is only told whether it could be, and nothing is left.
    """
    if not make and not os.path.lexists(path):
        return _fault_of_parent(path)
    try:
        path.mkdir(mode=0o750, exist_ok=True)
    except OSError as error:
        return _cannot_be_made(path, error.strerror)
    try:
        with tempfile.TemporaryFile(dir=path):
            return ""
    except OSError as error:
        return f"{path} is not writable ({error.strerror}); {_GIVE}"


def _fault_of_parent(path: Path) -> str:
    parent = path.parent
    if not parent.is_dir():
        return _cannot_be_made(path, f"there is no folder {parent}")
    if not os.access(parent, os.W_OK | os.X_OK):
        return _cannot_be_made(path, f"{parent} is not writable")
    # Only trying tells: root may write everywhere, but not below /proc or on what is mounted read-only.
    try:
        Path(tempfile.mkdtemp(prefix=".pacs-monitor-", dir=parent)).rmdir()
    except OSError as error:
        return _cannot_be_made(path, error.strerror)
    return ""


def _cannot_be_made(path: Path, why: str | None) -> str:
    return f"{path} cannot be made ({why}); make it, and {_GIVE}"
