"""What notifications look like: samples, rendered as a receiver or a template has them. Secrets are not shown."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace

from pacs_monitor.notify.deliver import body_of
from pacs_monitor.notify.message import Mail
from pacs_monitor.notify.notification import Notification
from pacs_monitor.notify.templates import Templates
from pacs_monitor.notify.view import NotificationView
from pacs_monitor.routing.definitions import Email, Receiver

HIDDEN = "(hidden)"


@dataclass(frozen=True, slots=True)
class Preview:
    """One text with what it is."""

    title: str
    text: str
    html: str = ""


def of_template(name: str, notification: Notification, templates: Templates, language: str) -> list[Preview]:
    """What a template makes of it; "" is what there is without one. Raises TemplateFailed, LookupError."""
    view = templates.view(notification, language)
    made = []
    if not name or templates.has(name, "mail"):
        made.append(_mail(templates.own_mail(name or "mail", view), "mail"))
        made.append(_mail(templates.own_mail(name or "pager", view, pager=True), "pager"))
    if name and templates.has(name, "json"):
        made.append(_body(name, view, templates))
    if not made:
        raise LookupError(f"there is no template {name}; its files would be {name}.txt.j2 or {name}.json.j2")
    return made


def of_receiver(receiver: Receiver, notification: Notification, templates: Templates) -> list[Preview]:
    """What each integration of a receiver would get. Raises TemplateFailed."""
    made = []
    for title, integration in receiver.named():
        told = replace(notification, receiver=receiver.name, integration=title)
        if isinstance(integration, Email):
            view = templates.view(told, integration.language)
            name = integration.template or integration.style
            made.append(_mail(templates.own_mail(name, view, pager=integration.style == "pager"), title))
        elif integration.template:
            secrets = {name: HIDDEN for name, _ in integration.secrets}
            view = replace(templates.view(told), secrets=secrets)
            made.append(replace(_body(integration.template, view, templates), title=title))
        else:
            made.append(Preview(title, _pretty(body_of(integration, told, templates))))
    return made


def shown(previews: Iterable[Preview]) -> str:
    """All of them, one below the other."""
    return "\n".join(f"--- {one.title}\n{one.text.rstrip()}\n" for one in previews)


def _mail(mail: Mail, title: str) -> Preview:
    about = title if mail.html else f"{title}, {len(mail.text)} characters"
    return Preview(about, f"Subject: {mail.subject}\n\n{mail.text}", mail.html)


def _body(name: str, view: NotificationView, templates: Templates) -> Preview:
    secrets = dict.fromkeys(templates.secrets_of(name), HIDDEN)
    return Preview(
        f"{name}.json.j2", _pretty(templates.own_body(name, replace(view, secrets={**secrets, **view.secrets})))
    )


def _pretty(body: bytes) -> str:
    return json.dumps(json.loads(body), ensure_ascii=False, indent=2)
