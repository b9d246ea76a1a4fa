"""A configuration with people, as the tests here begin with."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from pacs_monitor.config import load
from pacs_monitor.routing.definitions import Routing
from pacs_monitor.settings import ConfigError, Configuration

BUCHAREST = ZoneInfo("Europe/Bucharest")
HEAD = """\
site: north
time_zone: Europe/Bucharest
external_url: https://pacsmon.north.example
hours: {clinic: {days: mon-fri, from: "07:00", to: "20:00", closed: [2026-01-06]}}
checks: [{disk: {path: /}}]
"""
PEOPLE = """\
people:
  ana: {email: ana@north.example, pager: 5551@sms.north.example}
  dan: {email: dan@north.example, pager: 5552@sms.north.example}
  eva: {name: Dr. Eva Ro, email: eva@north.example, language: de}
on_call:
  pacs: {rotation: [ana, dan], changes: monday 08:00, starts: 2026-01-05}
"""
SMTP = "notify:\n  smtp: {host: mail.north.example, from: pacsmon@north.example}\n"
RULES = """\
  rules:
    - severity: critical
      to: on_call.pacs
      by: [pager, email]
      escalate: [{after: 10m, to: next}, {after: 30m, to: everyone}]
    - {severity: warning, to: on_call.pacs, hours: clinic}
    - {severity: info, to: ana, digest: "07:30"}
"""


def configured(folder: Path, text: str) -> Configuration:
    """Raises ConfigError."""
    path = folder / "pacs-monitor.yml"
    path.write_text(text)
    return load(path, {} if "checks:" not in text else None)


def routed(folder: Path, text: str = HEAD + PEOPLE + SMTP + RULES) -> Routing:
    routing = configured(folder, text).routing
    assert routing is not None
    return routing


def complaints(folder: Path, text: str) -> list[str]:
    """What is wrong with a configuration, without the folder."""
    try:
        configured(folder, text)
    except ConfigError as error:
        return [str(one).removeprefix(f"{folder}/") for one in error.complaints]
    return []


def warnings(folder: Path, text: str) -> list[str]:
    return [str(one).removeprefix(f"{folder}/") for one in configured(folder, text).warnings]


def at(text: str) -> int:
    """Milliseconds since 1970 of a time in Bucharest."""
    return round(datetime.fromisoformat(text).replace(tzinfo=BUCHAREST).timestamp() * 1000)
