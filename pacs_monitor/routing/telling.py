"""Whether a group's alerts are to be told again: compared with what was told before, as Alertmanager compares."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pacs_monitor.notify.notification import ToldAlert
from pacs_monitor.routing.routed import RoutedAlert
from pacs_monitor.routing.stages import Moment

Why = Literal["", "new", "changed", "resolved", "repeat"]


@dataclass(slots=True)
class Entry:
    """What one integration was last told of a group. Times in milliseconds since 1970."""

    firing: frozenset[str] = frozenset()
    """Fingerprints."""
    resolved: frozenset[str] = frozenset()
    queued_at: int = 0
    """When that went into the outbox, with this in one transaction: what is there will be delivered."""
    delivered_at: int | None = None
    """When the receiver last took something of this group."""
    told_since: float = 0.0
    """`queued_at` on the monotonic clock."""
    attempts: list[dict[str, Any]] = field(default_factory=list)
    """The last ones to deliver it: `at`, `took`, `answer`, and `reason` of a failure."""

    def to_json(self) -> dict[str, Any]:
        """What `restored` takes."""
        return {
            "firing": sorted(self.firing),
            "resolved": sorted(self.resolved),
            "queued_at": self.queued_at,
            "delivered_at": self.delivered_at,
            "attempts": self.attempts,
        }


def restored(raw: Mapping[str, Any], wall: int, now: float) -> Entry:
    """An entry from before a restart. Raises TypeError and KeyError if it is none."""
    return Entry(
        firing=frozenset(raw["firing"]),
        resolved=frozenset(raw["resolved"]),
        queued_at=raw["queued_at"],
        delivered_at=raw["delivered_at"],
        told_since=now - max(0, wall - raw["queued_at"]) / 1000,
        attempts=list(raw["attempts"]),
    )


def why(
    entry: Entry | None,
    firing: Iterable[str],
    resolved: Iterable[str],
    *,
    send_resolved: bool,
    repeat: float,
    now: float,
) -> Why:
    """Why a receiver is to hear of the alerts that fire and are over; "" if it knows. `repeat` is in seconds."""
    burning, over = frozenset(firing), frozenset(resolved)
    if entry is None:
        return "new" if burning else ""
    if not burning <= entry.firing:
        return "changed" if entry.firing else "new"
    if not burning:
        return "resolved" if entry.firing else ""
    if send_resolved and not over <= entry.resolved:
        return "resolved"
    return "repeat" if now - entry.told_since > repeat else ""


def heard_elsewhere(
    why: str, before: Entry | None, now: Entry, others: Iterable[Entry], *, repeat: float, at: float
) -> bool:
    """Whether the same integration was told this by another step of the same rule; `repeat` is in seconds."""
    if before is None or why not in ("resolved", "repeat"):
        return False
    over = now.resolved - before.resolved
    for other in others:
        if not now.firing <= other.firing:
            continue
        if why == "repeat" and at - other.told_since <= repeat:
            return True
        if why == "resolved" and over <= other.resolved and other.told_since >= before.told_since:
            return True
    return False


def fingerprints(alerts: Iterable[RoutedAlert]) -> frozenset[str]:
    """Those of all."""
    return frozenset(alert.fingerprint for alert in alerts)


def as_told(alert: RoutedAlert, before: Entry | None, at: Moment) -> ToldAlert:
    """An alert as it is by then; `before` is what its receiver was told last."""
    over = alert.resolved(at.mono)
    known = (before.resolved if over else before.firing) if before is not None else frozenset()
    return ToldAlert(
        status="resolved" if over else "firing",
        labels=alert.labels,
        annotations=alert.annotations,
        starts_at=alert.starts_at,
        ends_at=alert.ends_at if over else None,
        generator_url=alert.generator_url,
        fingerprint=alert.fingerprint,
        new=alert.fingerprint not in known,
    )
