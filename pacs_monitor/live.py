"""The terminal while the agent runs: states as they are now, problems first."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from pacs_monitor.agent import Agent, run
from pacs_monitor.confirm import Confirmation, Confirmed, progress
from pacs_monitor.probing_view import counted, milliseconds
from pacs_monitor.results import Record, Results
from pacs_monitor.settings import Key

UNKNOWN, HEALTHY, FAILING, DOWN = "unknown", "healthy", "failing", "down"
_STYLES = {UNKNOWN: "dim", HEALTHY: "green", FAILING: "yellow", DOWN: "bold red"}
# Colour is never the only sign.
_SIGNS = {UNKNOWN: "?", HEALTHY: "+", FAILING: "!", DOWN: "X"}
_ORDER = {DOWN: 0, FAILING: 1, UNKNOWN: 2, HEALTHY: 3}


@dataclass(frozen=True)
class State:
    """A check's state in words: `failing 2 of 5`, `down for 3 min`."""

    word: str
    text: str
    seconds: float | None
    """For how long it has been so."""


def state_of(record: Record, confirmed: Confirmed, now: float) -> State:
    """The state of a check at a moment in Unix time."""
    since = now - confirmed.since if confirmed.healthy is not None else None
    if confirmed.healthy is False:
        return State(DOWN, f"down for {ago(since or 0)}", since)
    if record.up is False:
        return State(FAILING, progress(record, confirmed), since)
    if confirmed.healthy:
        return State(HEALTHY, f"healthy for {ago(since or 0)}", since)
    return State(UNKNOWN, "not run yet", None)


def ago(seconds: float) -> str:
    """A span of time as people say it."""
    if seconds < 90:
        return f"{max(0, round(seconds))} s"
    if seconds < 5400:
        return f"{round(seconds / 60)} min"
    if seconds < 172800:
        return f"{round(seconds / 3600)} h"
    return f"{round(seconds / 86400)} days"


class Board:
    """A rich renderable that shows all checks."""

    def __init__(self, results: Results, confirmation: Confirmation, header: str) -> None:
        self._results = results
        self._confirmation = confirmation
        self._header = header

    def __rich__(self) -> RenderableType:
        now = time.time()
        # rich asks in a thread of its own, and meanwhile a reload may take checks in or out.
        states, records = self._confirmation.states, list(self._results.records.values())
        known = [(record, confirmed) for record in records if (confirmed := states.get(record.key)) is not None]
        rows = [(record, state_of(record, confirmed, now)) for record, confirmed in known]
        rows.sort(key=lambda row: (_ORDER[row[1].word], row[0].key))
        table = Table(box=None, pad_edge=False, header_style="dim", expand=True)
        table.add_column("", no_wrap=True)
        table.add_column("check", no_wrap=True)
        table.add_column("state", no_wrap=True)
        table.add_column("last run", justify="right", no_wrap=True)
        table.add_column("what it says", ratio=1)
        for record, state in rows:
            style = _STYLES[state.word]
            node, check = record.key
            table.add_row(
                Text(_SIGNS[state.word], style=style),
                Text(f"{node}/{check}" if node else check),
                Text(state.text, style=style),
                milliseconds(record.duration) if record.runs else "",
                Text(f"{record.reason}: {record.message}" if record.reason else "", style=style),
            )
        wrong = sum(1 for _, state in rows if state.word in (DOWN, FAILING))
        summary = f"{counted(len(rows), 'check')}, {f'{wrong} with problems' if wrong else 'all well'}"
        return Group(Text(self._header), Text(""), table, Text(""), Text(summary, style="bold"))


async def show(agent: Agent, console: Console, header: str) -> int:
    """Run an agent and show its states until it ends; without a terminal, a line for each change. Its exit status.

    `{url}` in the header becomes the address of the agent's pages.
    """
    come_up = asyncio.Event()
    running = asyncio.create_task(run(agent, come_up.set))
    waiting = asyncio.create_task(come_up.wait())
    await asyncio.wait([running, waiting], return_when=asyncio.FIRST_COMPLETED)
    if running.done():
        waiting.cancel()
        return running.result()
    header = header.replace("{url}", agent.web.url)
    if console.is_terminal:
        board = Board(agent.results, agent.confirmation, header)
        with Live(board, console=console, refresh_per_second=4, vertical_overflow="crop"):
            return await running
    console.print(header)
    _tell_changes(agent, console.print)
    return await running


def _tell_changes(agent: Agent, tell: Callable[[str], None]) -> None:
    told: dict[Key, str] = {}

    def changed(record: Record) -> None:
        state = state_of(record, agent.confirmation.states[record.key], record.last_run or 0.0)
        short = state.text.partition(" for ")[0]
        if told.get(record.key) != short:
            told[record.key] = short
            name = "/".join(part for part in record.key if part)
            tell(f"{name} {short}" + (f": {record.reason}: {record.message}" if record.reason else ""))

    agent.results.listeners.append(changed)
