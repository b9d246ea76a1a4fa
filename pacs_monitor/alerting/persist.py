"""Alerts as text, for the state file: a restart neither forgets a firing alert nor begins a pending one anew."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace

from pacs_monitor.alerting.alerts import Alert
from pacs_monitor.alerting.groups import Group
from pacs_monitor.history.labels import Labels

FACT = "alerts"
"""Under which name the state file has them."""


def written(groups: Iterable[Group], now: int) -> str:
    """All alerts of all groups, as of a time in ms."""
    rows = [
        [
            *(alerts.rule.identity(group.group.name), alert.labels.pairs, dict(alert.annotations), repr(alert.value)),
            *(alert.state, alert.active_at, alert.fired_at, alert.resolved_at, alert.kept_since),
        ]
        for group in groups
        for alerts in group.alerts.values()
        for alert in alerts.active.values()
    ]
    return json.dumps({"at": now, "alerts": rows}, ensure_ascii=True, separators=(",", ":"))


def restore(text: str, groups: Iterable[Group], now: int, settle: int = 0, seen: int = 0) -> int:
    """Give the alerts back to the rules that still say the same; gives how many. Raises ValueError for another text.

    The time that the agent was away counts for no `for` and no `keep_firing_for`: nobody saw what was then. For
    `settle` ms from now, an alert that its expression does not give stays: checks may not have run yet. `seen` is until
    when the agent is known to have watched, if that is later than the text.
    """
    try:
        stored = json.loads(text)
        away, rows = max(0, now - max(int(stored["at"]), seen)), list(stored["alerts"])
        found: dict[str, list[Alert]] = {}
        for identity, pairs, annotations, value, state, active, fired, resolved, kept in rows:
            alert = Alert(
                Labels(tuple((str(name), str(one)) for name, one in pairs)), annotations, float(value), active
            )
            alert.state, alert.fired_at, alert.resolved_at = state, fired, resolved
            alert.kept_since = None if kept is None else kept + away
            alert.settles_at = now + settle if settle else None
            if state == "pending":
                alert.active_at += away
            found.setdefault(identity, []).append(alert)
    except (KeyError, TypeError) as error:
        raise ValueError(f"these are no stored alerts: {error}") from None
    count = 0
    for group in groups:
        for alerts in group.alerts.values():
            for alert in found.get(alerts.rule.identity(group.group.name), ()):
                # A rule that is there twice has the same identity twice.
                alerts.active[alert.labels] = replace(alert)
                count += 1
    return count
