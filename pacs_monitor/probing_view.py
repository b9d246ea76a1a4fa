"""What `pacs-monitor probe` prints."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pacs_monitor.probing import Probed


def milliseconds(seconds: float) -> str:
    """A latency as people read it."""
    if seconds >= 1:
        return f"{seconds:.2f} s"
    if seconds >= 0.01:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds * 1000:.2f} ms"


def counted(number: int, noun: str) -> str:
    """`1 check`, `2 checks`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def summary(probed: list[Probed]) -> str:
    """How many fail, in a sentence."""
    failed = sum(1 for one in probed if not one.ok)
    if len(probed) == 1:
        return "the check fails" if failed else "the check succeeds"
    if not failed:
        return f"all {len(probed)} checks succeed"
    return f"{failed} of {len(probed)} checks {'fails' if failed == 1 else 'fail'}"


def values(probed: list[Probed], width: int) -> Table:
    """A line for each sample. Where the labels do not fit beside the value, each has a line of its own."""
    samples = [(name, labels, f"{value:.6g}") for one in probed for name, labels, value in one.samples]
    room = width - 2 - max((len(value) for _, _, value in samples), default=0)
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column("metric", style="dim", overflow="fold")
    table.add_column("value", justify="right", no_wrap=True)
    for name, labels, value in samples:
        pairs = [f"{label}={text}" for label, text in labels.items() if text]  # an empty value is no label
        series = f"{name}{{{', '.join(pairs)}}}" if pairs else name
        if len(series) > room:
            series = "\n  ".join([name, *pairs])
        table.add_row(Text(series), value)
    return table


def show(console: Console, probed: list[Probed], detail: bool) -> None:
    """Print the failures with their sentences in full width, then everything as a table, then how many."""
    for one in probed:
        if not one.ok:
            name = f"{one.node}/{one.check}" if one.node else one.check
            console.print(Text.assemble((f"{name}: {one.reason}", "bold red"), "\n  ", one.message))
    if any(not one.ok for one in probed):
        console.print()
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("check", "", "time", "phases"):
        table.add_column(column, overflow="fold", no_wrap=column != "phases")
    for one in probed:
        phases = "  ".join(f"{phase} {milliseconds(seconds)}" for phase, seconds in one.phases.items())
        table.add_row(
            Text(f"{one.node}/{one.check}" if one.node else one.check, style="bold"),
            Text("ok", style="green") if one.ok else Text(one.reason, style="bold red"),
            milliseconds(one.duration),
            Text(phases, style="dim"),
        )
    console.print(table)
    if detail:
        console.print()
        console.print(values(probed, console.width))
    console.print(summary(probed))
