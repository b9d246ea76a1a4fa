"""Text files that people write: read with a sentence for each way in which that can fail."""

from __future__ import annotations

import re
from pathlib import Path

MAX_BYTES = 16 * 1024 * 1024
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff]")


class TextFileError(Exception):
    """A file that cannot be read as text: the line, 0 if it is none, and what to do."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line
        self.message = message


class MissingFileError(TextFileError):
    """There is no such file."""


def read_text(path: Path, max_bytes: int = MAX_BYTES) -> str:
    """The text of a UTF-8 file without its byte order mark. Raises TextFileError with the remedy."""
    raw = read_bytes(path, max_bytes)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise TextFileError(line, "is not UTF-8; save the file with the encoding UTF-8") from None
    found = _CONTROL.search(text)
    if found:
        line, column = _place(text, found.start())
        message = f"holds the control character {found[0]!r} in column {column}; remove it"
        raise TextFileError(line, message)
    return text


def read_bytes(path: Path, max_bytes: int = MAX_BYTES) -> bytes:
    """The content of a file of bounded size. Raises TextFileError with the remedy."""
    try:
        with path.open("rb") as file:
            raw = file.read(max_bytes + 1)
    except FileNotFoundError:
        raise MissingFileError(0, "there is no such file; check the name") from None
    except IsADirectoryError:
        raise TextFileError(0, "is a folder; name a file") from None
    except OSError as error:
        raise TextFileError(0, f"the file cannot be read ({error.strerror}); check its rights") from None
    if len(raw) > max_bytes:
        raise TextFileError(0, f"is larger than {max_bytes // 1024} KiB; split it, or check the name")
    return raw


def _place(text: str, position: int) -> tuple[int, int]:
    start = text.rfind("\n", 0, position) + 1
    return text.count("\n", 0, start) + 1, position - start + 1
