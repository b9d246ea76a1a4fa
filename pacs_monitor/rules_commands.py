"""Commands on rule files: `pacs-monitor rules export`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from pacs_monitor.console import fail, load

if TYPE_CHECKING:
    from pacs_monitor.alerting.definitions import RuleGroup

rules = typer.Typer(help="Take alert rules elsewhere.", no_args_is_help=True)
_FORMATS = ("prometheus", "operator")
_STDOUT = "-"


@rules.callback()
def _rules() -> None:
    """Take alert rules elsewhere."""


@rules.command()
def export(
    format: Annotated[str, typer.Option(help="prometheus, or operator: PrometheusRule for Kubernetes.")] = "prometheus",
    selector: Annotated[
        str | None, typer.Option(help="Matchers for every series that is read, such as 'job=\"pacs\"'.")
    ] = None,
    severity: Annotated[
        list[str] | None, typer.Option(metavar="OLD=NEW", help="Another name for a severity; repeat it.")
    ] = None,
    output: Annotated[str, typer.Option(metavar="DIR", help="A folder; - is the terminal.")] = _STDOUT,
    force: Annotated[bool, typer.Option("--force", help="Write over files that are there.")] = False,
    config: Annotated[
        Path | None, typer.Option("--config", "-c", help="The rules that this configuration loads.")
    ] = None,
    target: Annotated[str, typer.Option(help="The version that is to load them.")] = "prometheus=2.42",
    namespace: Annotated[str | None, typer.Option(help="The namespace of the resources.")] = None,
    label: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="A label of the resources; repeat it.")
    ] = None,
) -> None:
    """Write the alert rules for a Prometheus that you have.

    The built-in ones, or those that a configuration loads. Exit status 1 if they cannot be exported or written.
    """
    from pacs_monitor.alerting.exporting import export as exports
    from pacs_monitor.alerting.exporting.asked import Asked, matchers_of, severities_of
    from pacs_monitor.alerting.exporting.documents import kubernetes
    from pacs_monitor.alerting.exporting.writing import CannotWrite, write_files
    from pacs_monitor.alerting.target import target_of

    try:
        _check_format(format, namespace, label)
        matchers = () if selector is None else matchers_of(selector)
        asked = Asked(matchers, severities_of(severity or ()))
        place = kubernetes(namespace, label or ())
        version = target_of(target)
    except ValueError as error:
        fail(str(error), 2)
    try:
        made = exports.export(_groups(config), asked, version, cast(exports.Format, format), place)
        text = made.text() if output == _STDOUT else ""
        written = write_files(Path(output), made.files(), force=force) if not text else []
    except (exports.ExportRefused, CannotWrite) as error:
        fail(str(error))
    for warning in made.warnings:
        print(f"{warning} (warning)", file=sys.stderr)
    sys.stdout.write(text)
    for path in written:
        print(path)


def _check_format(format: str, namespace: str | None, labels: list[str] | None) -> None:
    if format not in _FORMATS:
        raise ValueError(f"--format: {format} is not a format; use {' or '.join(_FORMATS)}")
    given = {"--namespace": namespace is not None, "--label": bool(labels)}
    for option in [name for name, is_given in given.items() if is_given and format != "operator"]:
        raise ValueError(f"{option} is for --format operator; leave it out, or add that")


def _groups(config: Path | None) -> list[RuleGroup]:
    from pacs_monitor.alerting.loading import builtin_files
    from pacs_monitor.alerting.rulefile import read_rules

    if config is None:
        return [group for path in builtin_files() for group in read_rules(path).groups]
    groups = list(load(config).rules)
    if not any(group.rules for group in groups):
        fail(f"{config}: loads no rules; write alerting: and rules: [builtin], or leave --config out")
    return groups
