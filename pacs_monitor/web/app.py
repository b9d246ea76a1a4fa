"""The web application: which path is answered by what."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pacs_monitor.web.acknowledging import Acknowledging
from pacs_monitor.web.alertmanager.app import alertmanager_routes
from pacs_monitor.web.alertmanager.serving import Desk
from pacs_monitor.web.auth import Access, Guard
from pacs_monitor.web.control import Control
from pacs_monitor.web.core import Core
from pacs_monitor.web.health import Health
from pacs_monitor.web.landing import Landing
from pacs_monitor.web.metrics import Metrics
from pacs_monitor.web.operating.app import operating_routes
from pacs_monitor.web.query import Query
from pacs_monitor.web.runbooks import Runbooks
from pacs_monitor.web.status import Status

__all__ = ["Core", "create_app"]


class _HangingUp:
    """A client that hangs up before it has said all is gone: there is nobody to answer, and nothing to log."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with contextlib.suppress(ClientDisconnect):
            await self._app(scope, receive, send)


class _Headers:
    """Nothing is cached, nothing is guessed about types."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Cache-Control"] = "no-store"
                headers["X-Content-Type-Options"] = "nosniff"
            await send(message)

        await self._app(scope, receive, send_with_headers)


def create_app(core: Core, access: Callable[[], Access] = Access) -> Starlette:
    """The application over an agent. `access` gives who may ask, anew for each request; this machine unless given.

    `app.state.close()` ends its threads.
    """
    metrics, health, control, status = (
        Metrics(core.exposition, core.registry),
        Health(core),
        Control(core),
        Status(core),
    )
    landing, query, desk = Landing(core, status), Query(core.alerting), Desk(core)
    acknowledging = Acknowledging(desk)

    routes = [
        Route("/", landing.__call__),
        Route("/metrics", metrics.__call__),
        Route("/health", health.imaging),
        Route("/health/node/{name}", health.node),
        Route("/health/label/{key}/{value:path}", health.label),
        Route("/api/status", status.__call__),
        Route("/api/v1/query", query.instant, methods=["GET", "POST"]),
        Route("/api/v1/query_range", query.range, methods=["GET", "POST"]),
        Route("/-/healthy", control.healthy),
        Route("/-/ready", control.ready),
        Route("/-/reload", control.reload, methods=["POST"]),
        Route("/-/probe/{node}/{check}", control.probe, methods=["POST"]),
        Route("/-/heartbeat", control.hear, methods=["POST"]),
        Route("/-/heartbeat/{site}", control.forget, methods=["DELETE"]),
        Route("/-/drain/{node}", control.drain, methods=["POST"]),
        Route("/-/undrain/{node}", control.undrain, methods=["POST"]),
        *alertmanager_routes(desk),
        *operating_routes(desk, status),
        Route("/ack/{token}", acknowledging.get, methods=["GET"]),
        Route("/ack/{token}", acknowledging.post, methods=["POST"]),
        Route("/runbooks/{alert}", Runbooks().__call__),
    ]
    middleware = [
        Middleware(_HangingUp),
        Middleware(_Headers),
        Middleware(Guard, access, lambda: core.configuration().agent.external_url),
    ]
    app = Starlette(routes=routes, middleware=middleware)

    def close() -> None:
        metrics.close()
        status.close()
        desk.close()

    app.state.close = close
    return app
