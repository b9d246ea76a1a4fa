"""A small real file system that does not outlive the process that mounted it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

# Reads until the pipe ends, which it does with the process that holds the other end, kill -9 included.
UNMOUNT_AT_THE_END = 'read -r _; umount -l "$1"'


class Tmpfs:
    """A tmpfs on `folder` until `close` or the end of the process, whatever ends it.

    Raises PermissionError if this process may not mount one or the system cannot.
    """

    def __init__(self, folder: Path, size_bytes: int) -> None:
        mount = shutil.which("mount")
        if mount is None or os.geteuid() != 0:
            raise PermissionError(f"{folder}: only root can mount a tmpfs")
        options = f"size={size_bytes},mode=0755,nosuid,nodev,noexec"
        command = [mount, "-t", "tmpfs", "-o", options, "pacs-simulator", str(folder)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            raise PermissionError(done.stderr.strip())
        # A session of its own, or Ctrl-C in a terminal would end it before its work.
        self._guard = subprocess.Popen(
            ["sh", "-c", UNMOUNT_AT_THE_END, "sh", str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def close(self) -> None:
        """Unmount; what was in it is gone."""
        if self._guard.stdin is not None:
            self._guard.stdin.close()
        self._guard.wait()
