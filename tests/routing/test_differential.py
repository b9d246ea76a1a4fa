"""The same alerts over time into Debian's Alertmanager and into our routes: everybody must be told the same."""

from __future__ import annotations

import json
import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from pacs_monitor.notify.notification import alertmanager_json
from pacs_monitor.routing.definitions import Routing
from pacs_monitor.routing.routed import API, RoutedAlert
from pacs_monitor.routing.routefile import read_routes
from pacs_monitor.routing.silences import Silence
from tests.peers.alertmanager import Alertmanager, alertmanager
from tests.routing.sim import START, Sim, equal
from tests.routing.worlds import INTERVAL, SECONDS, Event, config, events

SEED = int(os.environ.get("PACS_MONITOR_SEED", "1"))
WORLDS = int(os.environ.get("PACS_MONITOR_WORLDS", "60"))
TOLERANCE = 0.9
"""Seconds between two that say the same: less than half an interval."""


@dataclass
class Heard:
    """What receivers were told, by receiver and group."""

    began: float = 0.0
    told: dict[tuple[str, str], list[tuple[float, dict[str, Any]]]] = field(default_factory=lambda: defaultdict(list))


@contextmanager
def receiver(heard: Heard) -> Iterator[int]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            heard.told[body["receiver"], body["groupKey"]].append((time.monotonic() - heard.began, body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        request_queue_size = 512

    server = Server(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Theirs:
    def __init__(self, am: Alertmanager) -> None:
        self._am = am
        self._silences: dict[tuple[tuple[str, str], ...], str] = {}

    def do(self, happening: list[Event], now: datetime) -> None:
        alerts = [event for event in happening if event.kind in ("fire", "resolve")]
        if alerts:
            self._am.post("alerts", [self._alert(event, now) for event in alerts])
        for event in happening:
            if event.kind == "silence":
                matchers = [{"name": name, "value": value, "isRegex": False} for name, value in event.labels]
                body = {"matchers": matchers, "startsAt": stamp(now), "endsAt": stamp(now + lasting(event))}
                told = self._am.post("silences", {**body, "createdBy": "ana", "comment": "known"})
                self._silences[event.labels] = told["silenceID"]
            elif event.kind == "expire":
                self._am.delete(f"silence/{self._silences[event.labels]}")

    def _alert(self, event: Event, now: datetime) -> dict[str, Any]:
        body: dict[str, Any] = {"labels": dict(event.labels), "annotations": {"summary": "told"}}
        if event.kind == "fire":
            return {**body, "startsAt": stamp(now), "endsAt": stamp(now + timedelta(hours=1))}
        return {**body, "endsAt": stamp(now)}


class Ours:
    """On a clock of its own, so that a machine that pauses changes nothing; what is told is told at once."""

    def __init__(self, folder: Path, routing: Routing) -> None:
        self._sim = Sim(folder, routing)
        self._silences: dict[tuple[tuple[str, str], ...], str] = {}

    def play(self, happening: list[Event], heard: Heard) -> None:
        sim = self._sim
        began = sim.mono
        for eighth in range(round((SECONDS + INTERVAL / 1000 + 1) * 8)):
            sim.mono, sim.wall = began + eighth / 8, START + eighth * 125
            for event in happening if eighth % 8 == 0 else ():
                if event.at * 8 == eighth:
                    self._do(event)
            sim.work()
            for told in sim.sent:
                heard.told[told.receiver, told.group_key].append((eighth / 8, alertmanager_json(told)))
            sim.sent.clear()
        sim.end()

    def _do(self, event: Event) -> None:
        sim = self._sim
        if event.kind == "silence":
            until = sim.wall + ms(lasting(event))
            silence = Silence("", equal(**dict(event.labels)), sim.wall, until, 0, "ana", "known")
            self._silences[event.labels] = sim.engine.silence(silence, sim.at)
        elif event.kind == "expire":
            sim.engine.expire(self._silences[event.labels], sim.at)
        else:
            lasts = 0 if event.kind == "resolve" else 3600
            ends, expires = sim.wall + lasts * 1000, sim.mono + lasts
            alert = RoutedAlert(dict(event.labels), {"summary": "told"}, sim.wall, ends, origin=API, expires=expires)
            sim.engine.put([alert], sim.at)


def lasting(event: Event) -> timedelta:
    # A quarter of a second off the moments at which groups are told.
    return timedelta(seconds=event.lasts + 0.25)


def ms(span: timedelta) -> int:
    return round(span.total_seconds() * 1000)


def stamp(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def play(happening: list[Event], began: float, do: Callable[[list[Event], datetime], None]) -> None:
    for second in range(SECONDS):
        time.sleep(max(0.0, began + second - time.monotonic()))
        do([event for event in happening if event.at == second], datetime.now(UTC))
    time.sleep(max(0.0, began + SECONDS + INTERVAL / 1000 + 1.2 - time.monotonic()))


def emptied(happening: list[Event]) -> set[str]:
    """Worlds of which a group may become empty and be filled again: Alertmanager forgets it up to 30 s later."""
    found = set()
    alerts: dict[str, dict[tuple[tuple[str, str], ...], list[int]]] = defaultdict(dict)
    for event in happening:
        if event.kind in ("fire", "resolve"):
            alerts[dict(event.labels)["world"]].setdefault(event.labels, []).append(event.at)
    for world, lives in alerts.items():
        # Any alert that begins after the end of another may come into a group that this one has left empty.
        ends = [times[1] for times in lives.values() if len(times) > 1]
        if any(times[0] >= end for times in lives.values() for end in ends):
            found.add(world)
    return found


def said(told: list[tuple[float, dict[str, Any]]]) -> list[tuple[str, list[tuple[str, str, str]]]]:
    return [
        (body["status"], [(one["status"], one["fingerprint"], json.dumps(one["labels"])) for one in body["alerts"]])
        for _, body in told
    ]


def test_everybody_is_told_what_alertmanager_tells(tmp_path: Path) -> None:
    happening = events(SEED, WORLDS)
    theirs, ours = Heard(), Heard()
    with receiver(theirs) as port:
        made = tmp_path / "ours.json"
        made.write_text(json.dumps(config(port)))
        read = read_routes(made)
        assert read.routing is not None, read.complaints
        Ours(tmp_path, read.routing).play(happening, ours)
        with alertmanager(tmp_path / "am", config(port)) as am:
            theirs.began = time.monotonic() + 0.2
            play(happening, theirs.began, Theirs(am).do)
    differences = compare(theirs, ours, emptied(happening))
    assert not differences, "\n".join(differences)


def compare(theirs: Heard, ours: Heard, left_out: set[str]) -> list[str]:
    found = []
    compared = 0
    for key in sorted(theirs.told.keys() | ours.told.keys()):
        their, our = theirs.told[key], ours.told[key]
        world = (their or our)[0][1]["groupLabels"]["world"]
        if world in left_out:
            continue
        compared += 1
        if said(their) != said(our):
            found.append(f"{key}:\n  theirs {brief(their)}\n  ours   {brief(our)}")
        elif any(abs(one[0] - other[0]) > TOLERANCE for one, other in zip(their, our, strict=True)):
            found.append(f"{key}: at {[round(at, 2) for at, _ in their]} and {[round(at, 2) for at, _ in our]}")
    assert compared > WORLDS
    return found


def brief(told: list[tuple[float, dict[str, Any]]]) -> list[str]:
    return [
        f"{at:.2f} "
        + " ".join(
            f"{one['status'][0]}:{one['labels']['node']}{one['labels']['alertname'][:2]}" for one in body["alerts"]
        )
        for at, body in told
    ]
