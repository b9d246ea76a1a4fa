"""Access tokens by OAuth 2.0 client credentials (RFC 6749 4.4), kept until they expire. Blocks: for threads."""

from __future__ import annotations

import json
import threading
import time
from urllib.parse import urlencode

from pacs_monitor.check import CheckFailed
from pacs_monitor.fetching import NotAnswered, exchange, where_of
from pacs_monitor.settings import PeerSettings

MOST_BYTES = 1 << 20
EARLY = 30.0
"""Seconds before its end from which a token is not used any more."""

_kept: dict[tuple[PeerSettings, str], tuple[float, str]] = {}
_lock = threading.Lock()


def token_of(peer: PeerSettings, scope: str, seconds: float) -> str:
    """A token from the peer's token endpoint, whose `username` and `password` are the client's. Raises CheckFailed."""
    key = (peer, scope)
    with _lock:
        until, token = _kept.get(key, (0.0, ""))
    if time.monotonic() < until:
        return token
    lasts, token = _asked(peer, scope, seconds)
    with _lock:
        _kept[key] = (time.monotonic() + lasts - EARLY, token)
    return token


def forget(peer: PeerSettings, scope: str) -> None:
    """Ask anew next time: the token was not taken."""
    with _lock:
        _kept.pop((peer, scope), None)


def _asked(peer: PeerSettings, scope: str, seconds: float) -> tuple[float, str]:
    form = {"grant_type": "client_credentials", **({"scope": scope} if scope else {})}
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    where = f"the token server {where_of(peer.url)}"
    try:
        body = urlencode(form).encode()
        content = exchange(peer, seconds, method="POST", headers=headers, body=body, most=MOST_BYTES).content
        told = json.loads(content)
        token, lasts = told["access_token"], float(told.get("expires_in", 0))
    except NotAnswered as failure:
        if failure.status in (400, 401, 403):
            raise CheckFailed(
                "forbidden", f"{where} gives no token (HTTP {failure.status}); correct client_id, client_secret_file "
                f"and scope, and permit the client to use client credentials there"
            ) from None  # fmt: skip
        raise
    except (ValueError, KeyError, TypeError, AttributeError):
        token, lasts = None, 0.0
    if not isinstance(token, str) or not token.isascii() or not token.isprintable() or not token:
        raise CheckFailed("mismatch", f"{where} gives no access token; correct token_url") from None
    return lasts, token
