"""`/api/baseline/NODE`: what a node is compared with, and that a change was meant."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from pacs_monitor.baselines import Baselines
from pacs_monitor.memory import NotSaved
from pacs_monitor.web.alertmanager.answers import Refused, json_answer
from pacs_monitor.web.alertmanager.serving import Desk
from pacs_monitor.web.operating.bodies import Body, Text, read_body


class _Accept(Body):
    by: Text = ""


class Baselining:
    """The endpoints."""

    def __init__(self, desk: Desk) -> None:
        self._core = desk.core

    async def get(self, request: Request) -> Response:
        """The baselines of a node's checks, and what differs."""
        try:
            return json_answer(self._baselines.show(request.path_params["node"]))
        except LookupError as error:
            raise Refused(404, str(error.args[0])) from None

    async def post(self, request: Request) -> Response:
        """Accept what the node is now; each check runs once for that."""
        wanted = await read_body(request, _Accept)
        try:
            return json_answer(await self._baselines.accept(request.path_params["node"], wanted.by))
        except LookupError as error:
            raise Refused(404, str(error.args[0])) from None
        except (NotSaved, ConnectionError) as error:
            raise Refused(503, f"not accepted: {error}; look at the agent's log, then do it again") from None

    @property
    def _baselines(self) -> Baselines:
        if self._core.baselines is None:
            raise Refused(404, "this agent keeps no baselines")
        return self._core.baselines
