"""What is known of alerts while the agent itself tells nobody: what its rules raise, and who else tells of it."""

from __future__ import annotations

from collections.abc import Iterator

from pacs_monitor.routing.handover import host_of
from pacs_monitor.routing.routed import RoutedAlert
from pacs_monitor.settings import EngineSettings
from pacs_monitor.web.core import Core

NO_ROUTES = "nobody is told of alerts, as the configuration has no routes; add alerting: {routes: alertmanager.yml}"
NO_ENGINE = "nobody is told of alerts, as alerting.engine is none; leave it out, and write notify or alerting.routes"


def why_untold(core: Core) -> str:
    """Why the agent tells nobody, and who is to be asked; the addresses of Alertmanagers may hold secrets."""
    engine = core.configuration().agent.alerting.engine
    if isinstance(engine, EngineSettings):
        names = " and ".join(host_of(one.url) for one in engine.alertmanagers)
        return f"alerts are handed over to Alertmanager {names}; ask there, or its amtool"
    return NO_ENGINE if engine == "none" else NO_ROUTES


def raised(core: Core) -> Iterator[RoutedAlert]:
    """The alerts of rules that fire, as they would be told."""
    site = core.configuration().agent.site
    for alert in core.alerting.alerts:
        if alert.state == "firing" and alert.fired_at is not None:
            yield RoutedAlert({"site": site, **alert.labels.as_dict()}, alert.annotations, alert.fired_at)
