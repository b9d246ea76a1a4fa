"""Hands alerts over to Alertmanagers, as Prometheus does: all of them to each, and again while they fire."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from pacs_monitor.alerting.alerts import Alert
from pacs_monitor.history.labels import Labels
from pacs_monitor.notify.facts import Facts
from pacs_monitor.notify.notification import DeliveryFailed, Notification, rfc3339
from pacs_monitor.notify.webhook import send
from pacs_monitor.routing.definitions import Webhook

log = logging.getLogger(__name__)

RESEND_EVERY = 60.0
"""Seconds until an alert that still fires is posted again (Prometheus' resend delay)."""
VALID_FOR = 4 * 60_000
"""Milliseconds after which Alertmanager takes an alert that it hears nothing of for over: 4 resend delays."""
BATCH = 64
"""Alerts in one post, as Prometheus has it."""
RETRY, LONGEST_RETRY = 5.0, 60.0
TICK = 0.5
Key = tuple[str, Labels]


@dataclass(slots=True)
class _Handed:
    """An alert as the rules know it."""

    expression: str
    alert: Alert
    version: int
    """Changes when it begins to fire or is over; what else it says can wait for the next time it is posted."""
    state: tuple[str, int | None]


@dataclass
class Peer:
    """One Alertmanager, and what it has heard."""

    name: str
    webhook: Webhook
    heard: dict[Key, tuple[int, float]] = field(default_factory=dict)
    """Version of each alert, and when it was last posted, on the monotonic clock."""
    posted: int = 0
    failed: int = 0
    up: bool = True
    next_try: float = 0.0
    failures: int = 0
    """In a row."""


class Handover:
    """A thread for each Alertmanager: one that is down holds up nobody. Listens to the rules."""

    def __init__(
        self, alertmanagers: Sequence[Webhook], external_labels: Mapping[str, str], facts: Facts, external_url: str
    ) -> None:
        self._peers = [Peer(host_of(one.url.text), one) for one in alertmanagers]
        self._external_labels = external_labels
        self._facts = facts
        self._external_url = external_url
        self._alerts: dict[Key, _Handed] = {}
        self._lock = threading.Lock()
        self._wake = threading.Condition(self._lock)
        self._ended = False
        self._threads = [
            threading.Thread(target=self._serve, args=(peer,), name=f"to {peer.name}", daemon=True)
            for peer in self._peers
        ]

    def start(self) -> None:
        """Begin to post."""
        for thread in self._threads:
            thread.start()

    def stop(self, within: float) -> bool:
        """Post what is new, and end. False if a post is still under way after so many seconds."""
        with self._wake:
            self._ended = True
            self._wake.notify_all()
        ends = time.monotonic() + within
        for thread in self._threads:
            if thread.is_alive():
                thread.join(max(0.01, ends - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    # What the rules' thread calls.

    def tell(self, source: str, alerts: Iterable[tuple[str, Alert]]) -> None:
        """As `alerting.service.Listener`."""
        with self._wake:
            present = set()
            for expression, alert in alerts:
                if alert.fired_at is None:
                    continue
                key = (source, alert.labels)
                present.add(key)
                known, state = self._alerts.get(key), (alert.state, alert.fired_at)
                if known is not None and known.state == state:
                    known.alert = alert
                else:
                    version = 0 if known is None else known.version + 1
                    self._alerts[key] = _Handed(expression, alert, version, state)
            # The rules keep what is over for 15 minutes; then everybody has heard of it.
            for key in [key for key in self._alerts if key[0] == source and key not in present]:
                del self._alerts[key]
            self._wake.notify_all()

    def only(self, sources: Collection[str]) -> None:
        """As `Listener`: alerts of rules that are no more are not posted any more, and so they end."""
        with self._lock:
            self._alerts = {key: handed for key, handed in self._alerts.items() if key[0] in sources}

    def complete(self) -> None:
        """As `Listener`: an Alertmanager remembers nothing for us."""

    # In threads, one for each Alertmanager.

    def _serve(self, peer: Peer) -> None:
        while True:
            with self._wake:
                if self._ended:
                    break
                self._wake.wait(TICK)
            if time.monotonic() >= peer.next_try:
                self._post(peer)
        if peer.up:
            self._post(peer)

    def _post(self, peer: Peer) -> None:
        now = time.monotonic()
        with self._lock:
            waiting = [(key, one) for key, one in self._alerts.items() if _is_due(peer.heard.get(key), one, now)]
            peer.heard = {key: heard for key, heard in peer.heard.items() if key in self._alerts}
        for place in range(0, len(waiting), BATCH):
            batch = waiting[place : place + BATCH]
            body = json.dumps([self._said(one) for _, one in batch], ensure_ascii=False).encode()
            try:
                send(peer.webhook, _ENVELOPE, body)
            except DeliveryFailed as failure:
                self._failed(peer, failure, len(batch))
                return
            self._posted(peer, batch, now)

    def _posted(self, peer: Peer, batch: list[tuple[Key, _Handed]], now: float) -> None:
        peer.posted += len(batch)
        peer.failures = 0
        peer.heard.update((key, (one.version, now)) for key, one in batch)
        if not peer.up:
            peer.up = True
            log.warning("alerts reach Alertmanager %s again", peer.name)

    def _failed(self, peer: Peer, failure: DeliveryFailed, count: int) -> None:
        peer.failed += count
        peer.next_try = time.monotonic() + min(LONGEST_RETRY, RETRY * 2**peer.failures)
        peer.failures = min(peer.failures + 1, 10)
        if peer.up:
            peer.up = False
            log.error("alerts do not reach Alertmanager: %s", failure)

    def _said(self, handed: _Handed) -> dict[str, Any]:
        alert = handed.alert
        labels = {**self._external_labels, **alert.labels.as_dict()}
        ends = alert.resolved_at if alert.state == "inactive" else round(time.time() * 1000) + VALID_FOR
        said = {
            "labels": labels,
            "annotations": {**_annotations(self._facts(labels)), **alert.annotations},
            "startsAt": rfc3339(alert.fired_at),
            "endsAt": rfc3339(ends),
        }
        if self._external_url:
            query = quote(handed.expression, safe="")
            said["generatorURL"] = f"{self._external_url}/api/v1/query?query={query}"
        return said

    @property
    def peers(self) -> Sequence[Peer]:
        """The Alertmanagers."""
        return self._peers


def families(peers: Sequence[Peer]) -> Iterator[Metric]:
    """What was handed over, and whether it arrives."""
    posted = CounterMetricFamily(
        "pacs_monitor_handover_alerts_total", "Alerts posted to an Alertmanager.", labels=["alertmanager"]
    )
    failed = CounterMetricFamily(
        "pacs_monitor_handover_failures_total",
        "Alerts that an Alertmanager did not take; they are posted again.",
        labels=["alertmanager"],
    )
    up = GaugeMetricFamily(
        "pacs_monitor_handover_up", "Whether the last post to an Alertmanager arrived.", labels=["alertmanager"]
    )
    for peer in peers:
        posted.add_metric([peer.name], peer.posted)
        failed.add_metric([peer.name], peer.failed)
        up.add_metric([peer.name], float(peer.up))
    yield from (posted, failed, up)


_ENVELOPE = Notification("", "", "", "", {}, ())
"""Alertmanager needs no key: the same alert twice is one."""
_TOLD: Mapping[str, Callable[[Any], str]] = {
    "reason": str,
    "sentence": str,
    "affected": ", ".join,
    "notes": str,
}
"""Of what is known of a check, what goes along as annotations."""


def _annotations(facts: Mapping[str, Any]) -> dict[str, str]:
    return {name: text for name, write in _TOLD.items() if facts.get(name) and (text := write(facts[name]))}


def _is_due(heard: tuple[int, float] | None, handed: _Handed, now: float) -> bool:
    if heard is None:
        return True
    version, at = heard
    return version != handed.version or now - at >= RESEND_EVERY


def host_of(address: str) -> str:
    """Host and port: who sees metrics and pages need not see passwords that an address can hold."""
    url = urlsplit(address)
    return f"{url.hostname}:{url.port}" if url.port else str(url.hostname)
