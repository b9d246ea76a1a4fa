"""Proof that a post is from us: HMAC-SHA256 over the time and the body."""

from __future__ import annotations

import hashlib
import hmac

TIMESTAMP, SIGNATURE = "X-Pacs-Monitor-Timestamp", "X-Pacs-Monitor-Signature"


def sign(key: str, timestamp: str, body: bytes) -> str:
    """The signature of `timestamp.body`, as the header has it."""
    return "sha256=" + hmac.new(key.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def verifies(key: str, timestamp: str, body: bytes, signature: str, now: float, tolerance: float = 300.0) -> bool:
    """Whether a post that arrived now is from whoever has the key, and not an old one once more."""
    fresh = timestamp.isascii() and timestamp.isdigit() and abs(now - int(timestamp)) <= tolerance
    return fresh and hmac.compare_digest(sign(key, timestamp, body).encode(), signature.encode())
