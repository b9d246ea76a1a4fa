"""Routes in the agent: what the rules raise goes in, deliveries go out, and metrics tell of both."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from pacs_monitor.alerting.alerts import Alert
from pacs_monitor.history.labels import Labels
from pacs_monitor.notify.notification import DeliveryFailed, Notification
from pacs_monitor.routing.acklinks import link_to, new_key, token_of
from pacs_monitor.routing.definitions import Integration, Receiver, Route, Routing
from pacs_monitor.routing.dispatcher import Dispatcher
from pacs_monitor.routing.engine import Engine
from pacs_monitor.routing.fingerprint import fingerprint
from pacs_monitor.routing.mirror import Mirror
from pacs_monitor.routing.routed import RULES, RoutedAlert
from pacs_monitor.routing.silences import Silence
from pacs_monitor.state import State

Send = Callable[[Integration, Notification, Collection[str]], str]
"""Sends it but to some addresses; the receiver's answer. Raises DeliveryFailed."""
Whom = tuple[str, str]
"""A receiver and one of its integrations."""
_WHOM = ("receiver", "integration")
_ACK_KEY = "ack_key"
NOBODY = Routing(Route("nobody"), (Receiver("nobody"),))
"""What alerts are routed by once the configuration names no receivers any more."""
_WITHOUT_LINK = ("test", "digest", "reminder")
"""Reasons of notifications that call nobody to act."""


class Routes:
    """Starts when there is a routing; before that it takes nothing in."""

    def __init__(self, state: State, send: Send, external_labels: Mapping[str, str]) -> None:
        self.dispatcher = Dispatcher(Mirror(state), self._deliver)
        self._send = send
        self._external_labels = external_labels
        self._external_url = ""
        self._begun = False
        self.at_work = False
        """Whether the configuration has routes: alerts that are posted are taken in, and questions answered."""
        self.ack_key = new_key()
        """What links to acknowledge by are signed with; that of before, once it has begun."""
        self._state = state
        self._told: dict[str, dict[Labels, RoutedAlert]] = {}
        self._lock = threading.Lock()
        self._delivered: Counter[Whom] = Counter()
        self._failed: Counter[tuple[str, str, str]] = Counter()
        self._seconds: dict[Whom, float] = {}

    @property
    def begun(self) -> bool:
        """Whether there is anything that alerts are routed by."""
        return self._begun

    def start(self, routing: Routing, external_url: str, prepare: Callable[[Engine], None] = lambda _: None) -> None:
        """Read what is known from before, and begin. Raises StateError."""
        self._external_url = external_url

        def begin(engine: Engine) -> None:
            engine.teller.external_url = external_url
            prepare(engine)

        self.ack_key = self._state.load_fact(_ACK_KEY) or self.ack_key
        self._state.submit(self._state.save_fact(_ACK_KEY, self.ack_key))
        self.dispatcher.start(routing, begin)
        self._begun = self.at_work = True

    def follow(self, routing: Routing | None, external_url: str) -> None:
        """Route by this from now on; None if nobody is to be told any more."""
        self.at_work = routing is not None
        self._external_url = external_url

        def change(engine: Engine, at: object) -> None:
            engine.teller.external_url = external_url

        self.dispatcher.ask(change)
        self.dispatcher.ask(lambda engine, at: engine.follow(routing or NOBODY, at))

    def handled(self, labels: Mapping[str, str]) -> str:
        """Who has taken on an alert of the rules, or that it is silenced or explained by another; "" if it is told."""
        if not self._begun:
            return ""
        engine = self.dispatcher.engine
        alert = engine.alerts.get(fingerprint({**self._external_labels, **labels}))
        if alert is None:
            return ""
        taken = engine.acknowledged.get(alert.fingerprint)
        if taken is not None:
            return f"taken on by {taken.by}"
        return "silenced" if alert.silenced_by else "another alert explains it" if alert.inhibited_by else ""

    def ack_token(self, content: Notification) -> str:
        """What whoever gets a notification can take its alerts on by; "" if there is nothing to take on."""
        engine = self.dispatcher.engine
        firing = [alert for alert in content.alerts if alert.status == "firing"]
        if content.reason in _WITHOUT_LINK or all(one.fingerprint in engine.acknowledged for one in firing):
            return ""
        try:
            by, _ = engine.routing.receiver(content.receiver).shown(content.integration)
        except KeyError:
            by = content.receiver  # it was taken out meanwhile
        return token_of(link_to(by, content.group_key, firing, int(time.time())), self.ack_key)

    def stop(self, within: float) -> bool:
        """Write and end. False if that took longer than so many seconds."""
        return not self._begun or self.dispatcher.stop(within)

    # What the rules' thread calls.

    def tell(self, source: str, alerts: Iterable[tuple[str, Alert]]) -> None:
        """All alerts of a group of rules, each with its expression, after an evaluation."""
        if not self._begun:
            return
        before = self._told.get(source, {})
        now: dict[Labels, RoutedAlert] = {}
        news = []
        for expression, alert in alerts:
            if alert.state != "firing" or alert.fired_at is None:
                continue
            known = before.get(alert.labels)
            if known is None or known.starts_at != alert.fired_at:
                known = self._routed(expression, alert, alert.fired_at)
                news.append(known)
            elif known.annotations != alert.annotations:
                known = replace(known, annotations=alert.annotations)
                news.append(known)
            now[alert.labels] = known
        self._told[source] = now
        over = [one for labels, one in before.items() if labels not in now]
        if news:
            # The engine has a copy of its own: it keeps track of what becomes of it.
            self.dispatcher.put(replace(one) for one in news)
        self._end(over)

    def only(self, sources: Collection[str]) -> None:
        """Alerts of other groups than these are over, as they are not evaluated any more."""
        for source in self._told.keys() - set(sources):
            self._end(list(self._told.pop(source).values()))

    def complete(self) -> None:
        """All groups have told what they know from before a restart: what is known of no group is over."""
        if self._begun:
            self.dispatcher.put_all(replace(one) for told in self._told.values() for one in told.values())

    def _routed(self, expression: str, alert: Alert, fired_at: int) -> RoutedAlert:
        labels = {**self._external_labels, **alert.labels.as_dict()}
        link = f"{self._external_url}/api/v1/query?query={quote(expression, safe='')}" if self._external_url else ""
        return RoutedAlert(labels, dict(alert.annotations), fired_at, generator_url=link)

    def _end(self, over: list[RoutedAlert]) -> None:
        if not over:
            return
        fingerprints = {one.fingerprint for one in over}
        # Of two groups that raise the same alert, the other one may go on.
        still = {one.fingerprint for told in self._told.values() for one in told.values()}

        self.dispatcher.ask(
            lambda engine, at: engine.end(
                (
                    one
                    for one in list(engine.alerts.values())
                    if one.fingerprint in fingerprints and one.origin == RULES
                ),
                still,
                at,
            )
        )

    # Delivery, in threads.

    def _deliver(self, integration: Integration, content: Notification, done: tuple[str, ...]) -> str:
        whom = (content.receiver, content.integration)
        began = time.monotonic()
        try:
            answer = self._send(integration, content, done)
        except DeliveryFailed as error:
            with self._lock:
                self._failed[(*whom, error.reason)] += 1
            raise
        finally:
            with self._lock:
                self._seconds[whom] = self._seconds.get(whom, 0.0) + time.monotonic() - began
        with self._lock:
            self._delivered[whom] += 1
        return answer

    # Metrics.

    def collect(self) -> Iterator[Metric]:
        """What was told, what waits, and what silences there are."""
        with self._lock:
            delivered, failed, seconds = dict(self._delivered), dict(self._failed), dict(self._seconds)
        yield _counter("notifications", "Notifications that a receiver has taken.", _WHOM, delivered)
        yield _counter("notification_failures", "Tries to deliver that failed.", (*_WHOM, "reason"), failed)
        yield _counter("notification_seconds", "Time that tries to deliver took.", _WHOM, seconds)
        now = time.time() * 1000
        teller = self.dispatcher.engine.teller if self._begun else None
        rows = list(teller.outbox.rows.values()) if teller else []
        waiting: Counter[Whom] = Counter()
        oldest: dict[tuple[str, ...], float] = {}
        for row in rows:
            whom = (row.content.receiver, row.content.integration)
            waiting[whom] += 1
            oldest[whom] = max(oldest.get(whom, 0.0), (now - row.content.queued_at) / 1000)
        yield _gauge("outbox_notifications", "Notifications that wait to be delivered.", _WHOM, waiting)
        yield _gauge("outbox_oldest_seconds", "For how long the oldest of them has waited.", _WHOM, oldest)
        yield _counter(
            "notifications_abandoned",
            "Notifications that were given up, as their receiver was taken out or took nothing for five days.",
            (),
            {(): teller.abandoned if teller else 0},
        )
        states = Counter(one.state(round(now)) for one in self._silences())
        counts = {(state,): states[state] for state in ("pending", "active", "expired")}
        yield _gauge("silences", "Silences by state.", ("state",), counts)

    def _silences(self) -> list[Silence]:
        return list(self.dispatcher.engine.silences) if self._begun else []


def _counter(name: str, help: str, labels: tuple[str, ...], values: Mapping[Any, float]) -> CounterMetricFamily:
    family = CounterMetricFamily(f"pacs_monitor_{name}_total", help, labels=labels)
    for key, value in sorted(values.items()):
        family.add_metric(key, value)
    return family


def _gauge(name: str, help: str, labels: tuple[str, ...], values: Mapping[Any, float]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"pacs_monitor_{name}", help, labels=labels)
    for key, value in sorted(values.items()):
        family.add_metric(key, value)
    return family
