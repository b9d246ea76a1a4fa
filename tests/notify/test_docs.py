"""What docs/notifications.md shows and lists."""

import json
import re
import time
from dataclasses import fields
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pacs_monitor.config import load
from pacs_monitor.notify.alert_view import AlertView
from pacs_monitor.notify.filters import FILTERS
from pacs_monitor.notify.samples import SAMPLES, sample
from pacs_monitor.notify.signing import sign
from pacs_monitor.notify.templates import BODIES, Templates
from pacs_monitor.notify.view import NotificationView
from pacs_monitor.routing.definitions import Secret, Webhook
from tests.pages import block, read

PAGE = "docs/notifications.md"
ROUTES = """
route: {{receiver: team}}
receivers:
  - {{name: team, email_configs: [{mail}]}}
  - {{name: pager, email_configs: [{mail}]}}
  - {{name: incidents, webhook_configs: [{hook}]}}
  - {{name: desk, webhook_configs: [{hook}]}}
  - {{name: tickets, webhook_configs: [{hook}]}}
"""
MAIL, HOOK = "{to: a@x.example, from: b@x.example, smarthost: 'mail:25'}", "{url: 'https://x.example/y'}"


def test_the_example_of_settings_and_of_a_template_work(tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates/ticket.json.j2").write_text(block(PAGE, "jinja", "title"))
    (tmp_path / "alertmanager.yml").write_text(ROUTES.format(mail=MAIL, hook=HOOK))
    for name in ("routing-key", "signing-key"):
        (tmp_path / name).write_text("k3y")
    file = tmp_path / "pacs-monitor.yml"
    file.write_text("nodes: [{name: a, host: 10.0.0.1}]\n" + block(PAGE, "yaml", "routing_key"))
    assert load(file).routing is not None
    templates = Templates(ZoneInfo("UTC"), "north", [tmp_path / "templates"])
    for name in SAMPLES:
        posted = json.loads(templates.body(sample(name, 0), Webhook(url=Secret("x"), template="ticket")))
        assert posted["closed"] is (name in ("resolved", "late"))


def test_the_example_verifies_a_signature() -> None:
    scope: dict[str, Any] = {}
    exec(block(PAGE, "python", "from_pacs_monitor"), scope)
    now = str(int(time.time()))
    headers = {"X-Pacs-Monitor-Timestamp": now, "X-Pacs-Monitor-Signature": sign("k3y", now, b"{}")}
    verify = scope["from_pacs_monitor"]
    assert verify(b"k3y", headers, b"{}")
    assert not verify(b"k3y", headers, b"{ }")
    assert not verify(b"other", headers, b"{}")


def test_every_variable_filter_and_template_is_told() -> None:
    text = read(PAGE)
    told = set(re.findall(r"`([\w.]+)[`(]", text))
    assert {one.name for one in fields(NotificationView)} - told == set()
    assert {f"alert.{one.name}" for one in fields(AlertView)} - told == set()
    assert set(FILTERS) - told == set()
    assert {*BODIES, *SAMPLES} - told == set()
