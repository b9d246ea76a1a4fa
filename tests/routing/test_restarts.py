"""Alertmanager and our routes are restarted in the middle: everybody must be told the same, and nothing twice.

When does differ: Alertmanager begins to wait anew, and ours go on waiting. So only what is told is compared.
"""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pacs_monitor.notify.notification import alertmanager_json
from pacs_monitor.routing.routed import API, RoutedAlert
from pacs_monitor.routing.routefile import read_routes
from pacs_monitor.routing.silences import Silence
from tests.peers.alertmanager import Alertmanager, alertmanager
from tests.routing.sim import Sim, equal
from tests.routing.test_differential import Heard, brief, receiver, said, stamp
from tests.routing.worlds import config, events

SEED, WORLDS = 5, 40
SETTLED = 5.0
"""Seconds after which everything was told that there is to tell."""
Labels = tuple[tuple[str, str], ...]


class Script:
    """What happens before and after the restart."""

    def __init__(self) -> None:
        every = events(SEED, WORLDS)
        self.fire = [one.labels for one in every if one.kind == "fire"]
        self.silenced = sorted({one.labels for one in every if one.kind == "silence"})
        ending = {one.labels for one in every if one.kind == "resolve"}
        self.over = [labels for labels in self.fire if labels in ending]


def ours(folder: Path, made: Any, script: Script) -> Heard:
    heard, sim = Heard(), Sim(folder, made)
    starts = sim.wall

    def put(labels: list[Labels], lasts: int) -> None:
        for one in labels:
            ends, expires = sim.wall + lasts * 1000, sim.mono + lasts
            sim.engine.put(
                [RoutedAlert(dict(one), {"summary": "told"}, starts, ends, origin=API, expires=expires)], sim.at
            )

    for labels in script.silenced:
        sim.engine.silence(Silence("", equal(**dict(labels)), sim.wall, sim.wall + 3_600_000, 0, "ana", ""), sim.at)
    put(script.fire, 3600)
    told = sim.go(SETTLED, step=0.125)
    sim.again()
    put(script.fire, 3600)
    told += sim.go(SETTLED, step=0.125)
    put(script.over, 0)
    told += sim.go(SETTLED, step=0.125)
    sim.end()
    for one in told:
        heard.told[one.receiver, one.group_key].append((0.0, alertmanager_json(one)))
    return heard


def theirs(folder: Path, made: dict[str, Any], script: Script) -> None:
    starts = datetime.now(UTC)

    def put(am: Alertmanager, labels: list[Labels], lasts: int) -> None:
        ends = datetime.now(UTC) + timedelta(seconds=lasts)
        body = {"annotations": {"summary": "told"}, "startsAt": stamp(starts), "endsAt": stamp(ends)}
        am.post("alerts", [{**body, "labels": dict(one)} for one in labels])
        time.sleep(SETTLED)

    with alertmanager(folder, made) as am:
        for labels in script.silenced:
            matchers = [{"name": name, "value": value, "isRegex": False} for name, value in labels]
            until = stamp(starts + timedelta(hours=1))
            body = {"matchers": matchers, "startsAt": stamp(starts), "endsAt": until}
            am.post("silences", {**body, "createdBy": "ana", "comment": "known"})
        put(am, script.fire, 3600)
    with alertmanager(folder, made) as am:
        put(am, script.fire, 3600)
        put(am, script.over, 0)


def test_everybody_is_told_the_same_though_both_are_restarted(tmp_path: Path) -> None:
    script, their = Script(), Heard()
    with receiver(their) as port:
        made = config(port)
        made["route"] = {**made["route"], "repeat_interval": "1h"}
        # After its restart Alertmanager may tell of an alert before it has heard of the one that inhibits it.
        del made["inhibit_rules"]
        file = tmp_path / "ours.json"
        file.write_text(json.dumps(made))
        read = read_routes(file)
        assert read.routing is not None, read.complaints
        our = ours(tmp_path, read.routing, script)
        theirs(tmp_path / "am", made, script)
    assert len(their.told) > WORLDS
    assert script.silenced
    different = [key for key in their.told.keys() | our.told.keys() if said(their.told[key]) != said(our.told[key])]
    assert not different, "\n".join(f"{key}: {brief(their.told[key])} {brief(our.told[key])}" for key in different)
