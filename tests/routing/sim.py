"""An engine on a clock that the test moves, with receivers that take or refuse as the test says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from pacs_monitor.history.matchers import Matcher
from pacs_monitor.notify.notification import DeliveryFailed, Notification
from pacs_monitor.routing.definitions import Receiver, Route, Routing, Secret, Webhook
from pacs_monitor.routing.engine import Engine
from pacs_monitor.routing.mirror import Mirror
from pacs_monitor.routing.routed import RULES, RoutedAlert
from pacs_monitor.routing.silences import Silence
from pacs_monitor.routing.stages import Moment
from pacs_monitor.state import State

START = 1_800_000_000_000
WAIT, INTERVAL, REPEAT = 30_000, 300_000, 3_600_000


def webhook(send_resolved: bool = True) -> Webhook:
    return Webhook(Secret("http://localhost/"), send_resolved=send_resolved)


def equal(**labels: str) -> tuple[Matcher, ...]:
    return tuple(Matcher("=", name, value) for name, value in sorted(labels.items()))


def routing(*routes: Route, receivers: Iterable[Receiver] = (), **more: object) -> Routing:
    """A root that sends everything to `team`, with routes below it."""
    root = Route(
        "team", group_by=("alertname",), group_wait=WAIT, group_interval=INTERVAL, repeat_interval=REPEAT, routes=routes
    )
    every = tuple(receivers) or (Receiver("team", (webhook(),)),)
    return Routing(**{"route": root, "receivers": every, **more})  # type: ignore[arg-type]


class Sim:
    """Time passes only in `go`."""

    def __init__(self, folder: Path, made: Routing | None = None) -> None:
        self.folder = folder
        self.made = made or routing()
        self.wall, self.mono = START, 1000.0
        self.sent: list[Notification] = []
        self.failure: Callable[[Notification], DeliveryFailed | None] = lambda content: None
        self.begin()

    def begin(self) -> None:
        """Start, or start again: nothing but the file is known."""
        self.state = State(self.folder / "state.db", "north")
        self.engine = Engine(self.made, Mirror(self.state), self.at)

    def end(self) -> None:
        self.state.close()

    def again(self, away: float = 0.0) -> None:
        """Die and come back."""
        self.end()
        self.wall += round(away * 1000)
        self.mono += away + 5000
        self.begin()

    def file_away(self) -> None:
        """From now on nothing can be written."""
        (self.folder / "state.db").rename(self.folder / "elsewhere")

    def file_back(self) -> None:
        (self.folder / "elsewhere").rename(self.folder / "state.db")

    @property
    def at(self) -> Moment:
        return Moment(self.wall, self.mono)

    def go(self, seconds: float, step: float = 1.0) -> list[Notification]:
        """Let time pass; what was delivered meanwhile."""
        before = len(self.sent)
        ends = self.mono + seconds
        while self.mono < ends:
            self.mono += step
            self.wall += round(step * 1000)
            self.work()
        return self.sent[before:]

    def work(self) -> None:
        """What the dispatcher does at one moment."""
        self.engine.flush_due(self.at)
        self.engine.tidy(self.at)
        self.engine.commit()
        for row in self.engine.teller.take_due(self.at):
            row.sending = True
            row.attempts += 1
            error = self.failure(row.content)
            if error is None:
                self.sent.append(row.content)
                self.engine.teller.delivered(row, "200 OK", 0.0, self.at)
            else:
                self.engine.teller.failed(row, error, 0.0, self.at)
        self.engine.commit()

    def fire(self, name: str = "NodeDown", origin: str = RULES, **labels: str) -> RoutedAlert:
        alert = RoutedAlert({"alertname": name, **labels}, {"summary": f"{name} fires"}, self.wall, origin=origin)
        self.engine.put([alert], self.at)
        return self.engine.alerts[alert.fingerprint]

    def resolve(self, alert: RoutedAlert) -> None:
        self.engine.end([alert], (), self.at)

    def silence(self, seconds: float, **labels: str) -> str:
        until = self.wall + round(seconds * 1000)
        return self.engine.silence(Silence("", equal(**labels), self.wall, until, 0, "ana", "known"), self.at)

    def down(self, receivers: Mapping[str, DeliveryFailed]) -> None:
        """Have these receivers fail."""
        self.failure = lambda content: receivers.get(content.receiver)


def said(notification: Notification) -> tuple[str, list[tuple[str, str]]]:
    """Receiver, and status with node of each alert."""
    return notification.receiver, [(one.status, one.labels.get("node", "")) for one in notification.alerts]
