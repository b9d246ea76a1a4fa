"""What `pacs-monitor diagnose` prints: each step as it ends, then the verdict."""

from __future__ import annotations

import json

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pacs_monitor.diagnose import diagnose
from pacs_monitor.diagnosis import Step, Target, Verdict

_STATES = {"ok": ("ok", "green"), "failed": ("FAILED", "bold red"), "skipped": ("no", "dim")}
_SIDES = {
    "nobody": "",
    "ours": "ours",
    "the network": "the network's, between here and there",
    "the node's configuration": "the node's configuration",
    "the node's service": "the node's service",
    "DNS": "the DNS's",
}


async def run_diagnose(console: Console, target: Target, as_json: bool = False) -> int:
    """Diagnose and print; 0 if all is well, 1 if not."""
    status = 1
    if as_json:
        async for step in diagnose(target):
            console.file.write(json.dumps(step.plain()) + "\n")
            console.file.flush()
            if isinstance(step, Verdict):
                status = 0 if step.ok else 1
        return status
    with console.status("waiting for its answer ...") as waiting:
        async for step in diagnose(target):
            if isinstance(step, Verdict):
                waiting.stop()
                console.print()
                console.print(render_verdict(step))
                if not step.ok:
                    console.print(Text("\none line for the vendor:", style="bold"))
                    console.print(Text(step.vendor), soft_wrap=True)  # to be copied whole
                status = 0 if step.ok else 1
            else:
                console.print(render_step(step))
    return status


def render_step(step: Step) -> Table:
    """A step as a line: how it ended, what it is, how long it took, what was seen."""
    word, style = _STATES[step.state]
    line = Table.grid(padding=(0, 2), expand=True)
    line.add_column(width=6)
    line.add_column(width=12)
    line.add_column(width=8, justify="right")
    line.add_column(ratio=1, overflow="fold")
    name = "" if step.name == "context" else step.name.removesuffix(" (Verification alone)")
    alone = "with Verification alone: " if step.name.endswith(" (Verification alone)") else ""
    line.add_row(
        Text(word, style=style),
        Text(name, style="bold"),
        Text("" if step.seconds is None else _time(step.seconds), style="dim"),
        Text(alone + step.detail, style="dim" if step.state == "skipped" else ""),
    )
    return line


def _time(seconds: float) -> str:
    if seconds >= 1:
        return f"{seconds:.2f} s"
    return f"{seconds * 1000:.0f} ms" if seconds >= 0.01 else f"{seconds * 1000:.2f} ms"


def render_verdict(verdict: Verdict) -> Table:
    """The verdict as a block of label and text; a list is numbered."""
    block = Table.grid(padding=(0, 2), expand=True)
    block.add_column(width=13)
    block.add_column(ratio=1, overflow="fold")
    block.add_row(
        Text("ALL IS WELL" if verdict.ok else "WHAT IS WRONG", style="bold green" if verdict.ok else "bold red"),
        Text(verdict.what, style="bold"),
    )
    if _SIDES[verdict.side]:
        block.add_row(Text("whose side", style="bold"), Text(_SIDES[verdict.side]))
    for label, lines in (("likely", verdict.causes), ("try", verdict.tries)):
        for number, line in enumerate(lines, 1):
            block.add_row(Text(label if number == 1 else "", style="bold"), Text(f"{number}. {line}"))
    return block
