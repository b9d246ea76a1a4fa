import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any, Protocol

import httpx
import pytest

from pacs_monitor.settings import WebSettings
from pacs_monitor.web.auth import Access
from pacs_monitor.web.server import WebServer
from tests.hospital import Site, check, configuration, node
from tests.web.support import Agent

_NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # loading the usual certificates for each client takes 50 ms


class Serve(Protocol):
    """Serves an agent on a free port; a client of it, with these headers."""

    async def __call__(
        self, agent: Agent, access: Access | None = None, headers: dict[str, str] | None = None, **web: Any
    ) -> httpx.AsyncClient: ...


def new_agent() -> Agent:
    """An agent that no server has served yet."""
    archive, ct = node("archive", role="archive", importance="critical"), node("ct", role="modality")
    checks = [check(archive), check(archive, "c_find"), check(ct, down_after=3), check(None, "disk")]
    return Agent(Site(configuration([archive, ct], checks)))


@pytest.fixture
def agent() -> Agent:
    return new_agent()


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    async with AsyncExitStack() as stack:

        async def start(
            agent: Agent, access: Access | None = None, headers: dict[str, str] | None = None, **web: Any
        ) -> httpx.AsyncClient:
            server = WebServer(agent.core(), WebSettings(listen="127.0.0.1:0", **web), access=access)
            await server.start()
            stack.push_async_callback(server.stop)
            client = httpx.AsyncClient(
                base_url=server.url, headers=headers, trust_env=False, verify=_NO_TLS, timeout=60
            )
            return await stack.enter_async_context(client)

        yield start


@pytest.fixture
async def client(serve: Serve, agent: Agent) -> httpx.AsyncClient:
    return await serve(agent)
