"""A disk that fills on order: a real small one where the system allows it, and its figures in any case."""

from __future__ import annotations

import json
import os
from pathlib import Path
from threading import Lock

from .faults import Fault
from .tmpfs import Tmpfs

SIZE_BYTES = 16 * 1024 * 1024
HEALTHY_RATIO = 0.4


class Disk:
    """The folder `disk` in `folder`, with a file system of its own if this process may mount one.

    It is used to 40 % unless a fault says otherwise; `usage.json` in it says how much, in bytes.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "disk"
        self.path.mkdir(parents=True, exist_ok=True)
        self._tmpfs = _mounted(self.path)
        self._changing = Lock()
        self._set_used(HEALTHY_RATIO)

    @property
    def is_real(self) -> bool:
        """Whether the folder's own file system fills, and not only the figures in `usage.json`."""
        return self._tmpfs is not None

    def set_fault(self, fault: Fault) -> None:
        """Fill the disk to the fault's `used_ratio`, or empty it to its healthy one."""
        self._set_used(fault.parameters.get("used_ratio", HEALTHY_RATIO))

    def close(self) -> None:
        """Unmount what was mounted."""
        if self._tmpfs is not None:
            self._tmpfs.close()

    def _set_used(self, ratio: float) -> None:
        used = int(SIZE_BYTES * ratio)
        with self._changing:
            if self.is_real:
                _resize(self.path / "filler", used)
            # Renamed into place, so that no reader sees half a file.
            written = self.path / "usage.json.new"
            written.write_text(json.dumps({"total": SIZE_BYTES, "used": used}) + "\n")
            written.rename(self.path / "usage.json")


def _mounted(folder: Path) -> Tmpfs | None:
    try:
        return Tmpfs(folder, SIZE_BYTES)
    except PermissionError:
        return None


def _resize(filler: Path, size: int) -> None:
    with filler.open("ab") as file:
        file.truncate(min(size, file.tell()))
        if size:
            # truncate alone would leave a hole, which uses nothing.
            os.posix_fallocate(file.fileno(), 0, size)
