"""Receivers: whom alerts go to. Kinds that this agent does not send are accepted and told."""

from __future__ import annotations

from dataclasses import dataclass, field

from pacs_monitor.routing.definitions import Email, Receiver, Webhook
from pacs_monitor.routing.reading.email import EMAIL, Smtp, read_email
from pacs_monitor.routing.reading.fields import Section
from pacs_monitor.routing.reading.http import Http
from pacs_monitor.routing.reading.webhook import WEBHOOK, read_webhook

_OWN = "a webhook with a Jinja2 template of your own"
UNSENT = {
    "slack_configs": "a webhook with the template slack",
    "mattermost_configs": "a webhook with the template slack",
    "rocketchat_configs": "a webhook with the template slack",
    "msteams_configs": "a webhook with the template teams",
    "msteamsv2_configs": "a webhook with the template teams",
    "pagerduty_configs": "a webhook with the template pagerduty",
    **dict.fromkeys(
        (
            "discord_configs",
            "incidentio_configs",
            "jira_configs",
            "opsgenie_configs",
            "pushover_configs",
            "sns_configs",
            "telegram_configs",
            "victorops_configs",
            "webex_configs",
            "wechat_configs",
        ),
        _OWN,
    ),
}
"""What takes the place of each kind."""
RECEIVER = ("name", "email_configs", "webhook_configs", *UNSENT)


@dataclass
class Receivers:
    """All of a file."""

    by_name: dict[str, Receiver] = field(default_factory=dict)
    unsent: dict[str, list[str]] = field(default_factory=dict)
    """Of each, the kinds that are not sent."""


def read_receivers(top: Section, smtp: Smtp, http: Http) -> Receivers:
    """Without those that have no name, after a complaint."""
    found = Receivers()
    for part in top.sections("receivers", "a receiver", RECEIVER):
        receiver = _receiver(part, smtp, http)
        name = receiver.name
        if not name:
            part.complain("name", "every receiver needs one; write name: and a name")
            continue
        if name in found.by_name:
            first = found.by_name[name].line
            part.complain("name", f"there is a receiver {name} in line {first}; rename one, or join the two")
        found.by_name.setdefault(name, receiver)
        found.unsent[name] = [kind for kind in UNSENT if part.maps(kind, "a receiver's settings")]
        for kind in found.unsent[name]:
            part.warn(kind, f"is not sent by this agent; {UNSENT[kind]} takes its place (`alerting.receivers`)")
    return found


def _receiver(part: Section, smtp: Smtp, http: Http) -> Receiver:
    made: list[Email | Webhook] = []
    made.extend(read_email(one, smtp) for one in part.sections("email_configs", "a mail's settings", EMAIL))
    made.extend(read_webhook(one, http) for one in part.sections("webhook_configs", "a webhook's settings", WEBHOOK))
    return Receiver(part.text("name"), tuple(made), part.value.line)
