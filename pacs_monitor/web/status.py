"""Each check's state in words and figures: for `/api/status`, the pages and the command line."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

from starlette.requests import Request
from starlette.responses import Response

from pacs_monitor.check import Histogram
from pacs_monitor.confirm import Confirmed
from pacs_monitor.metrics import json_number
from pacs_monitor.results import Record
from pacs_monitor.web.core import Core

Word = Literal["healthy", "failing", "down", "unknown"]


class Status:
    """States of all checks. Told in a thread: ten thousand of them take half a second."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self.thread = ThreadPoolExecutor(1, thread_name_prefix="status")

    async def __call__(self, request: Request) -> Response:
        """All checks as JSON; `?node=` and `?check=` restrict them. Times are Unix times, durations seconds."""
        wanted = request.query_params.get("node"), request.query_params.get("check")
        loop = asyncio.get_running_loop()
        body = await loop.run_in_executor(self.thread, self._body, *wanted)
        return Response(body, media_type="application/json")

    def close(self) -> None:
        """End the thread."""
        self.thread.shutdown(wait=False, cancel_futures=True)

    def word(self, record: Record, confirmed: Confirmed, now: float) -> Word:
        """healthy, failing (not confirmed down yet), down, or unknown: no verdict yet, or none for too long."""
        if confirmed.as_of and self._core.confirmation.is_stale(record, now):
            return "unknown"
        if confirmed.healthy is False:
            return "down"
        if record.up is False:
            return "failing"
        return "healthy" if confirmed.healthy else "unknown"

    def rows(self) -> Iterator[tuple[Record, Confirmed, Word]]:
        """Each check with its state."""
        now = self._core.wall()
        states = self._core.confirmation.states
        for key, record in list(self._core.results.records.items()):
            confirmed = states.get(key)
            if confirmed is not None:
                yield record, confirmed, self.word(record, confirmed, now)

    def _body(self, node: str | None, check: str | None) -> bytes:
        checks = (
            self._plain(record, confirmed, word)
            for record, confirmed, word in self.rows()
            if node in (None, record.key[0]) and check in (None, record.key[1])
        )
        agent = self._core.configuration().agent
        head = {
            "version": self._core.version,
            "site": agent.site,
            "started": self._core.started,
            "now": self._core.wall(),
            "cut_off": self._core.context.cut_off,
            "problems": self._core.ready(),
            "drained": self._core.context.drained,
        }
        # One check at a time: encoding all in one step would hold the interpreter, and so the loop, for as long.
        encode = json.JSONEncoder(allow_nan=False).encode
        listed = ",\n".join([encode(told) for told in checks])
        return f'{encode(head)[:-1]}, "checks": [{listed}]}}\n'.encode()

    def _plain(self, record: Record, confirmed: Confirmed, word: Word) -> dict[str, Any]:
        check = record.configured.check
        return {
            "node": record.key[0],
            "check": record.key[1],
            "kind": record.configured.kind,
            "state": word,
            "healthy": confirmed.healthy,
            "since": confirmed.since if confirmed.healthy is not None else None,
            "streak": confirmed.streak,
            "down_after": check.down_after,
            "up_after": check.up_after,
            "interval": check.interval,
            "up": record.up,
            "last_run": record.last_run,
            "last_success": record.last_success,
            "duration": record.duration if record.runs else None,
            "reason": record.reason,
            "message": record.message,
            "suppressed_by": list(self._core.context.suppressed_by(record.key)),
            "runs": record.runs,
            "failures": record.failures,
            "samples": list(_samples(record)),
        }


def _samples(record: Record) -> Iterator[dict[str, Any]]:
    """The check's own series; of a histogram the count of observations."""
    declared = {metric.name: metric for metric in record.configured.metrics}
    for (name, values), slot in list(record.series.items()):
        metric, value = declared.get(name), slot.value
        if metric is None or value is None:
            continue
        told = name + "_count" if isinstance(metric, Histogram) else name
        labels = dict(zip(metric.labelnames, values, strict=False))
        yield {"name": told, "labels": labels, "value": json_number(value)}
