"""What the web server is handed: it reads these, and commands nothing else."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from prometheus_client import CollectorRegistry

from pacs_monitor.alerting.service import Alerting
from pacs_monitor.baselines import Baselines
from pacs_monitor.confirm import Confirmation
from pacs_monitor.context import Context
from pacs_monitor.health import Health
from pacs_monitor.metrics import Exposition
from pacs_monitor.results import Results
from pacs_monitor.routing.service import Routes
from pacs_monitor.settings import Configuration, Key


@dataclass
class Core:
    """The agent as the web server sees it."""

    results: Results
    confirmation: Confirmation
    context: Context
    health: Health
    exposition: Exposition
    registry: CollectorRegistry
    """The agent's own metrics, `pacs_monitor_*`."""
    configuration: Callable[[], Configuration]
    reload: Callable[[], Awaitable[list[str]]]
    """Reads the configuration anew; the complaints, or none."""
    probe: Callable[[Key], Awaitable[dict[str, Any]]]
    """Runs a check now. Raises LookupError for one that is not configured, ConnectionError if its worker dies."""
    ready: Callable[[], list[str]]
    """What keeps the agent from being ready; nothing if it is."""
    hear: Callable[[str, float], None]
    """Another agent (its site, seconds until its next sign) lives. Raises ValueError for one too many."""
    forget: Callable[[str], None]
    """Another agent was taken out of service. Raises KeyError."""
    alerting: Alerting
    routes: Routes
    version: str
    started: float
    """When the agent started, in Unix time."""
    wall: Callable[[], float] = time.time
    baselines: Baselines | None = None
    """What nodes are compared with; None if nobody can accept it here."""
    docs: str | None = None
    """Where the documentation is, if the pages are to link to it."""
