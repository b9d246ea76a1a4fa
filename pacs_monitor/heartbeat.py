"""A sign of life to somebody else, who raises the alarm when it stops: a service on the web, or a second agent."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from pacs_monitor.notify.notification import DeliveryFailed, Notification
from pacs_monitor.notify.webhook import send
from pacs_monitor.routing.definitions import Webhook

log = logging.getLogger(__name__)

COMES_UP_WITHIN = 20.0
MOST_HEARD = 100
"""Agents that are remembered: whoever may post could name any number."""


class Heartbeat:
    """Posts while all is well: while the agent is ready, and its rules are evaluated."""

    def __init__(self, webhook: Webhook, interval: float, site: str, problems: Callable[[], list[str]]) -> None:
        """`problems` tells what keeps the agent from being well: then nothing is posted."""
        self._webhook = webhook
        self._interval = interval
        self._site = site
        self._problems = problems
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)
        self.sent = 0
        self.failures = 0
        self.withheld = 0
        self._well = True

    def start(self) -> None:
        """Post now, and then again and again."""
        self._thread.start()

    def stop(self) -> None:
        """Post no more; what is under way ends by itself."""
        self._ended.set()

    def outcomes(self) -> tuple[tuple[str, int], ...]:
        """How often, by what became of it."""
        return ("sent", self.sent), ("failed", self.failures), ("withheld", self.withheld)

    def _beat(self) -> None:
        self._come_up()
        while True:
            self._once()
            if self._ended.wait(self._interval):
                return

    def _come_up(self) -> None:
        """An agent that starts is not well yet, and that is no news."""
        until = time.monotonic() + COMES_UP_WITHIN
        while self._problems() and time.monotonic() < until and not self._ended.wait(0.2):
            pass

    def _once(self) -> None:
        problems = self._problems()
        if problems:
            self.withheld += 1
            self._tell(well=False, why=f"no heartbeat is sent, as the agent is not well: {problems[0]}")
            return
        body = json.dumps({"site": self._site, "interval": self._interval}).encode()
        try:
            send(self._webhook, _ENVELOPE, body)
        except DeliveryFailed as failure:
            self.failures += 1
            self._tell(well=False, why=f"the heartbeat does not arrive: {failure}")
            return
        self.sent += 1
        self._tell(well=True, why="the heartbeat arrives again")

    def _tell(self, *, well: bool, why: str) -> None:
        if well != self._well:
            self._well = well
            log.log(logging.WARNING if well else logging.ERROR, "%s", why)


def families(heartbeat: Heartbeat | None) -> Iterator[Metric]:
    """What was sent, and what not."""
    beats = CounterMetricFamily(
        "pacs_monitor_heartbeats_total", "Signs of life that were due, by outcome.", labels=["outcome"]
    )
    for outcome, count in heartbeat.outcomes() if heartbeat else ():
        beats.add_metric([outcome], count)
    yield beats


class Heard:
    """Signs of life of other agents."""

    def __init__(self, save: Callable[[str], object] = lambda _: None, wall: Callable[[], float] = time.time) -> None:
        """`save` is given what `restore` takes, at each change."""
        self._save = save
        self._wall = wall
        self._last: dict[str, float] = {}
        self._interval: dict[str, float] = {}

    def hear(self, site: str, interval: float) -> None:
        """An agent lives. Raises ValueError if too many have been heard of."""
        if site not in self._last and len(self._last) >= MOST_HEARD:
            raise ValueError(f"{MOST_HEARD} agents are known already")
        self._last[site], self._interval[site] = self._wall(), interval
        self._save(self.to_json())

    def forget(self, site: str) -> None:
        """An agent was taken out of service. Raises KeyError for one that was never heard of."""
        del self._last[site]
        del self._interval[site]
        self._save(self.to_json())

    def to_json(self) -> str:
        """What `restore` takes."""
        return json.dumps([[site, at, self._interval[site]] for site, at in list(self._last.items())])

    def restore(self, text: str) -> None:
        """Know what was known before a restart; another text is told in the log, and nothing is known."""
        try:
            known = [(str(site), float(at), float(interval)) for site, at, interval in json.loads(text)]
        except (ValueError, TypeError) as error:
            log.warning("other agents' heartbeats of before are forgotten: %s", error)
            return
        for site, at, interval in known:
            self._last[site], self._interval[site] = at, interval

    def collect(self) -> Iterator[Metric]:
        """When each was last heard of."""
        last = GaugeMetricFamily(
            "pacs_monitor_heartbeat_heard_timestamp_seconds",
            "When another agent last gave a sign of life, in Unix time.",
            labels=["from_site"],
        )
        every = GaugeMetricFamily(
            "pacs_monitor_heartbeat_interval_seconds", "How often it means to give one.", labels=["from_site"]
        )
        for site, at in list(self._last.items()):
            last.add_metric([site], at)
            every.add_metric([site], self._interval[site])
        yield from (last, every)


_ENVELOPE = Notification("", "", "", "", {}, ())
