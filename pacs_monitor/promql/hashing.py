"""Prometheus' hash of labels, by which limit_ratio chooses series: XXH64 over names and values with their lengths.

Prometheus promises no other build the same hash. This is that of its default build from version 3 on, without the
build tags slicelabels and dedupelabels.
"""

from __future__ import annotations

import struct

from pacs_monitor.history.labels import Labels

_MASK = 2**64 - 1
_P1, _P2, _P3 = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9
_P4, _P5 = 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5
_STARTS = ((_P1 + _P2) & _MASK, _P2, 0, -_P1 & _MASK)
_LONG = 255
"""From this length on it is told in three bytes more."""


def hash_of(labels: Labels) -> int:
    """A number of 64 bits."""
    return xxh64(b"".join(_sized(text.encode()) for pair in labels.pairs for text in pair))


def _sized(text: bytes) -> bytes:
    size = len(text)
    return (bytes((size,)) if size < _LONG else b"\xff" + size.to_bytes(4, "little")[:3]) + text


def xxh64(data: bytes) -> int:
    """XXH64 with the seed 0 (https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md)."""
    long = len(data) - len(data) % 32
    found = _stripes(data[:long]) if long else _P5
    found = (found + len(data)) & _MASK
    rest = data[long:]
    words = len(rest) // 8
    for (lane,) in struct.iter_unpack("<Q", rest[: words * 8]):
        found = (_turned(found ^ _round(0, lane), 27) * _P1 + _P4) & _MASK
    rest = rest[words * 8 :]
    if len(rest) >= 4:
        found = (_turned(found ^ int.from_bytes(rest[:4], "little") * _P1 & _MASK, 23) * _P2 + _P3) & _MASK
        rest = rest[4:]
    for byte in rest:
        found = _turned(found ^ byte * _P5 & _MASK, 11) * _P1 & _MASK
    return _mixed(found)


def _stripes(data: bytes) -> int:
    """Four lanes side by side, brought together."""
    lanes = list(_STARTS)
    for stripe in struct.iter_unpack("<4Q", data):
        lanes = [_round(lane, word) for lane, word in zip(lanes, stripe, strict=True)]
    found = sum(_turned(lane, bits) for lane, bits in zip(lanes, (1, 7, 12, 18), strict=True)) & _MASK
    for lane in lanes:
        found = ((found ^ _round(0, lane)) * _P1 + _P4) & _MASK
    return found


def _round(lane: int, word: int) -> int:
    return _turned((lane + word * _P2) & _MASK, 31) * _P1 & _MASK


def _turned(value: int, bits: int) -> int:
    return (value << bits | value >> (64 - bits)) & _MASK


def _mixed(found: int) -> int:
    """Each bit of the result depends on all."""
    found = (found ^ found >> 33) * _P2 & _MASK
    found = (found ^ found >> 29) * _P3 & _MASK
    return found ^ found >> 32
