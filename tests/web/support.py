"""The web server over a site with results by hand."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from prometheus_client import CollectorRegistry, Counter

from pacs_monitor.settings import Key
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
            ready=lambda: self.problems,
            version="1.2.3",
            started=NOW - 3600,
            wall=lambda: site.now,
            docs="https://docs.example/",
        )
