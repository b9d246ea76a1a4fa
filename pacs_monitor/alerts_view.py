"""What `alerts`, `ack` and `silence list` print."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pacs_monitor.notify.plain import one_line
from pacs_monitor.wording import clock, lasting

STYLES = {"critical": "bold red", "warning": "yellow", "info": "cyan"}


def name_of(labels: Mapping[str, str]) -> str:
    """An alert in short: what, and of what."""
    return one_line(" ".join(filter(None, (labels.get("alertname", ""), place_of(labels)))), 120)


def place_of(labels: Mapping[str, str]) -> str:
    """Node and check."""
    return one_line("/".join(filter(None, (labels.get("node", ""), labels.get("check", "")))), 60)


def show(console: Console, alerts: Sequence[Mapping[str, Any]]) -> None:
    """A line for each."""
    if not alerts:
        console.print("nothing fires")
        return
    table = _table("severity", "alert", "node", "for", "state", "fingerprint")
    for alert in alerts:
        labels = alert["labels"]
        severity = one_line(labels.get("severity", ""), 20)
        name, state = one_line(labels.get("alertname", ""), 60), state_of(alert)
        lasts = lasting(alert["startsAt"]).removeprefix("for ")
        cells = (severity, name, place_of(labels), lasts, state, alert["fingerprint"][:8])
        style = STYLES.get(severity, "") if state == "firing" else "dim"
        table.add_row(*(Text(cell, style=style if place == 0 else "") for place, cell in enumerate(cells)))
    console.print(table)


def state_of(alert: Mapping[str, Any]) -> str:
    """`firing`, or what is known of it."""
    told = []
    if ack := alert["acknowledged"]:
        told.append(f"acknowledged by {ack['by']}{_because(ack['comment'])}")
    for one in alert["silencedBy"]:
        told.append(f"silenced by {one['createdBy']} until {clock(one['endsAt'])}{_because(one['comment'])}")
    told += [f"inhibited by {one['alertname'] or one['fingerprint']}" for one in alert["inhibitedBy"]]
    told += [f"muted: {one}" for one in alert["mutedBy"]]
    return one_line("; ".join(told), 200) or "firing"


def show_candidates(console: Console, alerts: Sequence[Mapping[str, Any]], count: int) -> None:
    """Those that one may have meant."""
    table = _table("fingerprint", "labels")
    for alert in alerts:
        labels = ", ".join(f"{name}={value}" for name, value in alert["labels"].items())
        table.add_row(Text(alert["fingerprint"]), Text(one_line(labels, 200)))
    console.print(table)
    if count > len(alerts):
        console.print(f"and {count - len(alerts)} more")


def show_silences(console: Console, silences: Sequence[Mapping[str, Any]]) -> None:
    """A line for each."""
    if not silences:
        console.print("no silences")
        return
    table = _table("id", "matchers", "until", "by", "comment")
    for one in silences:
        state = one["status"]["state"]
        until = clock(one["endsAt"]) if state != "expired" else f"expired {clock(one['endsAt'])}"
        starts = f"from {clock(one['startsAt'])} " if state == "pending" else ""
        matchers = " ".join(map(matcher_of, one["matchers"]))
        cells = (
            one["id"],
            one_line(matchers),
            starts + until,
            one_line(one["createdBy"], 40),
            one_line(one["comment"]),
        )
        table.add_row(*map(Text, cells))
    console.print(table)


def matcher_of(raw: Mapping[str, Any]) -> str:
    """One as it is written."""
    operator = ("=~" if raw["isEqual"] else "!~") if raw["isRegex"] else ("=" if raw["isEqual"] else "!=")
    return f'{raw["name"]}{operator}"{raw["value"]}"'


def _because(comment: str) -> str:
    return f": {comment}" if comment else ""


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        fixed = column in ("fingerprint", "severity", "for", "id")
        table.add_column(column, no_wrap=fixed, overflow="fold")
    return table
