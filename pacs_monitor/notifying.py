"""Wires alerts to people: routes with what the agent knows of its checks, and templates in its zone."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import replace
from zoneinfo import ZoneInfo

from prometheus_client.core import Metric

from pacs_monitor import heartbeat
from pacs_monitor.alerting.alerts import Alert
from pacs_monitor.confirm import Confirmation
from pacs_monitor.heartbeat import Heartbeat
from pacs_monitor.notify.deliver import deliver
from pacs_monitor.notify.facts import facts_of
from pacs_monitor.notify.notification import Notification
from pacs_monitor.notify.templates import Templates
from pacs_monitor.results import Results
from pacs_monitor.routing import handover
from pacs_monitor.routing.definitions import Integration, Secret, Tls, Webhook
from pacs_monitor.routing.handover import Handover
from pacs_monitor.routing.service import Routes
from pacs_monitor.settings import AgentSettings, Configuration, EngineSettings, HeartbeatSettings, PeerSettings
from pacs_monitor.state import State

HANDOVER_WITHIN = 1.0
"""Seconds that a reload waits for posts to an Alertmanager that it replaces."""


class Notifying:
    """Tells by the configuration in force: listens to the rules, and passes on what they raise."""

    def __init__(
        self,
        results: Results,
        confirmation: Confirmation,
        configuration: Callable[[], Configuration],
        state: State,
        problems: Callable[[], list[str]],
    ) -> None:
        """`problems` are those for which no heartbeat is sent."""
        settings = configuration().agent
        self._labels = {"site": settings.site}
        self.routes = Routes(state, self._send, self._labels)
        self._facts = facts_of(results.records, confirmation.states, configuration)
        self._templates = _templates(settings)
        self._external_url = ""
        self._handover: Handover | None = None
        self._handed_to: tuple[EngineSettings, str] | None = None
        self._problems = problems
        self._heartbeat: Heartbeat | None = None
        self._beats: HeartbeatSettings | None = None

    def follow(self, configuration: Configuration, link: str) -> None:
        """Tell by this from now on; `link` is where people find the agent's pages.

        Raises StateError, and then nothing has changed.
        """
        engine = configuration.agent.alerting.engine
        routing = configuration.routing if engine == "embedded" else None
        if self.routes.begun:
            self.routes.follow(routing, link)
        elif routing is not None:
            self.routes.start(routing, link)
        self._templates = _templates(configuration.agent)
        self._external_url = (configuration.agent.external_url or "").rstrip("/")
        self._hand_over((engine, link) if isinstance(engine, EngineSettings) else None)
        self._beat(configuration.agent)

    def stop(self, within: float) -> bool:
        """Write and end. False if something is under way after so many seconds."""
        if self._heartbeat is not None:
            self._heartbeat.stop()
        handed = self._handover is None or self._handover.stop(within)
        return self.routes.stop(within) and handed

    def collect(self) -> Iterator[Metric]:
        """The metrics of whoever tells."""
        yield from self.routes.collect()
        yield from handover.families(self._handover.peers if self._handover is not None else ())
        yield from heartbeat.families(self._heartbeat)

    # What the rules' thread calls.

    def tell(self, source: str, alerts: Iterable[tuple[str, Alert]]) -> None:
        """As `alerting.service.Listener`."""
        every = list(alerts)
        if self._handover is not None:
            self._handover.tell(source, every)
        # Also then: what routes have known from before must end there, too, when it is over.
        self.routes.tell(source, every)

    def only(self, sources: Collection[str]) -> None:
        """As `Listener`."""
        self.routes.only(sources)
        if self._handover is not None:
            self._handover.only(sources)

    def complete(self) -> None:
        """As `Listener`."""
        self.routes.complete()

    def _hand_over(self, wanted: tuple[EngineSettings, str] | None) -> None:
        if wanted == self._handed_to:
            return
        if self._handover is not None:
            self._handover.stop(HANDOVER_WITHIN)
            self._handover = None
        self._handed_to = wanted
        if wanted is not None:
            engine, link = wanted
            peers = [_webhook(one, "/api/v2/alerts") for one in engine.alertmanagers]
            self._handover = Handover(peers, self._labels, self._facts, link)
            self._handover.start()

    def _beat(self, settings: AgentSettings) -> None:
        wanted = settings.alerting.heartbeat
        if wanted == self._beats:
            return
        if self._heartbeat is not None:
            self._heartbeat.stop()
            self._heartbeat = None
        self._beats = wanted
        if wanted is not None:
            self._heartbeat = Heartbeat(_webhook(wanted), wanted.interval, settings.site, self._problems)
            self._heartbeat.start()

    def _send(self, integration: Integration, content: Notification, already: Collection[str]) -> str:
        told = (replace(alert, facts=self._facts(alert.labels)) for alert in content.alerts)
        links = {**content.links, **self._links(content)}
        return deliver(integration, replace(content, alerts=tuple(told), links=links), self._templates, already)

    def _links(self, content: Notification) -> dict[str, str]:
        # Elsewhere than in a notification such a link would be one more secret to keep.
        token = self.routes.ack_token(content) if self._external_url else ""
        return {"acknowledge": f"{self._external_url}/ack/{token}"} if token else {}


def _templates(settings: AgentSettings) -> Templates:
    return Templates(ZoneInfo(settings.time_zone), settings.site, settings.alerting.templates)


def _webhook(settings: PeerSettings, path: str = "") -> Webhook:
    tls = settings.tls
    token, password = settings.bearer_token, settings.password
    return Webhook(
        Secret(f"{settings.url.rstrip('/')}{path}" if path else settings.url),
        username=settings.username,
        password=Secret(password.get_secret_value()) if password else Secret(),
        authorization="Bearer" if token else "",
        credentials=Secret(token.get_secret_value()) if token else Secret(),
        tls=Tls(tls.ca_file, tls.cert_file, tls.key_file, tls.server_name, tls.insecure_skip_verify),
    )
