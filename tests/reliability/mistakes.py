"""Mistakes that somebody might make in routing: each has to be noticed."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from pacs_monitor.notify.notification import DeliveryFailed
from pacs_monitor.routing.deliveries import ROW
from pacs_monitor.routing.dispatcher import Dispatcher
from pacs_monitor.routing.mirror import Mirror
from pacs_monitor.routing.notificationlog import ENTRY
from pacs_monitor.routing.teller import Teller


def make(name: str) -> None:
    """Make it in this process; "" makes none."""
    if name:
        MADE[name]()


def _mark_before_sending() -> None:
    take_due = Teller.take_due

    def mistaken(self: Teller, at: Any) -> list[Any]:
        rows = take_due(self, at)
        for row in rows:
            self._mirror.drop(ROW, row.name)
        self._mirror.commit()
        return rows

    Teller.take_due = mistaken  # type: ignore[method-assign, assignment]


def _leave_out(kind: str) -> None:
    put = Mirror.put

    def mistaken(self: Mirror, of: str, name: str, value: Any) -> None:
        if of != kind:
            put(self, of, name, value)

    Mirror.put = mistaken  # type: ignore[assignment, method-assign]


def _promise_before_writing() -> None:
    write = Dispatcher._write

    def mistaken(self: Dispatcher) -> None:
        after, self._after_commit = self._after_commit, []
        for work in after:
            work()
        if after:
            time.sleep(0.05)  # so that whoever asked knows of it
        write(self)

    Dispatcher._write = mistaken  # type: ignore[method-assign]


def _try_once() -> None:
    init = Dispatcher.__init__

    def mistaken(self: Dispatcher, mirror: Any, deliver: Any, *rest: Any, **more: Any) -> None:
        def once(*what: Any) -> str:
            try:
                return str(deliver(*what))
            except DeliveryFailed:
                return "well"

        init(self, mirror, once, *rest, **more)

    Dispatcher.__init__ = mistaken  # type: ignore[method-assign]


def _new_key_for_each_try() -> None:
    init = Dispatcher.__init__

    def mistaken(self: Dispatcher, mirror: Any, deliver: Any, *rest: Any, **more: Any) -> None:
        def keyed(integration: Any, content: Any, done: Any) -> str:
            return str(deliver(integration, replace(content, key=uuid.uuid4().hex), done))

        init(self, mirror, keyed, *rest, **more)

    Dispatcher.__init__ = mistaken  # type: ignore[method-assign]


MADE: dict[str, Callable[[], None]] = {
    "marks before it sends": _mark_before_sending,
    "does not write the outbox": lambda: _leave_out(ROW),
    "does not write what was told": lambda: _leave_out(ENTRY),
    "does not write alerts": lambda: _leave_out("alert"),
    "promises before it writes": _promise_before_writing,
    "tries but once": _try_once,
    "takes a new key for each try": _new_key_for_each_try,
}
