"""What the commands share: options, and how they say things."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from rich.console import Console

if TYPE_CHECKING:
    from pacs_monitor.settings import Configuration

DEFAULT_CONFIG = Path("/etc/pacs-monitor/pacs-monitor.yml")

ConfigOption = Annotated[
    Path, typer.Option("--config", "-c", envvar="PACS_MONITOR_CONFIG", help="The configuration file.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]


def out() -> Console:
    """Where results go."""
    return Console(highlight=False, soft_wrap=not sys.stdout.isatty())


def fail(message: str, status: int = 1) -> NoReturn:
    """Say what is wrong on stderr and end."""
    Console(stderr=True, highlight=False, soft_wrap=True, markup=False).print(message)
    raise typer.Exit(status)


def load(path: Path, status: int = 1) -> Configuration:
    """The configuration, or its complaints on stderr and the end. A broken check file is told, and stops nothing."""
    from pacs_monitor import config
    from pacs_monitor.settings import ConfigError

    try:
        configuration = config.load(path, despite_broken=True)
    except ConfigError as error:
        fail(str(error), status)
    for fault in configuration.broken:
        print(f"{fault}; its checks are left out", file=sys.stderr)
    return configuration


def count(number: int, noun: str) -> str:
    """`1 node`, `2 nodes`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
