"""Writes samples into a running Prometheus by its remote-write receiver (`--web.enable-remote-write-receiver`).

The message is protobuf in a snappy block, both made by hand: a block may hold its bytes uncompressed.
"""

import struct
from collections.abc import Iterable, Mapping

import requests

from pacs_monitor.history.series import is_stale

Samples = Iterable[tuple[int, float]]
"""Times in ms since 1970, rising, and values; STALE ends the series."""

_STALE = struct.pack("<Q", 0x7FF0_0000_0000_0002)  # the NaN that Prometheus takes for the mark of a series' end
_LITERAL = 0xF4  # two bytes of length follow, then that many bytes plus one as they are
_MOST_LITERAL = 1 << 16
_BYTES = 2  # protobuf's wire types
_DOUBLE = 1
_VARINT = 0


def remote_write(url: str, series: Iterable[tuple[Mapping[str, str], Samples]]) -> None:
    """Write series by their labels (`__name__` is one). requests.HTTPError, in Prometheus' words, if it refuses."""
    message = b"".join(_field(1, _time_series(labels, samples)) for labels, samples in series)
    headers = {
        "Content-Encoding": "snappy",
        "Content-Type": "application/x-protobuf",
        "X-Prometheus-Remote-Write-Version": "0.1.0",
    }
    answer = requests.post(f"{url}/api/v1/write", data=_snappy(message), headers=headers, timeout=60)
    if not answer.ok:
        raise requests.HTTPError(answer.text, response=answer)


def _time_series(labels: Mapping[str, str], samples: Samples) -> bytes:
    pairs = sorted(labels.items())
    return b"".join(
        _field(1, _field(1, name.encode()) + _field(2, value.encode())) for name, value in pairs
    ) + b"".join(_field(2, _sample(at, value)) for at, value in samples)


def _sample(at: int, value: float) -> bytes:
    bits = _STALE if is_stale(value) else struct.pack("<d", value)
    return bytes([1 << 3 | _DOUBLE]) + bits + bytes([2 << 3 | _VARINT]) + _varint(at)


def _field(number: int, content: bytes) -> bytes:
    return bytes([number << 3 | _BYTES]) + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    out = bytearray()
    number &= (1 << 64) - 1  # as protobuf writes what is negative
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _snappy(content: bytes) -> bytes:
    pieces = [content[at : at + _MOST_LITERAL] for at in range(0, len(content), _MOST_LITERAL)]
    return _varint(len(content)) + b"".join(
        bytes([_LITERAL]) + struct.pack("<H", len(piece) - 1) + piece for piece in pieces
    )
