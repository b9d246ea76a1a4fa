"""Commands on routes: `pacs-monitor test routes`."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pacs_monitor.console import DEFAULT_CONFIG, ConfigOption, fail, load

if TYPE_CHECKING:
    from pacs_monitor.routing.definitions import Routing


def routes(
    labels: Annotated[list[str] | None, typer.Argument(metavar="LABEL=VALUE", help="Of the alert.")] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    file: Annotated[
        Path | None, typer.Option("--routes", help="An Alertmanager file, instead of what the configuration has.")
    ] = None,
    verify_receivers: Annotated[
        str | None, typer.Option(metavar="A,B", help="Exit status 1 unless these are who is told, in this order.")
    ] = None,
    tree: Annotated[bool, typer.Option("--tree", help="Draw the routes that it takes; without labels, all.")] = False,
) -> None:
    """Say who is told of an alert, how and when."""
    from pacs_monitor.history.matchers import EQUAL
    from pacs_monitor.people.explaining import explained, has_people
    from pacs_monitor.routing.matching import BadMatcherError, parse_matcher
    from pacs_monitor.routing.tree import matching, shown_path, shown_tree

    try:
        matchers = [parse_matcher(text) for text in labels or ()]
    except BadMatcherError as error:
        fail(str(error))
    if wrong := next((one for one in matchers if one.op != EQUAL), None):
        fail(f"{wrong.name}{wrong.op}{wrong.value} gives a label no value; write {wrong.name}={wrong.value}")
    alert = {one.name: one.value for one in matchers}
    routing = _read(file) if file else _of_configuration(config)
    root = routing.route
    if tree and not labels:
        print(f"Routing tree:\n{shown_tree(root)}\n")
        return
    if tree:
        print(f"Matching routes:\n{shown_path(root, alert)}\n\n")
    told = ",".join(route.receiver for route in matching(root, alert))
    if has_people(routing) and not verify_receivers:
        print("\n".join(explained(routing, alert, round(time.time() * 1000))))
        return
    print(told)
    if verify_receivers and verify_receivers != told:
        print("WARNING: Expected receivers did not match resolved receivers.")
        raise typer.Exit(1)


def _read(path: Path) -> Routing:
    from pacs_monitor.routing.routefile import read_routes

    # Its secrets may well be on another machine.
    found = read_routes(path, try_files=False)
    for complaint in found.complaints:
        print(complaint, file=sys.stderr)
    if found.routing is None:
        raise typer.Exit(1)
    return found.routing


def _of_configuration(path: Path) -> Routing:
    routing = load(path).routing
    if routing is None:
        fail(f"{path}: nobody is told of alerts; add notify or alerting.routes, or give --routes")
    return routing
