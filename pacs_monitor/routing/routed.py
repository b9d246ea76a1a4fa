"""An alert on its way to people. Times in milliseconds since 1970; what runs off does so on the monotonic clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pacs_monitor.routing.fingerprint import fingerprint
from pacs_monitor.routing.ordering import in_group

RULES, API = "rules", "api"
"""Where alerts come from: the agent's own rules, or somebody else's Prometheus."""
GRACE = 300.0
"""Seconds after a restart in which whoever sent an alert that fired then can say that it still does."""


@dataclass(slots=True)
class RoutedAlert:
    """What a rule raised, as routes, groups and silences see it."""

    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    starts_at: int
    ends_at: int | None = None
    """None: it fires until whoever raised it says otherwise."""
    generator_url: str = ""
    origin: str = RULES
    timeout: bool = False
    """Whether `ends_at` is only when it counts as over if nothing more is heard of it."""
    updated_at: int = 0
    expires: float | None = None
    """`ends_at` on the monotonic clock: a step of the other one ends no alert."""
    began: float | None = None
    """`starts_at` on the monotonic clock, as it was when the alert was first heard of."""
    fingerprint: str = field(default="")
    silenced_by: tuple[str, ...] = ()
    inhibited_by: tuple[str, ...] = ()
    """As of the last time that its group looked."""

    def __post_init__(self) -> None:
        if not self.fingerprint:
            self.fingerprint = fingerprint(self.labels)

    def resolved(self, now: float) -> bool:
        """Whether it is over, at a time of the monotonic clock."""
        return self.expires is not None and now >= self.expires

    def age(self, now: float) -> float:
        """Seconds since it began."""
        return 0.0 if self.began is None else now - self.began

    def heard(self, wall: int, now: float, before: RoutedAlert | None = None) -> None:
        """Note that it was heard of, and since when it fires on the monotonic clock."""
        self.updated_at = wall
        known = before is not None and before.starts_at == self.starts_at
        self.began = before.began if before and known else now - max(0, wall - self.starts_at) / 1000

    def merged(self, later: RoutedAlert, now: float) -> RoutedAlert:
        """What is known once `later` was heard of the same alert; as Alertmanager, if their times overlap."""
        if not self._overlaps(later):
            return later
        made = replace(later, starts_at=min(self.starts_at, later.starts_at))
        ends, before = _end(later), _end(self)
        keeps = before > ends if later.resolved(now) and self.resolved(now) else before > ends and not self.timeout
        if keeps and not (later.resolved(now) and not self.resolved(now)):
            made.ends_at, made.expires, made.timeout = self.ends_at, self.expires, self.timeout
        return made

    def _overlaps(self, later: RoutedAlert) -> bool:
        return self.starts_at < _end(later) < _end(self) or self.starts_at < later.starts_at < _end(self)

    def to_json(self) -> dict[str, Any]:
        """What `restored` takes."""
        return {
            "labels": dict(self.labels),
            "annotations": dict(self.annotations),
            "starts_at": self.starts_at,
            "ends_at": self.ends_at,
            "generator_url": self.generator_url,
            "origin": self.origin,
            "timeout": self.timeout,
            "updated_at": self.updated_at,
        }


def restored(raw: Mapping[str, Any], wall: int, now: float) -> RoutedAlert:
    """An alert from before a restart. Raises TypeError and KeyError if it is none."""
    made = RoutedAlert(**raw)
    if made.ends_at is not None:
        # No more is left than when it was last heard of, whatever the clock says by now.
        made.expires = now + (made.ends_at - max(wall, made.updated_at)) / 1000
        if made.ends_at > made.updated_at:
            made.expires = max(made.expires, now + GRACE)
    made.began = now - max(0, wall - made.starts_at) / 1000
    return made


def sort_key(alert: RoutedAlert) -> tuple[Any, ...]:
    """The order in which alerts of a group are told."""
    return in_group(alert.labels)


def _end(alert: RoutedAlert) -> float:
    return float("inf") if alert.ends_at is None else alert.ends_at
