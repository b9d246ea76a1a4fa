"""Commands on what nodes are compared with: `pacs-monitor baseline accept`, `show`."""

from __future__ import annotations

import json
from typing import Annotated, Any
from urllib.parse import quote

import typer

from pacs_monitor.console import DEFAULT_CONFIG, ConfigOption, JsonOption

baseline = typer.Typer(help="What a node is compared with: show, accept.", no_args_is_help=True)
NodeArgument = Annotated[str, typer.Argument(help="The node.")]


@baseline.callback()
def _baseline() -> None:
    """What a node is compared with: show, accept."""


@baseline.command()
def accept(
    node: NodeArgument,
    config: ConfigOption = DEFAULT_CONFIG,
    by: Annotated[str, typer.Option(help="Who says so; the login name unless given.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Ask the node now, and take what it says as right from now on."""
    from pacs_monitor.running import Running
    from pacs_monitor.wording import login_name

    told = Running(config).tell("POST", _path(node), {"by": by or login_name()})
    if as_json:
        print(json.dumps(told, indent=2))
        return
    for one in told:
        if one["taken"]:
            print(f"{node}: {one['check']} takes what it finds now as right")
        else:
            print(f"{node}: {one['check']} will do so in its next good run; now {one['message']}")


@baseline.command()
def show(node: NodeArgument, config: ConfigOption = DEFAULT_CONFIG, as_json: JsonOption = False) -> None:
    """Show what the node is compared with, and what differs now."""
    from pacs_monitor.running import Running

    told = Running(config).tell("GET", _path(node))
    if as_json:
        print(json.dumps(told, indent=2))
        return
    for one in told:
        for line in _lines(node, one):
            print(line)


def _path(node: str) -> str:
    return f"/api/baseline/{quote(node, safe='')}"


def _lines(node: str, told: dict[str, Any]) -> list[str]:
    from pacs_monitor.dicom.capability import named

    saved, changes = told["baseline"], told.get("changes") or {"keys": {}, "peer": None}
    was = set(saved["accepted"])
    lines = [
        f"{node}: {told['check']}, baseline of {_clock(saved['at'])}: accepts {len(was)} of {len(saved['asked'])}, "
        f"calls itself {saved['peer'][1] or saved['peer'][0]}"
    ]
    for key, since in changes["keys"].items():
        lines.append(f"  {'no longer' if key in was else 'now also'} {named(key)}, since {_clock(since)}")
    if changes["peer"]:
        now = changes["peer"]["now"]
        lines.append(f"  calls itself {now[1] or now[0]}, since {_clock(changes['peer']['since'])}")
    return lines if len(lines) > 1 else [*lines, "  nothing differs"]


def _clock(seconds: float) -> str:
    from datetime import datetime

    return f"{datetime.fromtimestamp(seconds).astimezone():%Y-%m-%d %H:%M}"
