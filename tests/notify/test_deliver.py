"""Channel, template and fallback; and that nothing of what is sent is told elsewhere."""

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from pacs_monitor.check import CheckFailed
from pacs_monitor.notify.deliver import deliver
from pacs_monitor.notify.facts import facts_of
from pacs_monitor.notify.notification import DeliveryFailed, Notification, ToldAlert
from pacs_monitor.notify.samples import sample
from pacs_monitor.notify.templates import BODIES, Templates
from pacs_monitor.routing.definitions import Email, Integration, Secret, Webhook
from tests.conftest import StartRawServer
from tests.hospital import Site, check, configuration, node
from tests.notify.mailserver import mail_server, scripted
from tests.notify.samples import alert, notification
from tests.notify.webserver import web_hook

NOW = 1_795_515_120_000
CANARY = "CANARY"


@pytest.fixture
def templates(tmp_path: Path) -> Templates:
    return Templates(ZoneInfo("UTC"), "north", [tmp_path])


def mail(port: int, **changes: Any) -> Email:
    email = Email(to="a@x.example", sender="b@x.example", host="127.0.0.1", port=port, require_tls=False)
    return replace(email, **changes)


def hook(url: str, **changes: Any) -> Webhook:
    return replace(Webhook(url=Secret(url)), **changes)


def test_a_mail_says_what_its_template_says(templates: Templates) -> None:
    with mail_server() as inbox:
        told = deliver(mail(inbox.port), sample("firing", NOW), templates)
        deliver(mail(inbox.port, style="pager", language="de"), sample("firing", NOW), templates)
    assert told == "127.0.0.1, 250 2.0.0 Ok: queued"
    first, second = inbox.mails
    assert first["Subject"] == "[CRITICAL] north archive: rejected, AE title unknown, since 10:07"
    assert first.get_content_type() == "multipart/alternative"
    assert second["Subject"].startswith("[CRITICAL] north archive: abgewiesen")
    assert len(second.get_content().strip()) <= 140


def test_addresses_that_have_it_are_left_out(templates: Templates) -> None:
    with mail_server() as inbox:
        both = mail(inbox.port, to="a@x.example, c@x.example")
        deliver(both, sample("firing", NOW), templates, already=("a@x.example",))
    assert [to for _, to in inbox.envelopes] == ["c@x.example"]


def test_a_webhook_gets_alertmanagers_json_or_its_template(templates: Templates) -> None:
    with web_hook() as posts:
        deliver(hook(posts.url), sample("group", NOW), templates)
        deliver(hook(posts.url, max_alerts=1), sample("group", NOW), templates)
        deliver(hook(posts.url, template="teams"), sample("group", NOW), templates)
    bodies = [post.json for post in posts.posts]
    assert [body.get("truncatedAlerts") for body in bodies] == [0, 3, None]
    assert bodies[2]["type"] == "message"


def test_a_broken_template_is_told_in_the_log_and_stops_nothing(
    templates: Templates, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "own.json.j2").write_text("{{ nothing }}")
    (tmp_path / "own.html.j2").write_text("{{ nothing }}")
    with web_hook() as posts, mail_server() as inbox:
        deliver(hook(posts.url, template="own"), sample("firing", NOW), templates)
        deliver(mail(inbox.port, template="own"), sample("firing", NOW), templates)
    assert posts.posts[0].json["template_error"] == "own.json.j2, line 1: 'nothing' is undefined"
    assert "own.html.j2, line 1: 'nothing' is undefined" in " ".join(inbox.mails[0].get_content().split())
    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == [
        "the template of oncall failed: own.json.j2, line 1: 'nothing' is undefined",
        "the template of oncall failed: own.html.j2, line 1: 'nothing' is undefined",
    ]


# What is in a notification is told to its receiver alone.


def secret_one() -> Notification:
    told = {"summary": f"{CANARY} summary", "description": f"{CANARY} description"}
    return notification(alert(labels={"node": CANARY}, annotations=told), receiver="oncall")


def failure(integration: Integration, templates: Templates) -> str:
    with pytest.raises(DeliveryFailed) as caught:
        deliver(integration, secret_one(), templates)
    return str(caught.value)


@pytest.mark.parametrize("phase", ["MAIL", "RCPT", "DATA", "."])
def test_a_mail_server_that_repeats_the_mail(
    raw_server: StartRawServer, templates: Templates, phase: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    said = f"554 5.7.1 spam: {CANARY} summary" if phase == "." else "554 5.7.1 spam"
    failed = failure(mail(raw_server(scripted({phase: said})).port), templates)
    assert "554 5.7.1" in failed
    assert CANARY not in failed + caplog.text


def test_a_mail_server_that_repeats_the_mail_as_it_takes_it(raw_server: StartRawServer, templates: Templates) -> None:
    server = raw_server(scripted({".": f"250 2.0.0 queued: {CANARY} summary"}))
    assert deliver(mail(server.port), secret_one(), templates) == "127.0.0.1, 250 2.0.0"


@pytest.mark.parametrize("template", ["", *BODIES])
@pytest.mark.parametrize("status", [200, 302, 400, 429, 500])
def test_a_web_server_that_repeats_the_post(
    templates: Templates, template: str, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with web_hook(status=status, headers={"Location": f"/{CANARY}", "X-Said": CANARY}) as posts:
        posts.body = b'{"error": {"code": "' + CANARY.encode() * 20 + b'"}}'
        integration = hook(posts.url, template=template, secrets=(("routing_key", Secret("r0uting")),))
        told = deliver(integration, secret_one(), templates) if status == 200 else failure(integration, templates)
        assert CANARY in posts.posts[0].body.decode()
    for word in (CANARY, "s3cret", "r0uting"):
        assert word not in told + caplog.text


def test_of_a_check_only_what_pages_show_is_told(templates: Templates) -> None:
    archive = node("archive", labels={"ward": "CANARYlabel"}, user_identity={"username": "CANARYuser"})
    site = Site(configuration([archive], [replace(check(archive), settings={"key": "CANARYsetting"})]))
    site.give("archive", "timeout", CheckFailed("timeout", "archive is silent; look at it").message, CANARYphase=1.0)
    facts = facts_of(site.results.records, site.confirmation.states, lambda: site.configuration)
    labels = {"alertname": "NodeDown", "node": "archive", "site": "north"}
    told = ToldAlert("firing", labels, {}, NOW, None, "", "f", facts(labels))
    made = templates.mail(notification(told), mail(25))
    for body in (made.subject, made.text, made.html, str(facts(labels))):
        assert not [word for word in ("CANARYlabel", "CANARYuser", "CANARYsetting") if word in body]
