"""The application as a whole, whatever is asked."""

from __future__ import annotations

import pytest
from starlette.types import Message, Scope

from pacs_monitor.web.app import create_app
from tests.web.support import Agent

_JSON, _FORM = b"application/json", b"application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/api/v2/alerts", _JSON),
        ("/api/v2/silences", _JSON),
        ("/api/ack", _JSON),
        ("/api/maintenance", _JSON),
        ("/api/v1/query", _FORM),
        ("/-/heartbeat", _JSON),
    ],
)
async def test_a_client_that_hangs_up_in_the_middle_of_its_body_is_nobodys_mistake(
    agent: Agent, path: str, kind: bytes
) -> None:
    messages: list[Message] = [
        {"type": "http.request", "body": b"[{", "more_body": True},
        {"type": "http.disconnect"},
    ]
    received = iter(messages)
    sent: list[Message] = []

    async def receive() -> Message:
        return next(received)

    async def send(message: Message) -> None:
        sent.append(message)

    scope: Scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(b"host", b"127.0.0.1"), (b"content-type", kind)],
        "client": ("127.0.0.1", 40000),
        "server": ("127.0.0.1", 9811),
        "scheme": "http",
        "http_version": "1.1",
        "root_path": "",
    }
    app = create_app(agent.core())
    try:
        await app(scope, receive, send)
    finally:
        app.state.close()
    assert sent == []
