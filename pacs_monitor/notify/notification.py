"""What is told: the alerts of a group as one receiver is to hear of them. Times in milliseconds since 1970."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

NEVER = "0001-01-01T00:00:00Z"
"""What Alertmanager says for the end of an alert that fires."""


FAILURES = (
    "dns",
    "refused",
    "unreachable",
    "timeout",
    "tls",
    "aborted",
    "auth",
    "busy",
    "rejected",
    "mismatch",
    "secret",
    "broken",
)
"""Why a notification was not taken: `busy` asks for patience, `rejected` is a no, `mismatch` is no answer of the kind
that belongs there, `secret` a password that cannot be read, and `broken` a fault of the agent."""


class DeliveryFailed(Exception):
    """A receiver did not take a notification; the sentence says why, and never what was in it."""

    def __init__(
        self,
        reason: str,
        message: str,
        retry: bool = True,
        after: float | None = None,
        delivered: tuple[str, ...] = (),
    ) -> None:
        """`reason` is one of FAILURES, for metrics; `after` are the seconds that the receiver asks us to wait."""
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.retry = retry
        """Whether another try makes sense before somebody has changed something."""
        self.after = after
        self.delivered = delivered
        """Addresses that have it all the same, those of earlier tries too: hand them to the next try."""


@dataclass(frozen=True, slots=True)
class ToldAlert:
    """One alert as it is told."""

    status: Literal["firing", "resolved"]
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    starts_at: int
    ends_at: int | None
    """None while it fires."""
    generator_url: str
    fingerprint: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What the agent knows of the check when this was put together; see `facts_of`."""
    late: bool = False
    """Whether it began and ended while this receiver could not be reached."""
    new: bool = False
    """Whether this receiver has not yet been told that it fires, or that it has ended."""


@dataclass(frozen=True, slots=True)
class Notification:
    """The alerts of a group for one integration of a receiver."""

    key: str
    """Stays the same for all attempts to deliver it, so that a receiver can tell a repeat."""
    receiver: str
    integration: str
    group_key: str
    group_labels: Mapping[str, str]
    alerts: tuple[ToldAlert, ...]
    external_url: str = ""
    queued_at: int = 0
    """When it was first put into the outbox."""
    reason: str = "new"
    """Why it is sent: `new`, `changed`, `resolved`, `repeat`, `escalation`, `digest`, `reminder` of a
    silence that ends, `test`, `late`."""
    unsaved: bool = False
    """Whether it is sent from memory, as the state file could not be written: it may come twice, or not again."""
    note: str = ""
    """A sentence to stand above all others, such as whom it could not be delivered to."""
    told: tuple[str, ...] = ()
    """Who was told before, in words; for mails."""
    next_step: str = ""
    """What happens next if nobody acknowledges, in words."""
    links: Mapping[str, str] = field(default_factory=dict)
    """Such as `acknowledge`."""

    @property
    def status(self) -> Literal["firing", "resolved"]:
        """Firing if any alert is."""
        return "firing" if any(alert.status == "firing" for alert in self.alerts) else "resolved"

    @property
    def common_labels(self) -> dict[str, str]:
        """Those that all alerts have with the same value."""
        return _common(alert.labels for alert in self.alerts)

    @property
    def common_annotations(self) -> dict[str, str]:
        """As of labels."""
        return _common(alert.annotations for alert in self.alerts)

    def to_json(self) -> str:
        """One line of text from which `from_json` makes the same."""
        return json.dumps(asdict(self), ensure_ascii=False, separators=(",", ":"))


def from_json(text: str) -> Notification:
    """Raises ValueError, KeyError and TypeError if it is none."""
    raw = json.loads(text)
    alerts = tuple(ToldAlert(**alert) for alert in raw.pop("alerts"))
    told = tuple(raw.pop("told"))
    return Notification(alerts=alerts, told=told, **raw)


def alertmanager_json(notification: Notification, max_alerts: int = 0) -> dict[str, Any]:
    """Version 4 of what Alertmanager posts."""
    alerts = notification.alerts[:max_alerts] if max_alerts else notification.alerts
    return {
        "receiver": notification.receiver,
        "status": notification.status,
        "alerts": [_alert(alert) for alert in alerts],
        "groupLabels": dict(sorted(notification.group_labels.items())),
        "commonLabels": notification.common_labels,
        "commonAnnotations": notification.common_annotations,
        "externalURL": notification.external_url,
        "version": "4",
        "groupKey": notification.group_key,
        "truncatedAlerts": len(notification.alerts) - len(alerts),
    }


def rfc3339(at: int | None) -> str:
    """A moment as JSON of Alertmanager has it, in UTC."""
    if at is None:
        return NEVER
    text = datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    fraction = f".{at % 1000:03d}".rstrip("0").rstrip(".")
    return f"{text}{fraction}Z"


def _alert(alert: ToldAlert) -> dict[str, Any]:
    return {
        "status": alert.status,
        "labels": dict(sorted(alert.labels.items())),
        "annotations": dict(sorted(alert.annotations.items())),
        "startsAt": rfc3339(alert.starts_at),
        "endsAt": rfc3339(alert.ends_at),
        "generatorURL": alert.generator_url,
        "fingerprint": alert.fingerprint,
    }


def _common(every: Iterable[Mapping[str, str]]) -> dict[str, str]:
    found: dict[str, str] | None = None
    for one in every:
        found = dict(one) if found is None else {name: text for name, text in found.items() if one.get(name) == text}
    return dict(sorted((found or {}).items()))
