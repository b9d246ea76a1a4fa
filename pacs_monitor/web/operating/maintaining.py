"""`/api/maintenance`: nodes that are being worked on, by hand or by the configuration."""

from __future__ import annotations

from math import isfinite
from typing import Annotated, Any

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from pacs_monitor.web.alertmanager.answers import Refused, json_answer
from pacs_monitor.web.alertmanager.serving import Desk
from pacs_monitor.web.alertmanager.shown import date_time
from pacs_monitor.web.operating.bodies import Body, Text, read_body

LONGEST = 31 * 86_400


class _Start(Body):
    node: Text
    seconds: Annotated[float, Field(gt=0, le=LONGEST)]
    """How long it lasts."""
    by: Text = ""
    comment: Text = ""


class Maintaining:
    """The endpoints."""

    def __init__(self, desk: Desk) -> None:
        self._core = desk.core

    async def get(self, _: Request) -> Response:
        """What is in force."""
        return json_answer(self._told())

    async def post(self, request: Request) -> Response:
        """Begin one, or change its end."""
        wanted = await read_body(request, _Start)
        until = self._core.wall() + wanted.seconds
        try:
            self._core.context.maintain(wanted.node, until, wanted.by, wanted.comment)
        except LookupError as error:
            raise Refused(404, str(error.args[0])) from None
        return json_answer(next(one for one in self._told() if one["node"] == wanted.node and not one["plan"]))

    async def delete(self, request: Request) -> Response:
        """End one that was begun by hand."""
        node = request.path_params["node"]
        try:
            ended = self._core.context.end_maintenance(node)
        except LookupError as error:
            raise Refused(404, str(error.args[0])) from None
        if not ended:
            raise Refused(409, f"no maintenance of {node} was started by hand; what is configured ends as it says")
        return json_answer({"node": node})

    def _told(self) -> list[dict[str, Any]]:
        by_hand = [
            {
                "node": node,
                "plan": "",
                "since": date_time(round(one.since * 1000)),
                "until": date_time(round(one.until * 1000)),
                "by": one.by,
                "comment": one.comment,
            }
            for node, one in sorted(self._core.context.by_hand.all.items())
        ]
        planned = [
            {
                "node": node,
                "plan": plan.name,
                "since": _time(plan.phase.since),
                "until": _time(plan.phase.until),
                "by": "",
                "comment": dict(plan.labels).get("reason", ""),
            }
            for plan in self._core.context.plans
            if plan.cause == "maintenance" and plan.in_force
            for node in plan.nodes
        ]
        return [*by_hand, *planned]


def _time(seconds: float) -> str | None:
    return date_time(round(seconds * 1000)) if isfinite(seconds) else None
