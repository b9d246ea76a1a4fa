"""Commands on maintenance by hand: `pacs-monitor maintenance start`, `end`, `list`."""

from __future__ import annotations

import json
from typing import Annotated
from urllib.parse import quote

import typer

from pacs_monitor.console import DEFAULT_CONFIG, ConfigOption, JsonOption, out

maintenance = typer.Typer(help="Keep a node that is worked on from alerting.", no_args_is_help=True)
NodeArgument = Annotated[str, typer.Argument(help="The node.")]


@maintenance.callback()
def _maintenance() -> None:
    """Keep a node that is worked on from alerting."""


@maintenance.command()
def start(
    node: NodeArgument,
    config: ConfigOption = DEFAULT_CONFIG,
    lasts: Annotated[str, typer.Option("--for", help="How long, as 2h.")] = "1h",
    comment: Annotated[str, typer.Option(help="Why, for others to read.")] = "",
    by: Annotated[str, typer.Option(help="Who says so; the login name unless given.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Begin it, or change when it ends: no new alerts, as under `maintenance` of the configuration."""
    from pacs_monitor.running import Running
    from pacs_monitor.wording import clock, login_name, seconds_of

    body = {"node": node, "seconds": seconds_of(lasts, "--for"), "by": by or login_name(), "comment": comment}
    told = Running(config).tell("POST", "/api/maintenance", body)
    print(json.dumps(told) if as_json else f"{node} is under maintenance until {clock(told['until'])}")


@maintenance.command()
def end(node: NodeArgument, config: ConfigOption = DEFAULT_CONFIG) -> None:
    """End what was started by hand."""
    from pacs_monitor.running import Running

    Running(config).tell("DELETE", f"/api/maintenance/{quote(node, safe='')}")
    print(f"the maintenance of {node} is over")


@maintenance.command("list")
def list_maintenance(config: ConfigOption = DEFAULT_CONFIG, as_json: JsonOption = False) -> None:
    """List what is in force, by hand or by the configuration."""
    from pacs_monitor.running import Running
    from pacs_monitor.status_view import show_maintenance

    found = Running(config).tell("GET", "/api/maintenance")
    if as_json:
        print(json.dumps(found, indent=2))
    else:
        show_maintenance(out(), found)
