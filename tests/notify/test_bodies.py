"""Bodies of webhooks, and what becomes of labels that hold anything."""

import json
import re
from dataclasses import replace
from typing import Any

import pytest

from pacs_monitor.notify.deliver import body_of
from pacs_monitor.notify.notification import Notification
from pacs_monitor.notify.samples import sample
from pacs_monitor.notify.templates import BODIES, Templates
from tests.notify.rendering import HOOK, MAIL, NOW, RUNBOOK, balanced, body
from tests.notify.samples import SAYS, alert, notification


def test_teams(templates: Templates) -> None:
    posted = body(templates, "teams", sample("firing", NOW))
    (attachment,) = posted["attachments"]
    assert posted["type"] == "message"
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    card = attachment["content"]
    assert card["type"] == "AdaptiveCard"
    assert card["body"][0]["text"].startswith("CRITICAL: north archive")
    assert card["body"][0]["color"] == "Attention"
    assert [action["title"] for action in card["actions"]] == ["Acknowledge", "Runbook", "Open pacs-monitor"]
    assert card["actions"][1]["url"] == RUNBOOK
    over = body(templates, "teams", sample("resolved", NOW))["attachments"][0]["content"]
    assert [action["title"] for action in over["actions"]] == ["Open pacs-monitor"]


def test_slack(templates: Templates) -> None:
    posted = body(templates, "slack", sample("group", NOW))
    assert posted["text"].startswith("[CRITICAL] north: 3 nodes down")
    kinds = [block["type"] for block in posted["blocks"]]
    assert kinds == ["header", *["section"] * 4, "actions"]


@pytest.mark.parametrize("name", ["slack", "teams", "pagerduty"])
def test_chats_say_what_a_person_needs_at_night(templates: Templates, name: str) -> None:
    fires, over = (json.dumps(body(templates, name, sample(which, NOW))) for which in ("firing", "resolved"))
    for part in (
        "archive does not know our AE title PACSMON.",
        "Register PACSMON there",
        "ct1, ct2, mr1, us1, us2, ws-reading-1, ws-reading-2, xr1 and 3 more",
        "12:05",
        "hotline 0800 123",
    ):
        assert part in fires, part
    if name != "pagerduty":  # it has its own escalation
        assert "PACS team (mail, 10:12)" in fires
        assert "Dr. North is called, unless somebody acknowledges" in fires
    assert "What it was: archive is down at north." in over
    assert "answers in 12.4 ms" in over
    assert "Who is affected" not in over
    if name == "slack":
        linked = replace(
            sample("firing", NOW),
            alerts=(alert(annotations={**SAYS, "runbook_url": "https://wiki.north.example/NodeDown"}),),
        )
        assert "<https://wiki.north.example/NodeDown|Runbook>" in json.dumps(body(templates, name, linked))


def test_pagerduty(templates: Templates) -> None:
    fires, over = (body(templates, "pagerduty", sample(name, NOW)) for name in ("firing", "resolved"))
    assert (fires["event_action"], over["event_action"]) == ("trigger", "resolve")
    assert fires["routing_key"] == "r0uting"
    assert fires["dedup_key"] == over["dedup_key"]
    assert fires["payload"]["summary"].startswith("north archive: rejected")
    assert fires["payload"]["severity"] == "critical"
    assert fires["payload"]["source"] == "archive"
    assert fires["payload"]["timestamp"] == "2026-11-24T10:07:00Z"


def test_generic(templates: Templates) -> None:
    posted = body(templates, "generic", sample("group", NOW))
    assert posted["text"].startswith("[CRITICAL]")
    assert [one["title"] for one in posted["alerts"]] == ["ct2", "archive", "ct1", "router"]
    assert "template_error" not in posted


def test_without_a_template_it_is_alertmanagers(templates: Templates) -> None:
    posted = json.loads(body_of(HOOK, sample("firing", NOW), templates))
    assert posted["version"] == "4"


HOSTILE = {
    "quotes": "a\"b'c\\d",
    "lines": "a\nb\r\nBcc: x@y\u2028z",
    "html": '<script>alert(1)</script><img src="http://evil.example/x">&amp;',
    "long": "archive says no " * 6400,
    "control": "\x00\x1b[31mred\x07\x9b",
    "direction": "\u202eexe.fdp\u2066\u2069\u200f",
    "json": '", "evil": "',
    "jinja": "{{ secrets }}{% for x in range(9) %}{{ x }}{% endfor %}",
    "slack": "<!channel> <https://evil.example|archive> *bold*",
    "markdown": "[click](https://evil.example) ![x](http://evil.example/x)",
    "arabic": "الأرشيف لا يستجيب " * 500,
    "surrogate": "\ud800 \udfff",
    "emoji": "🏥" * 2000,
    "percent": "%s %(x)s {x} {0}",
}


@pytest.fixture(params=HOSTILE)
def hostile(request: pytest.FixtureRequest) -> Notification:
    text = HOSTILE[request.param]
    labels = dict.fromkeys(("alertname", "node", "site", "severity", "role", "check", "own"), text)
    told = dict.fromkeys(("summary", "description", "runbook"), text)
    facts = {"reason": text, "sentence": f"{text}; {text}", "notes": text, "affected": [text] * 20, "address": text}
    alerts = [
        alert(labels=labels, annotations=told, facts=facts, generator_url=text),
        alert(labels=labels, annotations=told, facts=facts, status="resolved", ends_at=NOW + 60_000),
    ]
    links = {"acknowledge": f"javascript:{text}"}
    return notification(*alerts, told=(text,), next_step=text, note=text, links=links, external_url=text, receiver=text)


@pytest.mark.parametrize("language", ["en", "de"])
def test_mails_whatever_labels_hold(
    templates: Templates, hostile: Notification, language: str, caplog: pytest.LogCaptureFixture
) -> None:
    for style in ("mail", "pager"):
        mail = templates.mail(hostile, replace(MAIL, style=style, language=language))
        assert not caplog.records
        assert mail.subject.isprintable()
        assert len(mail.subject) <= 250
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]", mail.text + mail.html)
        assert not re.search(r"<script|<img|javascript:|r0uting", mail.html)
        assert len(mail.html) < 100_000
        if mail.html:
            balanced(mail.html)
        (mail.subject + mail.text + mail.html).encode()


@pytest.mark.parametrize("name", BODIES)
def test_bodies_whatever_labels_hold(
    templates: Templates, hostile: Notification, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    raw = templates.body(hostile, replace(HOOK, template=name))
    assert not caplog.records
    posted = json.loads(raw)
    assert "evil" not in posted
    assert len(raw) <= {"teams": 20_000, "slack": 12_000, "pagerduty": 480_000}.get(name, 500_000)
    if name == "slack":
        check_slack(posted)
    if name == "pagerduty":
        assert len(posted["payload"]["summary"]) <= 1024
        assert len(posted["dedup_key"]) <= 255
        assert posted["payload"]["severity"] in ("critical", "error", "warning", "info")
    if name == "teams":
        assert not re.search(r"\]\(", json.dumps(posted["attachments"]))


def check_slack(posted: Any) -> None:
    assert len(posted["blocks"]) <= 50
    for block in posted["blocks"]:
        if block["type"] == "header":
            assert len(block["text"]["text"]) <= 150
        if block["type"] == "section":
            assert len(block["text"]["text"]) <= 3000
            assert "<" not in block["text"]["text"].replace(f"<{RUNBOOK}|Runbook>", "")
    assert "<" not in posted["text"]


@pytest.mark.parametrize("name", BODIES)
def test_bodies_of_thousands(templates: Templates, name: str) -> None:
    facts = {"reason": "timeout", "sentence": "x" * 900 + "; " + "y" * 900, "notes": "z" * 500}
    many = notification(*(alert(labels={"node": f"node{number}"}, facts=facts) for number in range(3000)))
    raw = templates.body(many, replace(HOOK, template=name))
    assert len(raw) <= {"teams": 20_000, "slack": 12_000, "pagerduty": 512_000}.get(name, 1_000_000)
    if name == "slack":
        check_slack(json.loads(raw))
