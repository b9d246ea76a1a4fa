"""Where an export goes: to the terminal, or into a folder that holds nothing of these names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


class CannotWrite(Exception):
    """The sentence says what is in the way, and what to do."""


def write_files(folder: Path, files: Mapping[str, str], *, force: bool) -> list[Path]:
    """Write files into a folder, which is made if it is not there; gives their paths. Raises CannotWrite."""
    paths = [folder / name for name in files]
    if folder.exists() and not folder.is_dir():
        raise CannotWrite(f"--output: {folder} is a file; name a folder, or - for the terminal")
    there = [path for path in paths if path.exists()]
    if there and not force:
        others = f" and {len(there) - 1} more" if len(there) > 1 else ""
        is_there = "are there already" if others else "is there already"
        raise CannotWrite(f"{there[0]}{others} {is_there}; write over with --force, or name another folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CannotWrite(f"--output: {folder} cannot be made ({error.strerror}); name a folder of yours") from None
    for path, text in zip(paths, files.values(), strict=True):
        try:
            path.write_text(text, "utf-8")
        except OSError as error:
            raise CannotWrite(f"{path} cannot be written ({error.strerror}); name a folder of yours") from None
    return paths
