"""Routes in a process that is to be killed: a real state file, real deliveries, timers of a fraction of a second."""

from __future__ import annotations

import json
import logging
import os
import signal
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from pacs_monitor.history.matchers import Matcher
from pacs_monitor.notify import smtp
from pacs_monitor.notify.deliver import deliver
from pacs_monitor.notify.message import Mail
from pacs_monitor.notify.notification import Notification
from pacs_monitor.routing import dispatcher, outbox
from pacs_monitor.routing.definitions import Email, Integration, Receiver, Route, Routing, Secret, Webhook
from pacs_monitor.routing.dispatcher import Dispatcher
from pacs_monitor.routing.engine import Engine
from pacs_monitor.routing.mirror import Mirror
from pacs_monitor.routing.routed import RoutedAlert
from pacs_monitor.routing.stages import Moment
from pacs_monitor.state import State
from tests.reliability import mistakes

WAIT, INTERVAL, REPEAT = 100, 300, 3_600_000
PATIENCE = 1.0
"""Seconds that a receiver has for an answer."""
OWN_POINTS = (
    "before commit",
    "within commit",
    "after commit",
    "before send",
    "after send",
    "before mark",
    "before mark commit",
    "after mark commit",
)
"""Where the process kills itself; the receivers kill it elsewhere."""


@dataclass(frozen=True)
class Setup:
    """What a process is to do, and where it is to die."""

    folder: Path
    http: int
    smtp: int
    kill_at: str = ""
    countdown: int = 1
    """How often it has to come to that point."""
    mistake: str = ""
    """One of `mistakes.MADE`: whether these tests would notice."""


def routing(setup: Setup) -> Routing:
    """`team` hears of all by mail and by webhook, `ops` of what begins; some alerts are alone, others share a group."""
    post = Webhook(Secret(f"http://127.0.0.1:{setup.http}/team"), timeout=round(PATIENCE * 1000), template="all")
    mail = Email(
        "team@north.example", "monitor@north.example", "127.0.0.1", setup.smtp, require_tls=False, send_resolved=True
    )
    begins = replace(post, url=Secret(f"http://127.0.0.1:{setup.http}/ops"), send_resolved=False)
    root = Route("team", group_by=("batch",), group_wait=WAIT, group_interval=INTERVAL, repeat_interval=REPEAT)
    alone = replace(root, matchers=(Matcher("=", "kind", "alone"),), group_by=(), group_all=True)
    routes = (replace(alone, receiver="ops", goes_on=True, key="{}/a"), replace(alone, key="{}/b"))
    root = replace(root, routes=routes)
    return Routing(root, (Receiver("team", (post, mail)), Receiver("ops", (begins,))))


class Texts:
    """Says all that is in a notification, so that the receivers know what they were told."""

    def mail(self, notification: Notification, integration: Email) -> Mail:
        return Mail("told", _text(notification))

    def body(self, notification: Notification, integration: Webhook) -> bytes:
        return _text(notification).encode()


def _text(notification: Notification) -> str:
    alerts = [(one.labels["id"], one.status, one.late) for one in notification.alerts]
    return json.dumps({"note": notification.note, "reason": notification.reason, "alerts": alerts})


class Points:
    """Kills its process when it has come to a point often enough."""

    def __init__(self, setup: Setup, mirror: Mirror) -> None:
        self._at, self._left = setup.kill_at, setup.countdown
        self._mirror = mirror
        self._marking = self._dirty = False

    def __call__(self, name: str) -> None:
        if name == "before commit":
            self._dirty = self._mirror.dirty
        if name.endswith(" commit"):
            if not self._dirty:
                return
            self._come_to(name)
            if self._marking:
                self._come_to(name.replace("commit", "mark commit"))
        self._marking = name == "before mark" or (self._marking and name != "after commit")
        if not name.endswith(" commit"):
            self._come_to(name)

    def within(self, statement: str) -> None:
        """Takes the statements of the writer of the state file."""
        if "routing" in statement:
            self._come_to("within commit")

    def _come_to(self, name: str) -> None:
        if name != self._at:
            return
        self._left -= 1
        if self._left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)


def main(setup: Setup, pipe: Connection) -> None:
    """Do what comes over the pipe, and answer once it is done."""
    logging.disable()  # thousands of failures are meant
    outbox.FIRST_RETRY, outbox.LONGEST_RETRY, outbox.REFUSED_RETRY = 0.1, 0.5, 0.3
    dispatcher.TIDY_EVERY = 0.7
    smtp.STEP_WITHIN = PATIENCE
    mistakes.make(setup.mistake)
    state = State(setup.folder / "state.db", "north")
    mirror = Mirror(state)
    points = Points(setup, mirror)
    if setup.kill_at == "within commit":
        state._connection.set_trace_callback(points.within)
    texts = Texts()

    def send(integration: Integration, notification: Notification, done: tuple[str, ...]) -> str:
        return deliver(integration, notification, texts, done)

    running = Dispatcher(mirror, send, point=points)
    running.start(routing(setup))
    commands: dict[str, Callable[[Any], Any]] = {
        "fire": lambda alerts: fire(running, alerts),
        "resolve": lambda ids: resolve(running, ids),
        "idle": lambda _: running.ask(idle).result(),
        "stop": lambda _: running.stop(5.0) and state.close(),
    }
    while True:
        name, what = pipe.recv()
        pipe.send((name, commands[name](what)))
        if name == "stop":
            return


def fire(running: Dispatcher, alerts: Iterable[tuple[dict[str, str], int]]) -> list[str]:
    """Take in alerts of labels and a beginning; the ids of those that are promised to be told."""
    made = [RoutedAlert(labels, {"summary": "x"}, began) for labels, began in alerts]
    running.put(made).result()
    return [alert.labels["id"] for alert in made]


def resolve(running: Dispatcher, ids: list[str]) -> list[str]:
    """End those of which somebody is to hear that they began; the ids of those whose end is promised to be told."""

    def work(engine: Engine, at: Moment) -> list[str]:
        over = [one for one in engine.alerts.values() if one.labels["id"] in ids and is_told(engine, one)]
        engine.end(over, (), at)
        return [one.labels["id"] for one in over]

    return running.ask(work).result()


def is_told(engine: Engine, alert: RoutedAlert) -> bool:
    """Whether all that are to hear that it began have heard it, or will."""
    names = [group.name for group in engine.groups.of(alert.fingerprint)]
    entries = [(name.partition("\n")[0], entry) for name, entry in engine.teller.log.items() if name.count("\n") == 2]
    knows = [name for name, entry in entries if alert.fingerprint in entry.firing]
    wanted = {"alone": 3, "shared": 2}[alert.labels["kind"]]
    return sum(name in names for name in knows) == wanted


def idle(engine: Engine, at: Moment) -> bool:
    """Whether there is nothing left to tell."""
    every = engine.alerts.values()
    return not engine.teller.outbox.rows and all(not one.resolved(at.mono) and is_told(engine, one) for one in every)
