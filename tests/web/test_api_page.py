"""docs/api.md names every path that the agent answers, and no other."""

from __future__ import annotations

import re
from typing import Any

from pacs_monitor.web.app import create_app
from tests.pages import read
from tests.web.support import Agent

_NAMES = {
    "{id}": "ID",
    "{name}": "NODE",
    "{node}": "NODE",
    "{check}": "CHECK",
    "{key}": "KEY",
    "{site}": "SITE",
    "{token}": "TOKEN",
    "{alert}": "ALERT",
}


def test_every_path_is_documented_with_its_methods(agent: Agent) -> None:
    app = create_app(agent.core())
    try:
        answered = {word for route in app.routes for word in spelled(route)}
    finally:
        app.state.close()
    told = set(re.findall(r"`((?:GET|POST|DELETE) /[^` ?]*)", read("docs/api.md")))
    assert answered - told - {"POST /api/v1/query", "POST /api/v1/query_range"} == set()
    assert told - answered == set()


def spelled(route: Any) -> list[str]:
    path = route.path.replace("{value:path}", "VALUE")
    for name, word in _NAMES.items():
        path = path.replace(name, word)
    if path.endswith("{rest:path}"):
        return []
    methods = getattr(route.app, "methods", None) or route.methods
    return [f"{method} {path}" for method in methods if method != "HEAD"]
