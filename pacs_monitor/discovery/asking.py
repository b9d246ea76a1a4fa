"""Asks the servers that list nodes, in a thread of its own, and keeps what they give."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from pacs_monitor.check import CheckFailed
from pacs_monitor.discovery import HttpSd, Lists, ask
from pacs_monitor.fetching import where_of

log = logging.getLogger(__name__)


class _Asked:
    """One server: when it is due, and how it went."""

    def __init__(self, peer: HttpSd) -> None:
        self.peer = peer
        self.due = 0.0
        self.failures = 0
        self.last_success = 0.0
        self.failing = False


class Discovery:
    """Asks each server in its interval, in a thread of its own."""

    def __init__(self, lists: Lists) -> None:
        self._lists = lists
        self._asked: dict[HttpSd, _Asked] = {}
        self._changed = threading.Condition()
        self._ended = False
        self._thread: threading.Thread | None = None

    def follow(self, peers: Iterable[HttpSd]) -> None:
        """Ask these from now on."""
        with self._changed:
            self._asked = {peer: self._asked.get(peer) or _Asked(peer) for peer in peers}
            if self._asked and self._thread is None:
                self._thread = threading.Thread(target=self._run, name="discovery", daemon=True)
                self._thread.start()
            self._changed.notify()

    def stop(self) -> None:
        """Ask no more; what is under way ends by itself."""
        with self._changed:
            self._ended = True
            self._changed.notify()

    def collect(self) -> Iterator[Metric]:
        """How it went, by server."""
        failures = CounterMetricFamily(
            "pacs_monitor_discovery_failures_total",
            "Times that a server that lists nodes gave no list.",
            labels=["source"],
        )
        success = GaugeMetricFamily(
            "pacs_monitor_discovery_last_success_timestamp_seconds",
            "When a server that lists nodes last gave its list.",
            labels=["source"],
        )
        for one in list(self._asked.values()):
            failures.add_metric([where_of(one.peer.url)], one.failures)
            if one.last_success:
                success.add_metric([where_of(one.peer.url)], one.last_success)
        yield failures
        yield success

    def _run(self) -> None:
        while True:
            with self._changed:
                now = time.monotonic()
                next_due = min((one.due for one in self._asked.values()), default=now + 3600)
                if not self._ended and next_due > now:
                    self._changed.wait(next_due - now)
                if self._ended:
                    return
                due = [one for one in self._asked.values() if one.due <= time.monotonic()]
            for one in due:
                self._ask(one)
                one.due = time.monotonic() + one.peer.refresh

    def _ask(self, one: _Asked) -> None:
        try:
            text = ask(one.peer)
        except CheckFailed as failure:
            one.failures += 1
            if not one.failing:
                log.error("no list of nodes: %s; the last one stays in force", failure)
            one.failing = True
            return
        if one.failing:
            log.warning("the list of nodes is given again")
        one.failing, one.last_success = False, time.time()
        if self._lists.keep(one.peer.url, text):
            log.info("another list of nodes was given")
