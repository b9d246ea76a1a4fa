"""What `pacs-monitor diagnose` prints: each step as it ends, then the verdict."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator

from rich.console import Console
from rich.text import Text

from pacs_monitor.diagnosing.diagnosis import Step, Target, Verdict
from pacs_monitor.diagnosing.storing import Store
from pacs_monitor.diagnosing.tracing import Trace
from pacs_monitor.diagnosing.walk import diagnose

_STATES = {"ok": ("ok", "green"), "failed": ("FAILED", "bold red"), "skipped": ("no", "dim")}
_SIDES = {
    "nobody": "",
    "ours": "ours",
    "the network": "the network's, between here and there",
    "the node's configuration": "the node's configuration",
    "the node's service": "the node's service",
    "DNS": "the DNS's",
}
_BESIDE_STEP, _BESIDE_LABEL = 31, 15
"""Columns of what stands before the text of a step, and of a line of the verdict."""


async def run_diagnose(
    console: Console, target: Target, as_json: bool = False, trace: Trace | None = None, store: Store | None = None
) -> int:
    """Diagnose and print; 0 if the node answers C-ECHO, 1 if not."""
    status = 1
    if as_json:
        async for each in diagnose(target, trace=trace, store=store):
            console.file.write(json.dumps(each.plain()) + "\n")
            console.file.flush()
            if isinstance(each, Verdict):
                status = 0 if each.ok else 1
        return status
    with console.status("waiting for its answer ...") as waiting:
        async for each in diagnose(target, trace=trace, store=store):
            if isinstance(each, Step):
                _print(console, [render_step(each, console.width)])
                continue
            waiting.stop()
            _print(console, ["", *render_verdict(each, console.width)])
            if each.side != "nobody":
                _print(console, [Text("\none line for the vendor:", style="bold"), each.vendor])  # to be copied whole
            status = 0 if each.ok else 1
    return status


def _print(console: Console, lines: list[Text | str]) -> None:
    for line in lines:
        console.print(line, soft_wrap=True, markup=False, highlight=False)


def render_step(step: Step, width: int) -> Text:
    """A step in a line or more: how it ended, what it is, how long it took, what was seen."""
    word, style = _STATES[step.state]
    name, detail = step.name, step.detail
    if name == "context":
        name, _, detail = detail.partition(": ")
    elif step.alone:
        detail = f"with Verification alone: {detail}"
    seconds = "" if step.seconds is None else _time(step.seconds)
    beside = f"{name:<{_BESIDE_STEP - 10 - len(seconds)}}{seconds}"
    text = _beside(detail, width, _BESIDE_STEP)
    faint = "dim" if step.state == "skipped" else ""
    return Text.assemble((f"{word:<8}", style), (beside, faint or "bold"), "  ", (text, faint))


def _beside(text: str, width: int, columns: int, indent: int = 0) -> str:
    """Text wrapped so that it stands beside what takes so many columns."""
    lines = textwrap.wrap(text, max(20, width - columns - indent), break_on_hyphens=False) or [""]
    return f"\n{' ' * (columns + indent)}".join(lines)


def _time(seconds: float) -> str:
    if seconds >= 1:
        return f"{seconds:.2f} s"
    return f"{seconds * 1000:.0f} ms" if seconds >= 0.01 else f"{seconds * 1000:.2f} ms"


def render_verdict(verdict: Verdict, width: int) -> list[Text | str]:
    """The verdict as a block of label and text; a list is numbered."""
    heading, style = "WHAT IS WRONG", "bold red"
    if verdict.ok:
        heading, style = ("ALL IS WELL", "bold green") if verdict.side == "nobody" else ("IT ANSWERS", "bold yellow")
    lines: list[Text | str] = [_line(heading, style, _beside(verdict.what, width, _BESIDE_LABEL), "bold")]
    if _SIDES[verdict.side]:
        lines.append(_line("whose side", "bold", _SIDES[verdict.side]))
    for label, texts in (("likely", verdict.causes), ("try", verdict.tries)):
        lines += _numbered(label, texts, width)
    return lines


def _numbered(label: str, texts: tuple[str, ...], width: int) -> Iterator[Text]:
    for number, text in enumerate(texts, 1):
        beside = f"{number}. {_beside(text, width, _BESIDE_LABEL, indent=3)}"
        yield _line(label if number == 1 else "", "bold", beside)


def _line(label: str, style: str, text: str, text_style: str = "") -> Text:
    return Text.assemble((f"{label:<{_BESIDE_LABEL}}", style), (text, text_style))
