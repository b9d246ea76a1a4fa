"""Alerting that tells nobody is accepted with a warning.

Such a configuration is good; but nobody may believe that it is alerted because the file says so.
"""

from __future__ import annotations

from pacs_monitor.configuring.findings import Findings
from pacs_monitor.configuring.tree import Map, Scalar, below, is_null


def check_later_sections(root: Map, findings: Findings) -> None:
    """Warn of an `alerting` that tells nobody."""
    alerting = root.get("alerting")
    if isinstance(alerting, Map):
        _check_who_is_told(alerting, root, findings)


def _check_who_is_told(alerting: Map, root: Map, findings: Findings) -> None:
    engine = alerting.get("engine")
    elsewhere = not is_null(engine) and not (isinstance(engine, Scalar) and engine.text == "embedded")
    routes, notify = not is_null(alerting.get("routes")), not is_null(root.get("notify"))
    if elsewhere and (routes or notify):
        place = below(alerting, "routes") if routes else below(root, "notify")
        findings.warn(place, "is read, but nobody is told by it, as alerting.engine says who is; take one of them out")
    elif not (elsewhere or routes or notify):
        findings.warn(
            below(root, "alerting"),
            "its rules are evaluated, and alerts are shown and logged, but nobody is told of them; "
            "write notify, or name an Alertmanager file in routes",
        )
