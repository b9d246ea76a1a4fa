"""The web server over a site with results by hand."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from prometheus_client import CollectorRegistry, Counter

from pacs_monitor.alerting.groups import World
from pacs_monitor.alerting.service import Alerting
from pacs_monitor.heartbeat import Heard
from pacs_monitor.history.sampling import Sampler
from pacs_monitor.history.store import History
from pacs_monitor.promql.engine import Engine
from pacs_monitor.routing.service import Routes
from pacs_monitor.settings import Key
from pacs_monitor.state import State
from pacs_monitor.web.core import Core
from tests.hospital import NOW, Site


@dataclass
class Agent:
    """What the web server commands, recorded."""

    site: Site
    problems: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    reloads: int = 0
    probed: list[Key] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.registry = CollectorRegistry()
        history = History()
        sampler = Sampler(history, self.site.results.exposition, self.registry, ())
        world = World(history, Engine(history))
        self.alerting = Alerting(
            world, sampler, cast(State, None), Path("none"), 3600.0
        )  # without rules it keeps nothing
        self.heard = Heard()
        self.routes = Routes(cast(State, None), lambda *_: "", {})  # it routes nothing before it is started
        Counter("pacs_monitor_runs", "Runs of all checks.", ["outcome"], registry=self.registry).labels("ok").inc()

    async def reload(self) -> list[str]:
        self.reloads += 1
        return self.complaints

    async def probe(self, key: Key) -> dict[str, Any]:
        self.probed.append(key)
        return {"node": key[0], "check": key[1], "reason": ""}

    def core(self) -> Core:
        site = self.site
        return Core(
            results=site.results,
            confirmation=site.confirmation,
            context=site.context,
            health=site.health,
            exposition=site.results.exposition,
            registry=self.registry,
            configuration=lambda: site.configuration,
            reload=self.reload,
            probe=self.probe,
            alerting=self.alerting,
            routes=self.routes,
            hear=self.heard.hear,
            forget=self.heard.forget,
            ready=lambda: self.problems,
            version="1.2.3",
            started=NOW - 3600,
            wall=lambda: site.now,
            docs="https://docs.example/",
        )
