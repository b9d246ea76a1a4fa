"""What the tests of templates have in common: a site, its channels, and how to read what is rendered."""

import json
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any
from zoneinfo import ZoneInfo

from pacs_monitor.notify.notification import Notification
from pacs_monitor.notify.templates import Templates
from pacs_monitor.routing.definitions import Email, Secret, Webhook

NOW = 1_795_515_120_000  # 10:12 UTC, 12:12 in Bucharest
ZONE = ZoneInfo("Europe/Bucharest")
MAIL = Email(to="a@north.example", sender="b@north.example", host="mail", port=25)
RUNBOOK = "https://pacsmon.north.example/runbooks/NodeDown"
HOOK = Webhook(url=Secret("http://x/"), secrets=(("routing_key", Secret("r0uting")),))


def subject(templates: Templates, told: Notification, **changes: Any) -> str:
    return templates.mail(told, replace(MAIL, **changes)).subject


def body(templates: Templates, name: str, told: Notification) -> Any:
    return json.loads(templates.body(told, replace(HOOK, template=name)))


def readable(html: str) -> str:
    """What a reader sees."""
    found: list[str] = []

    class Reader(HTMLParser):
        skipped = 0

        def handle_starttag(self, tag: str, attrs: object) -> None:
            self.skipped += tag in ("style", "title")

        def handle_endtag(self, tag: str) -> None:
            self.skipped -= tag in ("style", "title")

        def handle_data(self, data: str) -> None:
            if not self.skipped:
                found.append(data)

    Reader().feed(html)
    return " ".join(found)


def balanced(html: str) -> None:
    """Every element that is opened is closed, in order."""
    stack: list[str] = []

    class Checker(HTMLParser):
        def handle_starttag(self, tag: str, attrs: object) -> None:
            if tag not in ("meta", "br"):
                stack.append(tag)

        def handle_endtag(self, tag: str) -> None:
            assert stack.pop() == tag

    Checker().feed(html)
    assert stack == []
