"""Sections that this version reads and does not use yet: a warning for each, and complaints as far as they can be told.

A configuration with them is good; but nobody may believe that it is alerted because the file says so.
"""

from __future__ import annotations

import glob
from pathlib import Path

from pacs_monitor.configuring.filling import resolve
from pacs_monitor.configuring.findings import Findings
from pacs_monitor.configuring.tree import Items, Map, Scalar, below, is_null

READ_LATER = ("notify", "people", "on_call")
"""Sections whose settings are not known yet: kept as typed, in `Configuration.raw` and `Configuration.trees`."""

_UNUSED = {
    "scp": "is read and checked, but this version has no listener of its own; leave it out until one does",
    "alerting": "is read and checked, but this version evaluates no rules and sends no alerts; "
    "until one does, have Prometheus and Alertmanager do it",
    "notify": "is read, but this version notifies nobody; until one does, have Alertmanager do it",
    "people": "is read, but nothing uses it in this version; leave it out until one does",
    "on_call": "is read, but nothing uses it in this version; leave it out until one does",
}
_BUILTIN = "builtin"


def check_later_sections(root: Map, findings: Findings) -> None:
    """Warn of sections that nothing uses yet, and complain of files that they name and that are not there."""
    for section, message in _UNUSED.items():
        if not is_null(root.get(section)):
            findings.warn(below(root, section), message)
    alerting = root.get("alerting")
    if isinstance(alerting, Map):
        _check_rules(alerting, findings)
        _check_routes(alerting, root, findings)


def _check_rules(alerting: Map, findings: Findings) -> None:
    rules = alerting.get("rules")
    for item in rules.items if isinstance(rules, Items) else ():
        if not isinstance(item, Scalar) or not item.text or item.text == _BUILTIN:
            continue
        path, folder = resolve(item), Path(item.file).parent
        names = glob.iglob(item.text, root_dir=folder, recursive=True)  # noqa: PTH207 - Path.glob takes no absolute one
        found = (folder / name for name in names)
        if path.is_file() or any(each.is_file() for each in found):
            continue
        if path.is_dir():
            findings.complain(item, f"{path} is a folder; name its files, as in {path}/*.yml")
        elif glob.has_magic(item.text):
            findings.complain(item, f"no file matches {path}; check the name")
        else:
            findings.complain(item, f"there is no file {path}; check the name")


def _check_routes(alerting: Map, root: Map, findings: Findings) -> None:
    named = alerting.get("routes")
    if not isinstance(named, Scalar) or not named.text:
        return
    place = below(alerting, "routes")
    if not resolve(named).is_file():
        findings.complain(place, f"there is no file {resolve(named)}; check the name")
    elif not is_null(root.get("notify")):
        findings.complain(place, "an Alertmanager file and `notify` both say who is told; keep one of the two")
