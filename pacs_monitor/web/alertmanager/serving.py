"""Hands requests to the routes' thread, and has answers put together beside the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from pacs_monitor.routing.engine import Engine
from pacs_monitor.routing.stages import Moment
from pacs_monitor.web.alertmanager.answers import Refused
from pacs_monitor.web.core import Core
from pacs_monitor.web.untold import why_untold

T = TypeVar("T")
Handler = Callable[[Request], Awaitable[Response]]
LONGEST_WAIT = 30.0
"""Seconds that a request waits for the routes."""


class Desk:
    """What all handlers ask through."""

    def __init__(self, core: Core) -> None:
        self.core = core
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="alertmanager")

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def ask(self, work: Callable[[Engine, Moment], T]) -> T:
        """What the routes' thread finds, once its changes are written. Raises Refused, and what `work` raises."""
        routes = self.core.routes
        if not routes.at_work:
            raise Refused(503, why_untold(self.core))
        answer = asyncio.wrap_future(routes.dispatcher.ask(work))
        await asyncio.wait([answer], timeout=LONGEST_WAIT)
        if not answer.done():
            answer.cancel()
            raise Refused(503, f"the routes have not answered for {LONGEST_WAIT:g} s; see the agent's log")
        if answer.cancelled():
            raise Refused(503, "the agent is ending; ask again once it runs")
        return answer.result()

    async def change(self, work: Callable[[Engine, Moment], T]) -> T:
        """As `ask`, but Refused as well if the change is not on disk: it holds, but may not outlive a restart."""
        found, unsaved = await self.ask(lambda engine, at: (work(engine, at), engine))
        if unsaved.unsaved:
            raise Refused(500, "it is taken, but the state file cannot be written; see the agent's log")
        return found

    async def aside(self, work: Callable[[], T]) -> T:
        """What takes long, in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)


class Methods:
    """One path, with a handler for each method; refuses as Alertmanager does."""

    def __init__(self, **handlers: Handler) -> None:
        self._handlers: Mapping[str, Handler] = {name.upper(): one for name, one in handlers.items()}

    @property
    def methods(self) -> list[str]:
        """Those that are answered."""
        return sorted(self._handlers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request (ASGI)."""
        request = Request(scope, receive)
        answer: ASGIApp
        try:
            answer = await self._handler(request)(request)
        except Refused as refused:
            answer = refused.answer()
            if refused.status == 405:
                answer.headers["Allow"] = ",".join(self.methods)
        await answer(scope, receive, send)

    def _handler(self, request: Request) -> Handler:
        try:
            return self._handlers[request.method]
        except KeyError:
            allowed = ",".join(self.methods)
            raise Refused(405, f"method {request.method} is not allowed, but [{allowed}] are", 405) from None


async def no_such_path(request: Request) -> Response:
    """What is said under all other paths."""
    raise Refused(404, f"path {request.url.path} was not found", 404)
