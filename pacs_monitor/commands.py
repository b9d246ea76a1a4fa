"""Commands that ask a running agent, over its socket in `data_dir`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pacs_monitor.console import DEFAULT_CONFIG, ConfigOption, JsonOption, fail, load, out

if TYPE_CHECKING:
    import httpx


def query(
    expression: Annotated[str, typer.Argument(help="In PromQL, over the agent's own metrics.")],
    config: ConfigOption = DEFAULT_CONFIG,
    time: Annotated[str | None, typer.Option(help="When, as 2026-11-24T10:00:00Z or seconds since 1970; now.")] = None,
    range: Annotated[str | None, typer.Option(help="How far back, as 1h: shows the course over time.")] = None,
    step: Annotated[str, typer.Option(help="How far apart in a range.")] = "1m",
    as_json: JsonOption = False,
) -> None:
    """Ask the running agent for the value of an expression."""
    from pacs_monitor import querying

    try:
        asked = querying.parameters(expression, time, range, step)
    except ValueError as error:
        fail(str(error), 2)
    answer = _ask_agent(config, *asked).json()
    if answer["status"] != "success":
        fail(answer["error"])
    if as_json:
        print(json.dumps(answer["data"]))
    else:
        out().print(querying.told(answer["data"]))


def drain(
    node: Annotated[str, typer.Argument(help="The node to take out.")], config: ConfigOption = DEFAULT_CONFIG
) -> None:
    """Take a node out of use: unhealthy, no new alerts."""
    _tell_agent(config, f"/-/drain/{node}")


def undrain(
    node: Annotated[str, typer.Argument(help="The node to take back.")], config: ConfigOption = DEFAULT_CONFIG
) -> None:
    """Take a drained node back into use."""
    _tell_agent(config, f"/-/undrain/{node}")


def _ask_agent(config: Path, path: str, form: dict[str, str] | None = None) -> httpx.Response:
    """The running agent's answer; exit status 1 if none runs."""
    import httpx

    control = load(config).agent.data_dir / "control.sock"
    try:
        with httpx.Client(transport=httpx.HTTPTransport(uds=str(control)), base_url="http://localhost") as client:
            return client.post(path, data=form, timeout=30)
    except httpx.TransportError as error:
        fail(f"no agent answers at {control} ({error}); is it running, and may this user ask it?")


def _tell_agent(config: Path, path: str) -> None:
    """Have the running agent do something; its answer, and exit status 1 if it refuses or does not run."""
    answer = _ask_agent(config, path)
    if answer.status_code != 200:
        fail(answer.text.strip())
    print(answer.text.strip())
