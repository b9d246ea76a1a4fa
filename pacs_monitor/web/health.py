"""`/health*`: verdicts as `application/health+json` in the spirit of draft-inadarei-api-health-check.

Everybody gets the status; which nodes and checks stand behind it is for those who may see it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pacs_monitor.health import Health as Verdicts
from pacs_monitor.health import Verdict
from pacs_monitor.results import Record
from pacs_monitor.web.auth import MAY_SEE
from pacs_monitor.web.core import Core

MOST_TOLD = 500
"""Of more checks than this, only those that fail are told in detail, and no more of them."""


class HealthJson(JSONResponse):
    """JSON under the type that the draft names."""

    media_type = "application/health+json"


class Health:
    """The three health endpoints."""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def imaging(self, request: Request) -> Response:
        """Imaging as a whole."""
        return self._answer(request, lambda health: health.imaging())

    async def node(self, request: Request) -> Response:
        """One node; `?check=NAME` restricts it to that check."""
        name, checks = request.path_params["name"], request.query_params.getlist("check")
        return self._answer(request, lambda health: health.node(name, checks))

    async def label(self, request: Request) -> Response:
        """The nodes with a label; `?check=NAME` as for a node."""
        key, value = request.path_params["key"], request.path_params["value"]
        checks = request.query_params.getlist("check")
        return self._answer(request, lambda health: health.label(key, value, checks))

    def _answer(self, request: Request, ask: Callable[[Verdicts], Verdict]) -> Response:
        try:
            verdict = ask(self._core.health)
        except LookupError as error:
            return HealthJson({"status": "fail", "output": str(error.args[0])}, 404)
        body: dict[str, Any] = {"status": "pass" if verdict.healthy else "fail"}
        if verdict.word:
            body["output"] = verdict.word
        if request.scope[MAY_SEE]:
            body |= {"version": self._core.version, "description": "imaging as pacs-monitor sees it"}
            body["notes"] = list(verdict.sentences[:MOST_TOLD])
            records = _told(verdict.records, self._core.health.explain)
            body["checks"] = {"/".join(filter(None, record.key)): [self._detail(record)] for record in records}
        return HealthJson(body, 200 if verdict.healthy else 503)

    def _detail(self, record: Record) -> dict[str, Any]:
        sentence = self._core.health.explain(record)
        detail: dict[str, Any] = {
            "componentType": record.configured.kind,
            "observedValue": round(record.duration, 6),
            "observedUnit": "s",
            "status": "fail" if sentence else "pass",
        }
        if record.last_run is not None:
            detail["time"] = datetime.fromtimestamp(record.last_run, UTC).isoformat(timespec="milliseconds")
        if sentence:
            detail["output"] = sentence
        return detail


def _told(records: tuple[Record, ...], explain: Callable[[Record], str]) -> Iterable[Record]:
    if len(records) <= MOST_TOLD:
        return records
    return islice(filter(explain, records), MOST_TOLD)
