"""`/api/v2/status` and `/api/v2/receivers`."""

from __future__ import annotations

import platform

from starlette.requests import Request
from starlette.responses import Response

from pacs_monitor.web.alertmanager import asked
from pacs_monitor.web.alertmanager.answers import json_answer
from pacs_monitor.web.alertmanager.serving import Desk
from pacs_monitor.web.alertmanager.shown import date_time

SPOKEN = "0.25.0"
"""The version of Alertmanager whose answers these are: Karma and Grafana decide by it what they ask for."""


class Status:
    """The endpoints."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def get(self, _: Request) -> Response:
        """The routes as they stand in the file, secrets masked, and that there is no cluster."""
        core = self._desk.core
        original = await self._desk.ask(lambda engine, at: engine.routing.original)
        told = {
            "cluster": {"peers": [], "status": "disabled"},
            "config": {"original": original},
            "uptime": date_time(round(core.started * 1000)),
            "versionInfo": {
                "branch": "pacs-monitor",
                "buildDate": "",
                "buildUser": "",
                "goVersion": f"python{platform.python_version()}",
                "revision": f"pacs-monitor {core.version}",
                "version": SPOKEN,
            },
        }
        return json_answer(told)

    async def receivers(self, request: Request) -> Response:
        """All receivers by name."""
        wanted = asked.receivers_match(request.query_params)
        every = await self._desk.ask(lambda engine, at: engine.routing.receivers)
        return json_answer([{"name": one.name} for one in every if wanted])
