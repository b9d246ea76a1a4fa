"""A dispatcher that runs, with short timers, over a real state file; deliveries go where the test says."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

from pacs_monitor.history.matchers import Matcher
from pacs_monitor.notify.notification import Notification
from pacs_monitor.routing.definitions import Integration, Receiver, Route, Routing, Secret, Webhook
from pacs_monitor.routing.dispatcher import Dispatcher
from pacs_monitor.routing.mirror import Mirror
from pacs_monitor.routing.routed import RoutedAlert
from pacs_monitor.state import State

PATIENCE = 30.0
"""Seconds after which a test no longer hopes."""


def eventually(true: Callable[[], object], within: float = PATIENCE) -> float:
    """Wait until it is; the seconds that took."""
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < within, "it did not happen in time"
        time.sleep(0.01)
    return time.monotonic() - began


def each(*receivers: str, interval: int = 200) -> Routing:
    """Every alert is a group of its own, and goes to the receiver that its label names, or else to the first."""
    root = Route(receivers[0], group_all=True, group_wait=20, group_interval=interval, repeat_interval=3_600_000)
    routes = [replace(root, receiver=one, matchers=(Matcher("=", "to", one),), key=f"{{}}/{one}") for one in receivers]
    every = tuple(Receiver(one, (Webhook(Secret("http://localhost/")),)) for one in receivers)
    return Routing(replace(root, routes=tuple(routes)), every)


class Live:
    """Starts at once."""

    def __init__(
        self,
        folder: Path,
        routing: Routing | None = None,
        deliver: Callable[[Notification], str] = lambda content: "200",
        point: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.file = folder / "state.db"
        self.routing = routing or each("team")
        self.deliver = deliver
        self._point = point
        self._lock = threading.Lock()
        self.begin()

    def begin(self) -> None:
        """Start, or start again: nothing but the file is known."""
        self.sent: list[Notification] = []
        self.state = State(self.file, "north")
        self.mirror = Mirror(self.state)
        self.dispatcher = Dispatcher(self.mirror, self._deliver, point=self._point)
        self.dispatcher.start(self.routing)

    def _deliver(self, integration: Integration, content: Notification, done: tuple[str, ...]) -> str:
        answer = self.deliver(content)
        with self._lock:
            self.sent.append(content)
        return answer

    def fire(self, node: str, to: str = "", summary: str = "it fires") -> Future[None]:
        labels = {"alertname": "NodeDown", "node": node, **({"to": to} if to else {})}
        return self.dispatcher.put([RoutedAlert(labels, {"summary": summary}, round(time.time() * 1000))])

    def resolve(self, node: str) -> None:
        self.dispatcher.ask(
            lambda engine, at: engine.end([one for one in engine.alerts.values() if one.labels["node"] == node], (), at)
        ).result(PATIENCE)

    def told(self, node: str) -> list[Notification]:
        return [one for one in list(self.sent) if node in [alert.labels["node"] for alert in one.alerts]]

    def hears(self, node: str, within: float = PATIENCE) -> Notification:
        """The first notification of a node."""
        eventually(lambda: self.told(node), within)
        return self.told(node)[0]

    @property
    def saved(self) -> bool:
        return not self.dispatcher.engine.unsaved and not self.state.failing and not self.mirror.dirty

    def settle(self) -> None:
        """Until all is delivered and written."""
        engine = self.dispatcher.engine
        eventually(lambda: not engine.teller.outbox.rows and not self.dispatcher.sending and self.saved)

    def kinds(self) -> dict[str, int]:
        """How many rows of each kind the file holds."""
        found: dict[str, int] = {}
        for kind, _, _ in self.state.load_routing():
            found[kind] = found.get(kind, 0) + 1
        return found

    def stop(self) -> None:
        assert self.dispatcher.stop(5.0)
        self.state.close()
