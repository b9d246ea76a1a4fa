"""Wires alerts to people: routes with what the agent knows of its checks, and templates in its zone."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from zoneinfo import ZoneInfo

from pacs_monitor.confirm import Confirmation
from pacs_monitor.notify.deliver import deliver
from pacs_monitor.notify.facts import facts_of
from pacs_monitor.notify.notification import Notification
from pacs_monitor.notify.templates import Templates
from pacs_monitor.results import Results
from pacs_monitor.routing.definitions import Integration, Receiver, Route, Routing
from pacs_monitor.routing.service import Routes
from pacs_monitor.settings import AgentSettings, Configuration
from pacs_monitor.state import State

NOBODY = Routing(Route("nobody"), (Receiver("nobody"),))
"""What alerts are routed by once the configuration names no receivers any more."""


class Notifying:
    """The routes of the configuration in force."""

    def __init__(
        self, results: Results, confirmation: Confirmation, configuration: Callable[[], Configuration], state: State
    ) -> None:
        settings = configuration().agent
        self.routes = Routes(state, self._send, {"site": settings.site})
        self._facts = facts_of(results.records, confirmation.states, configuration)
        self._templates = _templates(settings)

    def follow(self, configuration: Configuration, link: str) -> None:
        """Tell by this from now on; `link` is where people find the agent's pages. Raises StateError."""
        self._templates = _templates(configuration.agent)
        if self.routes.begun:
            self.routes.follow(configuration.routing or NOBODY, link)
        elif configuration.routing is not None:
            self.routes.start(configuration.routing, link)

    def _send(self, integration: Integration, content: Notification, already: Collection[str]) -> str:
        told = (replace(alert, facts=self._facts(alert.labels)) for alert in content.alerts)
        return deliver(integration, replace(content, alerts=tuple(told)), self._templates, already)


def _templates(settings: AgentSettings) -> Templates:
    return Templates(ZoneInfo(settings.time_zone), settings.site, settings.alerting.templates)
