"""The Alertmanager file that the section `alerting` names."""

from __future__ import annotations

from pacs_monitor.configuring.filling import resolve
from pacs_monitor.configuring.findings import Findings
from pacs_monitor.configuring.tree import Map, Place, Scalar, below, is_null
from pacs_monitor.routing.definitions import Routing
from pacs_monitor.routing.routefile import read_routes


def load_routes(root: Map, findings: Findings) -> Routing | None:
    """What it says; None without one or after a complaint, which goes to the findings."""
    alerting = root.get("alerting")
    named = alerting.get("routes") if isinstance(alerting, Map) else None
    if not isinstance(named, Scalar) or not named.text or "\x00" in named.text:
        return None
    assert isinstance(alerting, Map)
    place = below(alerting, "routes")
    path = resolve(named)
    findings.read(path)
    if not path.is_file():
        findings.complain(place, f"there is no file {path}; check the name")
        return None
    if not is_null(root.get("notify")):
        findings.complain(place, "an Alertmanager file and `notify` both say who is told; keep one of the two")
    read = read_routes(path)
    for file in read.files:
        findings.read(file)
    findings.hidden.update(dict.fromkeys(read.secrets, "(hidden)"))
    findings.extend(read.complaints)
    for told in read.warnings:
        findings.warn(Place(told.file, told.line, told.setting), told.message)
    return read.routing
