"""The name that Alertmanager has for an alert: a hash of its labels."""

from __future__ import annotations

from collections.abc import Mapping

_OFFSET, _PRIME, _MASK = 0xCBF29CE484222325, 0x100000001B3, 0xFFFFFFFFFFFFFFFF


def fingerprint(labels: Mapping[str, str]) -> str:
    """FNV-1a of 64 bits over names and values in order of the names, each followed by a byte 255; 16 hex digits."""
    value = _OFFSET
    for name in sorted(labels):
        for byte in name.encode() + b"\xff" + labels[name].encode() + b"\xff":
            value = ((value ^ byte) * _PRIME) & _MASK
    return f"{value:016x}"
