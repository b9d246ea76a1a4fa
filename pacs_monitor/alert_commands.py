"""Commands on alerts that fire: `alerts`, `ack`, `unack`, `explain`."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from pacs_monitor.console import DEFAULT_CONFIG, ConfigOption, JsonOption, fail, out

_ALERT = typer.Argument(help="Fingerprint, alert, node or matchers that together mean one alert.")
Alert = Annotated[list[str], _ALERT]
By = Annotated[str, typer.Option(help="Who says so; the login name unless given.")]
Comment = Annotated[str, typer.Option(help="Why, for others to read.")]


def alerts(
    matchers: Annotated[list[str] | None, typer.Argument(help="Only those: NodeDown, node=~ct.*")] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """List what fires, the worst first."""
    from pacs_monitor.alerts_view import show
    from pacs_monitor.routing.matching import BadMatcherError, parse_arguments, printed
    from pacs_monitor.running import Running

    try:
        filters = [("filter", printed(one)) for one in parse_arguments(matchers or [])]
    except BadMatcherError as error:
        fail(str(error), 2)
    found = Running(config).tell("GET", "/api/alerts", query=filters)
    if as_json:
        print(json.dumps(found, indent=2))
    else:
        show(out(), found)


def ack(
    alert: Alert,
    config: ConfigOption = DEFAULT_CONFIG,
    comment: Comment = "",
    by: By = "",
    as_json: JsonOption = False,
) -> None:
    """Take an alert on: no repeats, no escalation.

    Until it is over. If several are meant, they are listed, and exit status is 1.
    """
    from pacs_monitor.wording import login_name

    told = _one(config, "POST", "/api/ack", {"alert": alert, "by": by or login_name(), "comment": comment})
    _tell(told, f"acknowledged by {told['by']}", as_json)


def unack(alert: Alert, config: ConfigOption = DEFAULT_CONFIG, as_json: JsonOption = False) -> None:
    """Undo `ack`."""
    _tell(_one(config, "POST", "/api/unack", {"alert": alert}), "acknowledged by nobody any more", as_json)


def explain(alert: Alert, config: ConfigOption = DEFAULT_CONFIG, as_json: JsonOption = False) -> None:
    """Say why an alert fires, and who was told."""
    from pacs_monitor.explain_view import show

    told = _one(config, "GET", "/api/explain", query=[("alert", word) for word in alert])
    if as_json:
        print(json.dumps(told, indent=2))
    else:
        show(out(), told)


def _one(config: Any, method: str, path: str, body: Any = None, query: Any = ()) -> Any:
    """What the agent says of the one alert that is meant; the candidates and exit status 1 if there are several."""
    from pacs_monitor.alerts_view import show_candidates
    from pacs_monitor.running import Running, said

    answer = Running(config).ask(method, path, body, query)
    if not answer.is_error:
        return answer.json()
    told = answer.json() if answer.status_code == 409 else None
    if isinstance(told, dict):
        show_candidates(out(), told["candidates"], told["count"])
    fail(said(answer))


def _tell(alert: dict[str, Any], what: str, as_json: bool) -> None:
    from pacs_monitor.alerts_view import name_of

    print(json.dumps(alert) if as_json else f"{name_of(alert['labels'])}: {what}")
