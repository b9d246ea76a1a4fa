"""The folder for the agent's state: whether it can be written, and made if it is not there."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from pacs_monitor.statefile import StateError, look_at
from pacs_monitor.web.errors import WebError
from pacs_monitor.web.listen import check_control_path

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


def faults_of_files(path: Path) -> Iterator[str]:
    """What is wrong with the files that an agent has left in the folder, or will make; they are not changed."""
    try:
        check_control_path(path / "control.sock")
    except WebError as error:
        yield str(error).removeprefix("data_dir: ")
    lock = path / "agent.lock"
    try:
        os.close(os.open(lock, os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK))
    except (FileNotFoundError, NotADirectoryError):
        pass  # it will be made, or the folder has a complaint
    except OSError as error:
        yield f"{lock}: cannot be opened ({error.strerror}); {_GIVE}, or remove it"
    try:
        look_at(path / "state.db")
    except StateError as error:
        yield str(error)


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
