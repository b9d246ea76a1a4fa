"""What the agent can be told over the web: reload, probe, drain. And whether it lives and is ready."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from pacs_monitor.web.auth import MAY_SEE
from pacs_monitor.web.core import Core

NO_NODE = "-"
"""Stands in a path for the node of a check that has none; no node can be called so."""


_SITE = re.compile(r"[\w.-]{1,100}")
_LONGEST_BEAT = 1000


class Control:
    """The endpoints under `/-/`."""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def healthy(self, _: Request) -> Response:
        """200 as long as the agent answers at all."""
        return PlainTextResponse("pacs-monitor is healthy\n")

    async def ready(self, request: Request) -> Response:
        """200, or 503 with what is wrong for those who may see it."""
        problems = self._core.ready()
        if not problems:
            return PlainTextResponse("pacs-monitor is ready\n")
        told = "".join(f"{problem}\n" for problem in problems) if request.scope[MAY_SEE] else ""
        return PlainTextResponse(f"pacs-monitor is not ready\n{told}", 503)

    async def reload(self, _: Request) -> Response:
        """200 once the configuration is in force, or 400 with all complaints; then nothing has changed."""
        complaints = await self._core.reload()
        if complaints:
            return PlainTextResponse("".join(f"{complaint}\n" for complaint in complaints), 400)
        return PlainTextResponse("the configuration is reloaded\n")

    async def probe(self, request: Request) -> Response:
        """Run a check now; what it gave as JSON."""
        node, check = request.path_params["node"], request.path_params["check"]
        key = ("" if node == NO_NODE else node, check)
        if key not in self._core.results.records:
            return JSONResponse({"error": f"there is no check {check} of {node}"}, 404)
        try:
            return JSONResponse(await self._core.probe(key))
        except LookupError:
            return JSONResponse({"error": f"there is no check {check} of {node}"}, 404)
        except ConnectionError as error:
            return JSONResponse({"error": str(error)}, 503)

    async def hear(self, request: Request) -> Response:
        """Another agent's sign of life: `{"site": "south", "interval": 60}`."""
        try:
            told = json.loads(await _short_body(request))
            site, interval = told["site"], float(told["interval"])
            if not isinstance(site, str) or not _SITE.fullmatch(site) or not 1 <= interval <= 86400:
                raise ValueError("site or interval is none")
        except (ValueError, KeyError, TypeError):
            return PlainTextResponse('a heartbeat is {"site": NAME, "interval": SECONDS}, from 1 to 86400\n', 400)
        try:
            self._core.hear(site, interval)
        except ValueError as error:
            return PlainTextResponse(f"{error}\n", 429)
        return PlainTextResponse(f"{site} was heard\n")

    async def forget(self, request: Request) -> Response:
        """Another agent was taken out of service: its silence is no alarm."""
        site = request.path_params["site"]
        try:
            self._core.forget(site)
        except KeyError:
            return PlainTextResponse(f"no agent of the site {site} was heard of\n", 404)
        return PlainTextResponse(f"{site} is forgotten\n")

    async def drain(self, request: Request) -> Response:
        """Take a node out: load balancers get 503 for it, and nothing alerts anew."""
        return self._turn(request, self._core.context.drain, "is drained")

    async def undrain(self, request: Request) -> Response:
        """Take a drained node back in."""
        return self._turn(request, self._core.context.undrain, "is in use")

    def _turn(self, request: Request, turn: Callable[[str], None], outcome: str) -> Response:
        node = request.path_params["node"]
        try:
            turn(node)
        except LookupError:
            return PlainTextResponse(f"there is no node {node}\n", 404)
        return PlainTextResponse(f"{node} {outcome}\n")


async def _short_body(request: Request) -> bytes:
    """Raises ValueError for a long one."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LONGEST_BEAT:
            raise ValueError("too long")
    return body
