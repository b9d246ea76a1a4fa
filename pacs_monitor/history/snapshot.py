"""The history as a file, so that a restart is not blind to what happened before it."""

from __future__ import annotations

import json
import os
import struct
import zlib
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from pacs_monitor.history.labels import Labels
from pacs_monitor.history.series import Series, Source
from pacs_monitor.history.store import History

_MAGIC = b"pacs-monitor history 1\n"
_LENGTH = struct.Struct("<Q")
_CHUNK = 1 << 20


class SnapshotError(Exception):
    """A file that is no whole snapshot of a history."""


def save(history: History, path: Path) -> None:
    """Write all samples, replacing the file only when the new one is whole. Raises OSError."""
    temporary = path.with_suffix(".new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(_MAGIC)
        for piece in _compressed(_pieces(history)):
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def load(history: History, path: Path) -> None:
    """Fill an empty history. Raises FileNotFoundError, OSError and SnapshotError; then it is as empty as before."""
    with path.open("rb") as file:
        if file.read(len(_MAGIC)) != _MAGIC:
            raise SnapshotError(f"{path} is not a history of this version")
        try:
            content = _decompressed(file)
            (length,) = _LENGTH.unpack(content[: _LENGTH.size])
            start = _LENGTH.size + length
            head = json.loads(content[_LENGTH.size : start])
            sources, series = _build(head, memoryview(content)[start:])
        except (zlib.error, struct.error, ValueError, KeyError, TypeError) as error:
            raise SnapshotError(f"{path} is damaged: {error}") from None
    history.restore(sources, series)


def _pieces(history: History) -> Iterator[bytes]:
    named = {source: name for name, source in history.sources.items()}
    all_series = [series for series in history if series.private or series.source in named]
    head = {
        "sources": {name: [source.base, len(source.times)] for name, source in history.sources.items()},
        "series": [
            [series.labels.pairs, None if series.private else named[series.source], series.first, len(series.values)]
            for series in all_series
        ],
    }
    text = json.dumps(head, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
    yield _LENGTH.pack(len(text)) + text
    for source in history.sources.values():
        yield source.times.tobytes()
    for series in all_series:
        if series.private:
            skipped = series.first - series.source.base
            yield series.source.times[skipped : skipped + len(series.values)].tobytes()
        yield series.values.tobytes()


def _compressed(pieces: Iterator[bytes]) -> Iterator[bytes]:
    # Level 1: most values do not change, and the interpreter is free meanwhile.
    packer = zlib.compressobj(1)
    waiting: list[bytes] = []
    size = 0
    for piece in pieces:
        waiting.append(piece)
        size += len(piece)
        if size >= _CHUNK:
            yield packer.compress(b"".join(waiting))
            waiting, size = [], 0
    yield packer.compress(b"".join(waiting)) + packer.flush()


def _decompressed(file: BinaryIO) -> bytes:
    unpacker = zlib.decompressobj()
    pieces = []
    while piece := file.read(_CHUNK):
        pieces.append(unpacker.decompress(piece))
    pieces.append(unpacker.flush())
    if not unpacker.eof:
        raise zlib.error("it ends too early")
    return b"".join(pieces)


def _build(head: dict[str, Any], content: memoryview) -> tuple[dict[str, Source], list[Series]]:
    place = 0

    def numbers(kind: str, count: int) -> Any:
        nonlocal place
        found = array(kind)
        end = place + count * found.itemsize
        if end > len(content):
            raise ValueError("it ends too early")
        found.frombytes(content[place:end])
        place = end
        return found

    sources: dict[str, Source] = {}
    for name, (base, count) in head["sources"].items():
        source = sources[name] = Source()
        source.base, source.times = base, numbers("q", count)
    pool: dict[tuple[str, str], tuple[str, str]] = {}
    found = []
    for pairs, name, first, count in head["series"]:
        shared = [pool.setdefault((label, value), (label, value)) for label, value in pairs]
        series = Series(Labels(tuple(shared)), sources[name] if name is not None else Source(), first)
        if name is None:
            series.private, series.first = True, 0
            series.source.times = numbers("q", count)
        series.values = numbers("d", count)
        series.holes = True
        found.append(series)
    return sources, found
