"""uvicorn on the agent's own loop: on `web.listen`, and on a Unix socket for the command line."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from pacs_monitor.settings import WebSettings
from pacs_monitor.web.app import create_app
from pacs_monitor.web.auth import TRUSTED, Access, read_access
from pacs_monitor.web.certificates import load_pair
from pacs_monitor.web.core import Core
from pacs_monitor.web.errors import WebError
from pacs_monitor.web.listen import open_tcp, open_unix, tls_context
from pacs_monitor.web.protocol import Protocol

__all__ = ["WebError", "WebServer"]

_MOST_CONNECTIONS = 512
_GRACE = 1


class _Server(uvicorn.Server):
    """Signals are the agent's."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listens = asyncio.Event()
        self._ends = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Tell that it listens."""
        await super().startup(sockets)
        self.listens.set()

    async def main_loop(self) -> None:
        """Refresh the Date header each second; uvicorn's own loop wakes ten times as often to see whether to end."""
        while not self.should_exit:
            await self.on_tick(0)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._ends.wait(), 1.0)

    def end(self) -> None:
        """Stop listening, and end once what runs has ended."""
        self.should_exit = True
        self._ends.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


class _Trusted:
    """Marks what comes over the Unix socket: its file's rights have said already who may."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[TRUSTED] = True
        await self._app(scope, receive, send)


class WebServer:
    """Serves an agent. The settings are those at the start; what their files hold can be read anew."""

    def __init__(self, core: Core, web: WebSettings, control: Path | None = None, access: Access | None = None) -> None:
        """`control` is where the Unix socket is made; `access` is read from the settings unless given."""
        self._web = web
        self._control = control
        self._access = access
        self._app = create_app(core, lambda: self._access or Access(loopback=False))
        self._context: ssl.SSLContext | None = None
        self._servers: list[_Server] = []
        self._tasks: list[asyncio.Task[None]] = []
        self.address = web.address
        """Host and port; once started, the port that is really used."""

    @property
    def url(self) -> str:
        """Where the pages are."""
        host, port = self.address
        name = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
        return f"{'https' if self._web.tls else 'http'}://{f'[{name}]' if ':' in name else name}:{port}"

    async def start(self) -> None:
        """Listen and answer. Raises WebError with one sentence; then nothing is left open."""
        self._access = self._access or read_access(self._web)
        self._context = tls_context(self._web.tls) if self._web.tls else None
        async with contextlib.AsyncExitStack() as undo:
            undo.push_async_callback(self.stop)
            listening = open_tcp(*self._web.address)
            for one in listening:
                undo.callback(one.close)
            if self._control is not None:
                unix = open_unix(self._control)
                undo.callback(unix.close)
                await self._serve(_Trusted(self._app), [unix], None)
            await self._serve(self._app, listening, self._context)
            undo.pop_all()
        self.address = (self._web.address[0], listening[0].getsockname()[1])

    def refresh(self) -> None:
        """Read token, passwords and certificate anew, as after their renewal. Raises WebError; then all stays."""
        access = read_access(self._web)
        if self._web.tls and self._context:
            tls_context(self._web.tls)
            load_pair(self._context, self._web.tls)
        self._access = access

    async def stop(self) -> None:
        """Stop listening, let running answers end within a second, and remove the Unix socket."""
        if self._control is not None and self._servers:
            self._control.unlink(missing_ok=True)
        for server in self._servers:
            server.end()
        try:
            await asyncio.gather(*self._tasks, return_exceptions=True)
        finally:
            self._app.state.close()
            if self._access and self._access.passwords:
                self._access.passwords.close()
        self._servers, self._tasks = [], []

    async def _serve(self, app: ASGIApp, sockets: list[socket.socket], context: ssl.SSLContext | None) -> None:
        config = uvicorn.Config(
            app,
            http=Protocol,
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="warning",
            access_log=False,
            proxy_headers=False,  # a client's address is never what somebody claims
            server_header=False,
            limit_concurrency=_MOST_CONNECTIONS,
            timeout_graceful_shutdown=_GRACE,
        )
        config.load()
        config.ssl = context
        server = _Server(config)
        task = asyncio.get_running_loop().create_task(server.serve(sockets=sockets))
        self._servers.append(server)
        self._tasks.append(task)
        listens = asyncio.get_running_loop().create_task(server.listens.wait())
        await asyncio.wait([task, listens], return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            listens.cancel()
            task.result()
