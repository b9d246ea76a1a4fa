"""Alerts, groups and silences as JSON of Alertmanager, byte for byte in its order. Safe from any thread."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from pacs_monitor.history.matchers import EQUAL, MATCH, NO_MATCH
from pacs_monitor.routing.silences import Silence
from pacs_monitor.web.alertmanager.seen import Seen

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_ESCAPED = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
_ORDER = {"active": 0, "pending": 1, "expired": 2}


def alert_json(seen: Seen, receivers: Iterable[str], muted: Iterable[str], resolve_timeout: int) -> bytes:
    """One alert; what has no end ends, as clients see it, when it would without further news."""
    alert, muted_by = seen.alert, list(muted)
    suppressed = seen.silenced_by or seen.inhibited_by or muted_by
    told: dict[str, Any] = {
        "annotations": dict(sorted(alert.annotations.items())),
        "endsAt": date_time(seen.at + resolve_timeout if alert.ends_at is None else alert.ends_at),
        "fingerprint": alert.fingerprint,
        "receivers": [{"name": name} for name in receivers],
        "startsAt": date_time(alert.starts_at),
        "status": {
            "inhibitedBy": list(seen.inhibited_by),
            "mutedBy": muted_by,
            "silencedBy": list(seen.silenced_by),
            "state": "suppressed" if suppressed else "active",
        },
        "updatedAt": date_time(alert.updated_at),
    }
    if alert.generator_url:
        told["generatorURL"] = alert.generator_url
    told["labels"] = dict(sorted(alert.labels.items()))
    return encoded(told)


def silence_json(silence: Silence, at: int) -> dict[str, Any]:
    """One silence as of a time."""
    return {
        "id": silence.id,
        "status": {"state": silence.state(at)},
        "updatedAt": date_time(silence.updated_at),
        "annotations": dict(sorted(silence.annotations.items())),
        "comment": silence.comment,
        "createdBy": silence.created_by,
        "endsAt": date_time(silence.ends_at),
        "matchers": [
            {
                "isEqual": one.op in (EQUAL, MATCH),
                "isRegex": one.op in (MATCH, NO_MATCH),
                "name": one.name,
                "value": one.value,
            }
            for one in silence.matchers
        ],
        "startsAt": date_time(silence.starts_at),
    }


def in_order(silences: Iterable[Silence], at: int) -> list[Silence]:
    """Active ones first, of them those that end first; then what comes first; then what ended last."""

    def place(one: Silence) -> tuple[int, int]:
        state = one.state(at)
        return _ORDER[state], {"active": one.ends_at, "pending": one.starts_at, "expired": -one.ends_at}[state]

    return sorted(silences, key=place)


@lru_cache(4096)
def date_time(at: int) -> str:
    """Milliseconds since 1970 as Alertmanager's API has them."""
    return f"{datetime.fromtimestamp(at // 1000, UTC):%Y-%m-%dT%H:%M:%S}.{at % 1000:03d}Z"


def encoded(told: Any) -> bytes:
    """JSON as Go writes it."""
    text = _encode(told)
    for one, escaped in _ESCAPED.items():
        if one in text:
            text = text.replace(one, escaped)
    return text.encode("utf-8", "replace")
