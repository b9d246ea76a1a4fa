"""Alertmanager files for tests: read from text, told with the bare name of the file."""

from __future__ import annotations

from pathlib import Path

from pacs_monitor.routing.definitions import Email, Routing, Webhook
from pacs_monitor.routing.routefile import RouteFile, read_routes

RECEIVER = "receivers: [{name: r}]\n"
PLAIN = f"route: {{receiver: r}}\n{RECEIVER}"
MAIL = "smarthost: 'm:25', from: a@north.example, to: b@north.example"


def read(text: str, folder: Path) -> RouteFile:
    path = folder / "am.yml"
    path.write_text(text)
    return read_routes(path)


def good(text: str, folder: Path) -> Routing:
    found = read(text, folder)
    assert found.routing is not None, found.complaints
    return found.routing


def complaints(text: str, folder: Path) -> list[str]:
    """Without the folder's name."""
    return [str(one).replace(f"{folder}/", "") for one in read(text, folder).complaints]


def warnings(text: str, folder: Path) -> list[str]:
    found = read(text, folder)
    assert found.complaints == ()
    return [str(one).replace(f"{folder}/", "") for one in found.warnings]


def webhook(settings: str, folder: Path, shared: str = "") -> Webhook:
    text = f"{shared}route: {{receiver: r}}\nreceivers: [{{name: r, webhook_configs: [{{{settings}}}]}}]"
    (one,) = good(text, folder).receiver("r").integrations
    assert isinstance(one, Webhook)
    return one


def email(settings: str, folder: Path, shared: str = "") -> Email:
    text = f"{shared}route: {{receiver: r}}\nreceivers: [{{name: r, email_configs: [{{{settings}}}]}}]"
    (one,) = good(text, folder).receiver("r").integrations
    assert isinstance(one, Email)
    return one
