"""`/api/test`: a marked alert goes the whole way, from its route to the receivers' answers, and is over then."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from typing import Annotated

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from pacs_monitor.node import Node
from pacs_monitor.routing.engine import Engine
from pacs_monitor.routing.routed import API, RoutedAlert
from pacs_monitor.routing.stages import Moment
from pacs_monitor.web.alertmanager.answers import Refused
from pacs_monitor.web.alertmanager.serving import Desk
from pacs_monitor.web.operating.bodies import Body, Text, read_body
from pacs_monitor.web.operating.trying import Outlook, Target, Told, look, outlook

LONGEST = 600.0
LOOK_EVERY = 0.1
_SEVERITIES = {"critical": "critical", "normal": "warning", "low": "info"}
"""By a node's importance, as in the rules that come with the agent."""


class _Ask(Body):
    node: Text
    within: Annotated[float, Field(gt=0, le=LONGEST)] = 60.0
    severity: Text = ""
    labels: dict[Text, Text] = Field(default_factory=dict)


class Trial:
    """The endpoint."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def post(self, request: Request) -> Response:
        """Steps as lines of JSON, each with `at` (seconds since the beginning); the last one has `delivered`."""
        wanted = await read_body(request, _Ask)
        configuration = self._desk.core.configuration()
        node = configuration.nodes.get(wanted.node)
        if node is None:
            raise Refused(404, f"there is no node {wanted.node}")
        await self._desk.ask(lambda engine, at: None)  # or there is nobody to tell
        alert = test_alert(node, configuration.agent.site, wanted.severity, wanted.labels, wanted.within)
        steps = Steps(self._desk, alert, wanted.within).run()
        return StreamingResponse(_lines(steps), media_type="application/x-ndjson")


def test_alert(node: Node, site: str, severity: str, more: Mapping[str, str], within: float) -> RoutedAlert:
    """One that says what it is. It ends by itself if nobody ends it."""
    wall, mono = round(time.time() * 1000), time.monotonic()
    labels = {
        "alertname": "TestAlert",
        "site": site,
        "node": node.name,
        "role": node.role,
        "importance": node.importance,
        "severity": severity or _SEVERITIES[node.importance],
        **more,
        "test": "true",
    }
    annotations = {
        "summary": f"TEST: an alert for {node.name}, as somebody asked for it",
        "description": "Nothing is wrong and nothing has to be done: this tries whether alerts arrive.",
    }
    ends = wall + round(within * 1000) + 60_000
    kept = {name: value for name, value in labels.items() if value}
    return RoutedAlert(kept, annotations, wall, ends, origin=API, timeout=True, expires=mono + (ends - wall) / 1000)


async def _lines(steps: AsyncIterator[Mapping[str, object]]) -> AsyncIterator[bytes]:
    async for step in steps:
        yield json.dumps(step).encode() + b"\n"


class Steps:
    """Puts an alert through, and tells of each step."""

    def __init__(self, desk: Desk, alert: RoutedAlert, within: float) -> None:
        self._desk = desk
        self._alert = alert
        self._began = time.monotonic()
        self._ends = self._began + within
        self._targets: tuple[Target, ...] = ()

    async def run(self) -> AsyncIterator[Mapping[str, object]]:
        """All of them."""
        try:
            async for step in self._run():
                yield step
        except Refused as refused:
            yield self._step("end", refused.message, delivered=False)
        finally:
            # Also if whoever asked has gone away.
            self._desk.core.routes.dispatcher.ask(self._resolve)

    async def _run(self) -> AsyncIterator[Mapping[str, object]]:
        found = await self._desk.ask(self._raise)
        self._targets = found.targets
        yield self._step("raised", f"{self._alert.labels['alertname']} {self._alert.fingerprint}")
        for route in found.routes:
            yield self._step("routed", route)
        for later in found.later:
            yield self._step("later", later)
        if found.quiet:
            yield self._step("end", found.quiet, delivered=False)
            return
        told: dict[str, Told] = {}
        async for step in self._watch("firing", told):
            yield step
        late = [one.shown for one in told.values() if not one.delivered]
        await self._desk.ask(self._resolve)
        yield self._step("resolved", "the alert is over")
        if late:
            why = f"not taken in time by {', '.join(late)}; what waits in the outbox is tried again"
            yield self._step("end", why, delivered=False)
            return
        async for step in self._watch("resolved", {}):
            yield step
        yield self._step("end", "delivered", delivered=True)

    async def _watch(self, what: str, found: dict[str, Told]) -> AsyncIterator[Mapping[str, object]]:
        """Each attempt to tell of the alert, until all receivers have taken it or time is over."""
        attempts: dict[str, int] = {}
        since = self._alert.starts_at
        while True:
            found.update(
                await self._desk.ask(
                    lambda engine, at: look(engine, self._targets, self._alert.fingerprint, what, since)
                )
            )
            for name, told in found.items():
                if name not in attempts and told.queued:
                    yield self._step("queued", f"{told.shown}: {what}, in the outbox")
                    attempts[name] = 0
                for attempt in told.attempts[attempts.get(name, 0) :]:
                    word = "failed" if attempt["reason"] else "delivered"
                    yield self._step(word, f"{told.shown}: {attempt['answer']} ({attempt['took']:.3g} s)")
                    attempts[name] = attempts.get(name, 0) + 1
            if all(told.delivered for told in found.values()) or time.monotonic() > self._ends:
                return
            await asyncio.sleep(LOOK_EVERY)

    def _step(self, word: str, text: str, **more: bool) -> Mapping[str, object]:
        return {"at": round(time.monotonic() - self._began, 3), "step": word, "text": text, **more}

    # In the routes' thread.

    def _raise(self, engine: Engine, at: Moment) -> Outlook:
        engine.put([self._alert], at)
        self._hasten(engine, at)
        return outlook(engine, self._alert.fingerprint, at)

    def _resolve(self, engine: Engine, at: Moment) -> None:
        known = engine.alerts.get(self._alert.fingerprint)
        if known is not None and not known.resolved(at.mono):
            engine.end([known], (), at)
            self._hasten(engine, at)

    def _hasten(self, engine: Engine, at: Moment) -> None:
        for group in engine.groups.of(self._alert.fingerprint):
            engine.groups.hasten(group, at)
