"""A marked notification for each address of a receiver, sent without a running agent."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any
from zoneinfo import ZoneInfo

from pacs_monitor.notify.deliver import deliver
from pacs_monitor.notify.notification import DeliveryFailed, Notification
from pacs_monitor.notify.samples import sample
from pacs_monitor.notify.templates import Templates
from pacs_monitor.routing.outbox import new_key
from pacs_monitor.settings import Configuration


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one address has said."""

    integration: str
    reason: str
    """Of a failure; "" if it was taken."""
    text: str
    took: float

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def tried(configuration: Configuration, name: str) -> Iterator[Outcome]:
    """Each address in turn. Raises LookupError if there is no such receiver, or nobody to tell."""
    routing = configuration.routing
    if routing is None:
        raise LookupError("nobody is told of alerts; add alerting: {routes: alertmanager.yml}")
    try:
        receiver = routing.receiver(name)
    except KeyError:
        names = ", ".join(one.name for one in routing.receivers if any(one.named()))
        raise LookupError(f"there is no receiver {name}; there are {names}") from None
    now = round(time.time() * 1000)
    every = list(receiver.reached(now))
    if not every:
        raise LookupError(f"{name} has nobody to tell; give it email_configs or webhook_configs")
    settings = configuration.agent
    templates = Templates(ZoneInfo(settings.time_zone), settings.site, settings.alerting.templates)
    return (_try(integration, marked(configuration, name, one), templates) for one, integration in every)


def marked(configuration: Configuration, receiver: str, integration: str) -> Notification:
    """What is sent: it says what it is, in its label and in its summary."""
    agent = configuration.agent
    link = agent.external_url or f"http://{agent.web.listen}"
    made = sample("test", round(time.time() * 1000), str(link), agent.site)
    alerts = tuple(
        replace(
            alert,
            labels={**alert.labels, "test": "true"},
            annotations={**alert.annotations, "summary": f"TEST: {alert.annotations.get('summary', '')}"},
        )
        for alert in made.alerts
    )
    # Receivers drop what has the key of another, and take what is of a group to be about the same trouble.
    group = '{}/{test="true"}:{alertname="Test"}'
    return replace(made, key=new_key(), group_key=group, receiver=receiver, integration=integration, alerts=alerts)


def _try(integration: Any, notification: Notification, templates: Templates) -> Outcome:
    began = time.monotonic()
    reason = ""
    try:
        text = f"accepted by {deliver(integration, notification, templates)}"
    except DeliveryFailed as error:
        reason, text = error.reason, f"not delivered: {error}"
    return Outcome(notification.integration, reason, text, round(time.monotonic() - began, 3))
