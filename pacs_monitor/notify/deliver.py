"""One notification to one address: which channel, which template, and what goes out if the template is broken."""

from __future__ import annotations

import json
import logging
from collections.abc import Collection
from typing import Protocol

from pacs_monitor.notify import email, webhook
from pacs_monitor.notify.message import Mail
from pacs_monitor.notify.notification import Notification, alertmanager_json
from pacs_monitor.routing.definitions import Email, Integration, Webhook

log = logging.getLogger(__name__)
_ESCAPED = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"})


class Templates(Protocol):
    """What makes texts of notifications. Nothing here raises: a broken template gives a plain text that says so."""

    def mail(self, notification: Notification, integration: Email) -> Mail:
        """As its `template`, `style` and `language` say."""

    def body(self, notification: Notification, integration: Webhook) -> bytes:
        """What is posted, as its `template` says. Raises DeliveryFailed if one of its secrets cannot be read."""


def deliver(
    integration: Integration, notification: Notification, templates: Templates, already: Collection[str] = ()
) -> str:
    """What the other side said. Raises DeliveryFailed alone.

    `already` are the addresses that an earlier try has reached (`DeliveryFailed.delivered`).
    """
    if isinstance(integration, Email):
        return email.send(integration, notification, templates.mail(notification, integration), already)
    return webhook.send(integration, notification, body_of(integration, notification, templates))


def body_of(integration: Webhook, notification: Notification, templates: Templates) -> bytes:
    """What is posted: Alertmanager's JSON, byte for byte, unless there is a template. Raises DeliveryFailed."""
    if integration.template:
        return templates.body(notification, integration)
    return go_json(alertmanager_json(notification, integration.max_alerts))


def go_json(data: object) -> bytes:
    """JSON as Go's encoder writes it."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":")).translate(_ESCAPED)
    return text.encode("utf-8", "replace") + b"\n"
