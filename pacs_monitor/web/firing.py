"""The alerts that fire, as the page at `/` shows them: worst first."""

from __future__ import annotations

from dataclasses import dataclass

from pacs_monitor.alerting.alerts import Alert
from pacs_monitor.web.core import Core
from pacs_monitor.web.spans import span

MOST_ALERTS = 50
_WORST_FIRST = {"critical": 0, "warning": 1, "info": 2}
_OTHER = 3
_ALWAYS = "none"
"""The severity of an alert that fires as long as all is well."""


@dataclass(frozen=True)
class FiringRow:
    """One alert that fires."""

    severity: str
    name: str
    says: str
    """Its summary; its labels without one."""
    span: str
    handled: str
    """Who has taken it on, or that it is silenced; "" if it is told as usual."""


def firing(core: Core) -> tuple[list[FiringRow], int]:
    """The first ones, and how many more there are."""
    found = [one for one in core.alerting.alerts if one.state == "firing" and one.labels.get("severity") != _ALWAYS]
    found.sort(key=lambda one: (_rank(one), one.fired_at or 0, repr(one.labels)))
    rows = [_row(core, alert) for alert in found[:MOST_ALERTS]]
    return rows, max(0, len(found) - MOST_ALERTS)


def _rank(alert: Alert) -> int:
    return _WORST_FIRST.get(alert.labels.get("severity"), _OTHER)


def _row(core: Core, alert: Alert) -> FiringRow:
    since = (alert.fired_at or alert.active_at) / 1000
    return FiringRow(
        severity=alert.labels.get("severity") or "alert",
        name=alert.labels.get("alertname"),
        says=alert.annotations.get("summary") or repr(alert.labels),
        span=span(core.wall() - since),
        handled=core.routes.handled(alert.labels.as_dict()),
    )
