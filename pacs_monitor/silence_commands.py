"""Commands on silences: `pacs-monitor silence add`, `list`, `expire`."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from pacs_monitor.console import DEFAULT_CONFIG, ConfigOption, JsonOption, fail, out

silence = typer.Typer(help="Keep alerts from being told for a while.", no_args_is_help=True)


@silence.callback()
def _silence() -> None:
    """Keep alerts from being told for a while."""


@silence.command()
def add(
    matchers: Annotated[list[str], typer.Argument(help="As NodeDown, node=ct1, node=~'ct.*'; all must match.")],
    config: ConfigOption = DEFAULT_CONFIG,
    lasts: Annotated[str, typer.Option("--for", help="How long, as 2h.")] = "1h",
    comment: Annotated[str, typer.Option(help="Why, for others to read.")] = "",
    by: Annotated[str, typer.Option(help="Who says so; the login name unless given.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Silence alerts. Prints the silence's id."""
    from pacs_monitor.history.matchers import EQUAL, MATCH, NO_MATCH
    from pacs_monitor.routing.matching import BadMatcherError, parse_arguments
    from pacs_monitor.running import Running
    from pacs_monitor.wording import login_name, seconds_of

    try:
        found = parse_arguments(matchers)
    except BadMatcherError as error:
        fail(str(error), 2)
    now = datetime.now(UTC)
    body = {
        "matchers": [
            {
                "name": one.name,
                "value": one.value,
                "isRegex": one.op in (MATCH, NO_MATCH),
                "isEqual": one.op in (EQUAL, MATCH),
            }
            for one in found
        ],
        "startsAt": now.isoformat(),
        "endsAt": (now + timedelta(seconds=seconds_of(lasts, "--for"))).isoformat(),
        "createdBy": by or login_name(),
        "comment": comment,
    }
    told = Running(config).tell("POST", "/api/v2/silences", body)
    print(json.dumps(told) if as_json else told["silenceID"])


@silence.command("list")
def list_silences(
    matchers: Annotated[list[str] | None, typer.Argument(help="Only silences with these matchers.")] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    expired: Annotated[bool, typer.Option("--expired", help="Also those that are over.")] = False,
    as_json: JsonOption = False,
) -> None:
    """List silences."""
    from pacs_monitor.alerts_view import show_silences
    from pacs_monitor.routing.matching import BadMatcherError, parse_arguments, printed
    from pacs_monitor.running import Running

    try:
        query = [("filter", printed(one)) for one in parse_arguments(matchers or [])]
    except BadMatcherError as error:
        fail(str(error), 2)
    query.append(("expired", "true" if expired else "false"))
    found = Running(config).tell("GET", "/api/v2/silences", query=query)
    if as_json:
        print(json.dumps(found, indent=2))
    else:
        show_silences(out(), found)


@silence.command()
def expire(
    ids: Annotated[list[str], typer.Argument(metavar="ID...", help="As `silence list` shows them.")],
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """End silences."""
    from urllib.parse import quote

    from pacs_monitor.running import Running

    running = Running(config)
    for id in ids:
        running.tell("DELETE", f"/api/v2/silence/{quote(id, safe='')}")
        print(f"{id} is expired")
