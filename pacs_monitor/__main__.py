"""The command line: `pacs-monitor run`, `check-config`, `probe`, `diagnose` and the others.

Heavy parts are imported by the command that needs them, so that `check-config` answers at once.
"""

from __future__ import annotations

import asyncio
import json
import logging
import platform
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from importlib.metadata import version as installed
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pacs_monitor import __version__, alert_commands, commands, diagnose_command, status_command, trial_commands
from pacs_monitor.baseline_commands import baseline
from pacs_monitor.console import DEFAULT_CONFIG, ConfigOption, JsonOption, count, fail, load, out
from pacs_monitor.import_commands import imports
from pacs_monitor.maintenance_commands import maintenance
from pacs_monitor.people.commands import oncall
from pacs_monitor.routes_commands import routes
from pacs_monitor.rules_commands import rules
from pacs_monitor.silence_commands import silence
from pacs_monitor.template_commands import template

if TYPE_CHECKING:
    from pacs_monitor.settings import Complaint

app = typer.Typer(
    name="pacs-monitor",
    help="Watches an imaging chain: modalities, routers, archives, worklists, disks.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.command()
def run(
    config: ConfigOption = DEFAULT_CONFIG,
    log_level: Annotated[str, typer.Option(help="debug, info, warning or error.")] = "info",
    live: Annotated[bool, typer.Option(help="Show the states in the terminal instead of a log.")] = False,
) -> None:
    """Run the agent until SIGTERM or Ctrl-C.

    SIGHUP reloads the configuration; so does a change of one of its files.
    """
    from pacs_monitor import agent as agents
    from pacs_monitor import logs
    from pacs_monitor.loops import new_event_loop

    level = logging.getLevelNamesMapping().get(log_level.upper())
    if level is None:
        fail(f"--log-level: {log_level} is not a level; use debug, info, warning or error", 2)
    logs.set_up(level)
    # A reload that is asked for while we start must not end us: the configuration is being read anyway.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with _faults_in_one_line():
        agent = agents.Agent(config)
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            status = runner.run(_live(agent) if live else _logged(agent))
    raise typer.Exit(status)


@contextmanager
def _faults_in_one_line() -> Iterator[None]:
    """What keeps an agent from starting goes to stderr, as sentences."""
    from pacs_monitor.agent import AgentError
    from pacs_monitor.births import NurseryError
    from pacs_monitor.settings import ConfigError
    from pacs_monitor.web.errors import WebError

    try:
        yield
    except (ConfigError, AgentError, NurseryError, WebError) as error:
        fail(str(error))


async def _logged(agent: Any) -> int:
    from pacs_monitor import agent as agents

    def ready() -> None:
        configuration = agent.configuration
        logging.getLogger("pacs_monitor").info(
            "pacs-monitor %s runs %s of %s; %s",
            __version__,
            count(len(configuration.checks), "check"),
            count(len(configuration.nodes), "node"),
            agent.web.url,
        )

    return await agents.run(agent, ready)


async def _live(agent: Any) -> int:
    from pacs_monitor.live import show

    return await show(agent, out(), f"pacs-monitor {__version__}, {agent.path}, {{url}}")


@app.command()
def demo(
    listen: Annotated[str, typer.Option(help="Where the agent listens.")] = "127.0.0.1:9811",
    speed: Annotated[float, typer.Option(help="How fast faults come and go.", min=0.1, max=20)] = 1.0,
    seconds: Annotated[float | None, typer.Option("--for", help="End by itself after so many seconds.")] = None,
) -> None:
    """Watch a simulated hospital with faults that come and go.

    Its services are real DICOM services on this machine. Nothing is left behind.
    """
    from pacs_monitor import demo as demos
    from pacs_monitor import logs

    try:
        listen = demos.free_address(listen)
    except ValueError as error:
        fail(f"--listen: {error}", 2)
    logs.set_up(logging.CRITICAL)
    with _faults_in_one_line():
        status = demos.start(demos.Demo(listen, speed, seconds), out())
    raise typer.Exit(status)


@app.command()
def init(
    path: Annotated[Path, typer.Argument(help="The file to write.")] = Path("pacs-monitor.yml"),
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
) -> None:
    """Ask a few questions and write a commented configuration."""
    from pacs_monitor import setup

    raise typer.Exit(setup.run(path, force=force, console=out()))


@app.command("check-config")
def check_config(
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
    target: Annotated[
        str | None, typer.Option(help="Also what this version of Prometheus refuses of the rules: prometheus=2.42.")
    ] = None,
) -> None:
    """Read the configuration and tell all complaints at once.

    Exit status 1 if there is one. Changes nothing.
    """
    from pacs_monitor import config as configs
    from pacs_monitor.alerting.target import target_of
    from pacs_monitor.settings import ConfigError

    try:
        version = target_of(target) if target else None
    except ValueError as error:
        fail(str(error), 2)
    try:
        configuration = configs.load(config, data_dir=True, make_data_dir=False, target=version)
    except ConfigError as error:
        _tell(error.complaints, error.warnings, as_json)
        if not as_json:
            fail(f"{count(len(error.complaints), 'complaint')}: {_outcome(config)}")
        raise typer.Exit(1) from None
    _tell((), configuration.warnings, as_json)
    if as_json:
        return
    nodes, checks = count(len(configuration.nodes), "node"), count(len(configuration.checks), "check")
    print(
        f"{config}: {nodes}, {checks}, {count(len(configuration.warnings), 'warning')}: the configuration can be used"
    )


def _tell(complaints: Sequence[Complaint], warnings: Sequence[Complaint], as_json: bool) -> None:
    if as_json:
        found = {"complaints": complaints, "warnings": warnings}
        print(json.dumps({kind: [asdict(one) for one in these] for kind, these in found.items()}))
        return
    for complaint in complaints:
        print(complaint, file=sys.stderr)
    for warning in warnings:
        print(f"{warning} (warning)")


def _outcome(config: Path) -> str:
    """What `run` makes of a configuration with complaints: of check files alone it goes on without their checks."""
    from pacs_monitor import config as configs
    from pacs_monitor.settings import ConfigError

    try:
        configs.load(config, data_dir=True, make_data_dir=False, despite_broken=True)
    except ConfigError:
        return "the configuration cannot be used"
    return "the configuration can be used, without the checks of the files that are named"


@app.command()
def checks(
    kind: Annotated[str | None, typer.Argument(help="Show this one in full.")] = None,
    config: Annotated[
        Path | None, typer.Option("--config", "-c", help="Also what this configuration's check_dirs hold.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """List the kinds of checks, or show one in full.

    What it does, its settings with units and defaults, and its metrics.
    """
    from pacs_monitor import catalogue
    from pacs_monitor.content import content_dir
    from pacs_monitor.loader import load_folders

    if config is not None:
        kinds = load(config).kinds
    else:
        kinds, complaints = load_folders([content_dir("checks")])
        for complaint in complaints:
            fail(str(complaint))
    if kind is not None and kind not in kinds:
        fail(f"there is no check {kind}; there are {', '.join(sorted(kinds))}", 2)
    told = catalogue.catalogue({kind: kinds[kind]} if kind else kinds)
    if as_json:
        print(json.dumps(told, indent=2))
    elif kind is not None:
        out().print(catalogue.render_kind(told[0]))
    else:
        out().print(catalogue.render(told))


@app.command()
def probe(
    node: Annotated[str | None, typer.Argument(help="A node, or a check without a node.")] = None,
    check: Annotated[str | None, typer.Argument(help="Only this check of the node.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All checks of all nodes.")] = False,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Run checks now, once, and show the worst first.

    Exit status 0 if all succeed, 1 if one fails, 2 if none could be run.
    """
    from pacs_monitor import logs, probing
    from pacs_monitor.probing_view import show

    if (node is None) is not everything:
        fail("say which node to probe, or --all for every one", 2)
    logs.set_up(logging.CRITICAL)
    configuration = load(config, 2)
    try:
        keys = probing.select(configuration, node, check)
    except LookupError as error:
        fail(str(error.args[0]), 2)
    if not keys:
        fail(f"{config}: nothing is checked; give a node or `checks` a check", 2)
    try:
        probed = asyncio.run(probing.probe(configuration, keys))
    except LookupError as error:
        fail(str(error.args[0]), 2)
    if as_json:
        print(json.dumps([one.plain() for one in probed], indent=2))
    else:
        show(out(), probed, detail=node is not None)
    raise typer.Exit(0 if all(one.ok for one in probed) else 1)


app.command()(diagnose_command.diagnose)
app.command()(status_command.status)
app.command()(alert_commands.alerts)
app.command()(alert_commands.explain)
app.command()(alert_commands.ack)
app.command()(alert_commands.unack)
app.add_typer(silence, name="silence")
app.add_typer(baseline, name="baseline")
app.add_typer(maintenance, name="maintenance")
app.command()(oncall)
app.command()(commands.query)
tests = typer.Typer(help="Test what the agent is to do.", no_args_is_help=True)
app.add_typer(tests, name="test")


@tests.callback()
def _tests() -> None:
    """Test what the agent is to do."""


@tests.command("rules")
def run_tests_of_rules(
    files: Annotated[list[Path], typer.Argument(help="Files in the format of `promtool test rules`.")],
    enable_feature: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="As Prometheus has it: promql-experimental-functions."),
    ] = None,
) -> None:
    """Test alert rules: series in, alerts out."""
    from pacs_monitor.alerting.ruletest import judge
    from pacs_monitor.promql.features import features_of

    try:
        features = features_of(enable_feature or ())
    except ValueError as error:
        fail(f"--enable-feature: {error}", 2)
    failed = False
    for file in files:
        outcome = judge(file, features=features)
        said = (*outcome.complaints, *outcome.failures)
        failed = failed or bool(said)
        for complaint in said:
            print(complaint, file=sys.stderr)
        how = "failed" if said else "success"
        print(f"{file}: {count(outcome.tests, 'test')}: {how}")
    if failed:
        raise typer.Exit(1)


tests.command()(routes)
tests.command()(trial_commands.alert)
tests.command()(trial_commands.receiver)
app.add_typer(template, name="template")
app.add_typer(rules, name="rules")
app.add_typer(imports, name="import")
app.command()(commands.drain)
app.command()(commands.undrain)


@app.command()
def version(as_json: JsonOption = False) -> None:
    """The version, and those of what it stands on."""
    names = ("pynetdicom", "pydicom", "apscheduler", "prometheus-client")
    told = {"pacs-monitor": __version__, "python": platform.python_version()}
    told |= {name: installed(name) for name in names}
    print(json.dumps(told) if as_json else "\n".join(f"{name} {number}" for name, number in told.items()))


def main() -> None:
    """The console script."""
    app()


if __name__ == "__main__":
    main()
