from collections.abc import Collection, Iterator
from pathlib import Path

import httpx
import pytest

from pacs_monitor.notify.notification import DeliveryFailed, Notification
from pacs_monitor.routing.definitions import Integration
from pacs_monitor.routing.routefile import read_routes
from pacs_monitor.routing.service import Routes
from pacs_monitor.state import State
from tests.web.conftest import Serve
from tests.web.support import Agent

ROUTES = """
route:
  receiver: team
  group_by: [alertname]
  group_wait: 1h
  routes:
    - receiver: pager
      matchers: [severity="critical"]
      continue: true
    - receiver: nobody
      matchers: [node=nobody]
    - receiver: team
      matchers: [node="muted"]
      mute_time_intervals: [always]
    - receiver: team
receivers:
  - name: team
    webhook_configs: [{url: "http://chat.north.example/SECRETPATH"}]
  - name: pager
    webhook_configs: [{url: "http://pager.north.example/SECRETPATH", send_resolved: false}]
  - name: nobody
inhibit_rules:
  - source_matchers: [alertname="NodeDown"]
    target_matchers: [alertname="CheckDown"]
    equal: [node]
time_intervals:
  - name: always
    time_intervals: [{months: ["1:12"]}]
"""


class Post:
    """What is sent, and who refuses it."""

    def __init__(self) -> None:
        self.sent: list[Notification] = []
        self.failing: dict[str, DeliveryFailed] = {}

    def __call__(self, integration: Integration, content: Notification, done: Collection[str]) -> str:
        if content.receiver in self.failing:
            raise self.failing[content.receiver]
        self.sent.append(content)
        return f"{content.receiver}.north.example: 200 OK"


@pytest.fixture
def post() -> Post:
    return Post()


@pytest.fixture
def routes(tmp_path: Path, post: Post) -> Iterator[Routes]:
    path = tmp_path / "routes.yml"
    path.write_text(ROUTES)
    routing = read_routes(path).routing
    assert routing is not None
    state = State(tmp_path / "state.db", "north")
    made = Routes(state, post, {"site": "north"})
    made.start(routing, "http://pacsmon.north.example")
    yield made
    made.stop(2.0)
    state.close()


@pytest.fixture
async def ours(serve: Serve, agent: Agent, routes: Routes) -> httpx.AsyncClient:
    agent.routes = routes
    return await serve(agent)
