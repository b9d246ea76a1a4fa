"""What `status` and `maintenance list` print."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pacs_monitor.alerts_view import STYLES
from pacs_monitor.notify.headline import SEVERITIES
from pacs_monitor.notify.plain import one_line
from pacs_monitor.wording import ago, clock

MOST_DOWN = 15
"""Lines, so that all fits one screen."""
_WORDS = ("down", "failing", "unknown", "healthy")


def show(console: Console, told: Mapping[str, Any]) -> None:
    """One screen."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, text in _lines(told):
        table.add_row(name, text)
    console.print(table)


def _lines(told: Mapping[str, Any]) -> Iterator[tuple[str, Text]]:
    yield "agent", Text(f"{told['version']} at {told['site']}, runs for {ago(told['startedAt'])}")
    for problem in told["problems"]:
        yield "", Text(one_line(problem), style="red")
    counts = ", ".join(f"{told['checks'][word]} {word}" for word in _WORDS if told["checks"].get(word))
    yield "checks", Text(f"{counts or 'none'}, of {told['nodes']} nodes")
    for number, down in enumerate(told["down"][:MOST_DOWN]):
        yield "down" if not number else "", _down(down)
    if told["downCount"] > MOST_DOWN:
        yield "", Text(f"and {told['downCount'] - MOST_DOWN} more")
    if told["drained"]:
        yield "drained", Text(", ".join(told["drained"]))
    if told["maintained"]:
        yield "maintenance", Text(", ".join(told["maintained"]))
    if told["alerting"] is None:
        yield "alerts", _by_severity(told["untold"]["firing"])
        yield "", Text(one_line(told["untold"]["why"], 1000))
    else:
        yield from _alerting(told["alerting"])


def _down(down: Mapping[str, Any]) -> Text:
    place = "/".join(filter(None, (down["node"], down["check"])))
    text = Text(f"{place} for {ago(down['since'])}", style="" if down["suppressedBy"] else "red")
    suppressed = f" ({', '.join(down['suppressedBy'])})" if down["suppressedBy"] else ""
    return text.append(f"{suppressed}: {one_line(down['message'] or down['reason'], 200)}", style="")


def _alerting(told: Mapping[str, Any]) -> Iterator[tuple[str, Text]]:
    yield "alerts", _by_severity(told["firing"], sum(told["quiet"].values()))
    if told["silences"]:
        yield "silences", Text(str(told["silences"]))
    box = told["outbox"]
    since = f", the oldest since {clock(box['oldest'])}" if box["oldest"] else ""
    yield "outbox", Text(f"{box['waiting']} waiting{since}" if box["waiting"] else "empty")
    for one in box["failing"][:MOST_DOWN]:
        whom = f"{one['count']} for {one['receiver']} ({one['integration']})"
        yield "", Text(f"{whom}: {one_line(one['error'], 200)}", style="red")
    if due := told["nextFlush"]:
        yield "next", Text(f"{clock(due['at'])}, {due['receiver']} is told of {one_line(due['group'], 100)}")


def _by_severity(firing: Mapping[str, int], quiet: int = 0) -> Text:
    text = Text()
    for severity in sorted(firing, key=_rank):
        text.append(f"{firing[severity]} {severity or 'without severity'}  ", style=STYLES.get(severity, ""))
    if quiet:
        text.append(f"{quiet} silenced, inhibited or acknowledged", style="dim")
    return text or Text("none")


def _rank(severity: str) -> int:
    return SEVERITIES.index(severity) if severity in SEVERITIES else len(SEVERITIES)


def show_maintenance(console: Console, found: Sequence[Mapping[str, Any]]) -> None:
    """A line for each node."""
    if not found:
        console.print("no maintenance is in force")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("node", "until", "by", "comment"):
        table.add_column(column, overflow="fold")
    for one in found:
        until = clock(one["until"]) if one["until"] else ""
        by = f"configuration: {one['plan']}" if one["plan"] else one["by"]
        table.add_row(*(Text(one_line(cell)) for cell in (one["node"], until, by, one["comment"])))
    console.print(table)
