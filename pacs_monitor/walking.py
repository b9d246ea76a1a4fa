"""Counts the files below a folder, without end and without a name: file names may be those of patients."""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Counted:
    """What a walk saw."""

    files: int = 0
    size: int = 0
    """Bytes of these files."""
    oldest: float | None = None
    """When the oldest of them was last written to (Unix time)."""
    complete: bool = True
    """False if the walk ended before it had seen all."""
    closed: int = 0
    """Folders below that may not be read."""


def count(place: Path, pattern: str, most: int, enough: Callable[[], bool]) -> Counted:
    """Count the files below a folder whose names match. Links are not followed. Blocks.

    It looks at `most` entries, and goes on while `enough` is not true. Raises OSError for the folder itself; what
    vanishes below it meanwhile is not there.
    """
    counted, seen = Counted(), 0
    matches = re.compile(fnmatch.translate(pattern), re.IGNORECASE).match
    folders = [os.fspath(place)]
    while folders:
        folder = folders.pop()
        try:
            entries = os.scandir(folder)
        except OSError as error:
            if folder == os.fspath(place) or not _is_of_the_folder(error):
                raise
            counted.closed += isinstance(error, PermissionError)
            continue
        with entries:
            for entry in entries:
                seen += 1
                if seen > most or (seen % 64 == 0 and enough()):
                    counted.complete = False
                    return counted
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                elif matches(entry.name):
                    _add(counted, entry)
    return counted


def _is_of_the_folder(error: OSError) -> bool:
    """Whether it is about this folder alone: closed, or removed since it was listed. Else the disk is at fault."""
    return isinstance(error, PermissionError | FileNotFoundError | NotADirectoryError)


def _add(counted: Counted, entry: os.DirEntry[str]) -> None:
    try:
        if not entry.is_file(follow_symlinks=False):
            return
        status = entry.stat(follow_symlinks=False)
    except FileNotFoundError:  # taken out of the queue while we looked
        return
    counted.files += 1
    counted.size += status.st_size
    if counted.oldest is None or status.st_mtime < counted.oldest:
        counted.oldest = status.st_mtime
