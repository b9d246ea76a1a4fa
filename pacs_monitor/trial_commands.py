"""Commands that try whether people are reached: `pacs-monitor test alert`, `test receiver`."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from pacs_monitor.console import DEFAULT_CONFIG, ConfigOption, JsonOption, fail, load


def alert(
    node: Annotated[str, typer.Argument(help="The node that the alert is to be about.")],
    config: ConfigOption = DEFAULT_CONFIG,
    within: Annotated[str, typer.Option(help="How long to wait for the receivers.")] = "60s",
    severity: Annotated[str, typer.Option(help="Instead of what the node's importance gives.")] = "",
    label: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="A label of the alert; repeat it.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Send a marked alert the whole way, and see it arrive.

    Through route, group, outbox and delivery of the running agent; then it is over. Exit status 1 if a receiver
    has not taken it in time.
    """
    from pacs_monitor.running import Running
    from pacs_monitor.wording import seconds_of

    labels = dict(one.partition("=")[::2] for one in label or ())
    seconds = seconds_of(within, "--within")
    body = {"node": node, "within": seconds, "severity": severity, "labels": labels}
    last: dict[str, Any] = {}
    for last in Running(config).lines("/api/test", body, seconds + 60):
        print(json.dumps(last) if as_json else f"{last['at']:8.3f} s  {last['step']:9}  {last['text']}", flush=True)
    if not last.get("delivered"):
        raise typer.Exit(1)


def receiver(
    name: Annotated[str, typer.Argument(help="As the routes name it.")],
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Send a marked notification to a receiver.

    By itself: no agent needs to run. Exit status 1 if one of its addresses does not take it.
    """
    from pacs_monitor.trials import tried

    try:
        outcomes = tried(load(config), name)
    except LookupError as error:
        fail(str(error.args[0]))
    failed = False
    for one in outcomes:
        failed |= bool(one.reason)
        if as_json:
            print(json.dumps(one.plain()), flush=True)
        else:
            print(f"{name} ({one.integration}): {one.text}", flush=True)
    if failed:
        raise typer.Exit(1)
