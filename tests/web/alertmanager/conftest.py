from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from pacs_monitor.routing.routefile import read_routes
from pacs_monitor.routing.service import Routes
from pacs_monitor.state import State
from tests.web.alertmanager.peer import ROUTES
from tests.web.conftest import Serve
from tests.web.support import Agent


@pytest.fixture
def routes(tmp_path: Path) -> Iterator[Routes]:
    """Routes at work that tell nobody anything: their receivers have no integrations."""
    path = tmp_path / "ours.yml"
    path.write_text(ROUTES)
    routing = read_routes(path).routing
    assert routing is not None
    state = State(tmp_path / "state.db", "north")
    made = Routes(state, lambda *_: "taken", {"site": "north"})
    made.start(routing, "http://pacsmon.north.example")
    yield made
    made.stop(2.0)
    state.close()


@pytest.fixture
async def ours(serve: Serve, agent: Agent, routes: Routes) -> httpx.AsyncClient:
    agent.routes = routes
    return await serve(agent)
