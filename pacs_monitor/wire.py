"""The pipe between the main process and a worker: length, then a marshalled tuple that begins with its kind.

marshal carries a result for a tenth of what pickled dataclasses cost, and both ends are always the same Python.
"""

from __future__ import annotations

import marshal
from collections.abc import Iterator
from typing import Any

# From a worker.
RESULT = 0
"""(RESULT, check, started, duration, lateness, reason, message, series, value, series, value, ...)"""
DEFINE = 1
"""(DEFINE, series, check, metric name, label values): what a number means among this check's series"""
BEAT = 2
"""(BEAT, abandoned threads, DNS failures, missed rounds, clock steps): all but the first since the worker's start"""
REMEMBER = 3
"""(REMEMBER, request, check, key, JSON text, keep) or JSON text None to forget"""
BROKEN = 4
"""(BROKEN, check, place, sentence): a check that could not be started"""
PROBED = 5
"""(PROBED, request, started, duration, reason, message, ((metric name, label names, label values, value), ...))"""
REPLACE = 6
"""(REPLACE, why): the worker asks to be replaced"""
SKIPPED = 7
"""(SKIPPED, check, why): a due run that was not started"""
STOPPED = 8
"""(STOPPED,): all associations are released, nothing more comes"""

# To a worker.
LOAD = 100
"""(LOAD, pickled list of Orders)"""
DROP = 101
"""(DROP, (check, ...))"""
COMMITTED = 102
"""(COMMITTED, request, error or "")"""
PROBE = 103
"""(PROBE, request, check)"""
STOP = 104
"""(STOP, seconds that runs under way have to end by themselves); a second one may cut that short"""

_HEADER = 4
LONGEST = 64 << 20


def pack(message: tuple[Any, ...]) -> bytes:
    """A message as it goes over the pipe. Raises ValueError for what marshal does not know, or for too much."""
    body = marshal.dumps(message)
    if len(body) > LONGEST:
        raise ValueError("a message longer than any of ours")
    return len(body).to_bytes(_HEADER, "little") + body


class Unpacker:
    """Messages from bytes as they come."""

    __slots__ = ("_buffer",)

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[tuple[Any, ...]]:
        """The messages that are complete now. Raises ValueError for what neither end of ours sends."""
        buffer = self._buffer
        buffer += data
        start, size = 0, len(buffer)
        try:
            while size - start >= _HEADER:
                length = int.from_bytes(buffer[start : start + _HEADER], "little")
                if length > LONGEST:
                    raise ValueError("a message longer than any of ours")
                end = start + _HEADER + length
                if end > size:
                    break
                body, start = buffer[start + _HEADER : end], end
                yield _message(body)
        finally:
            del buffer[:start]


def _message(body: bytearray) -> tuple[Any, ...]:
    try:
        message = marshal.loads(body)
    except (EOFError, TypeError, ValueError) as error:
        raise ValueError("a message that is none") from error
    if not isinstance(message, tuple) or not message:
        raise ValueError("a message that is none")
    return message
