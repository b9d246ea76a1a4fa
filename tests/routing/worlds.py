"""Alerts over time, drawn by chance: many small worlds beside one another, each with groups of its own."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

SECONDS = 16
"""How long alerts come and go. Events fall on whole seconds, groups are told half a second off."""
WAIT, INTERVAL, REPEAT = 500, 2000, 5000
"""Milliseconds."""
CONFIG: dict[str, Any] = {
    "route": {
        "receiver": "root",
        "group_by": ["world"],
        "group_wait": f"{WAIT}ms",
        "group_interval": f"{INTERVAL}ms",
        "repeat_interval": f"{REPEAT}ms",
        "routes": [
            {"receiver": "all", "matchers": ['kind=~"node|disk"'], "continue": True, "group_by": ["world", "kind"]},
            {"receiver": "quiet", "matchers": ['severity="info"'], "mute_time_intervals": ["always"]},
            {"receiver": "never", "matchers": ['severity="none"'], "active_time_intervals": ["never"]},
            {
                "receiver": "critical",
                "matchers": ['severity="critical"'],
                "routes": [
                    {"receiver": "each", "matchers": ['kind!~"disk|node"'], "group_by": ["..."], "group_wait": "500ms"},
                    {"receiver": "firing-only", "match": {"kind": "disk"}},
                ],
            },
        ],
    },
    "inhibit_rules": [
        {"source_matchers": ['alertname="SiteDown"'], "target_matchers": ['alertname="NodeDown"'], "equal": ["world"]},
        {"source_match": {"severity": "critical"}, "target_match": {"severity": "warning"}, "equal": ["world", "node"]},
    ],
    "time_intervals": [
        {"name": "always", "time_intervals": [{"times": [{"start_time": "00:00", "end_time": "24:00"}]}]},
        {"name": "never", "time_intervals": [{"years": ["1999"]}]},
    ],
}
RECEIVERS = ("root", "all", "quiet", "never", "critical", "each", "firing-only")
Kind = Literal["fire", "resolve", "silence", "expire"]


@dataclass(frozen=True)
class Event:
    """What happens at a whole second."""

    at: int
    kind: Kind
    labels: tuple[tuple[str, str], ...]
    """Of the alert; of a silence, what it matches."""
    lasts: int = 0
    """Seconds, of a silence."""


def config(port: int) -> dict[str, Any]:
    """For Alertmanager: receivers post to a port of loopback, each to a path of its own."""
    receivers = [
        {
            "name": name,
            "webhook_configs": [{"url": f"http://127.0.0.1:{port}/{name}", "send_resolved": name != "firing-only"}],
        }
        for name in RECEIVERS
    ]
    return {**CONFIG, "receivers": receivers}


def events(seed: int, worlds: int) -> list[Event]:
    """In the order of their seconds."""
    chance = random.Random(seed)
    every = [event for world in range(worlds) for event in _world(str(world), chance)]
    return sorted(every, key=lambda event: event.at)


def _world(world: str, chance: random.Random) -> Iterator[Event]:
    for labels in _alerts(world, chance):
        starts = chance.choice([0, 0, 1, 2, 3, 5, 7])
        yield Event(starts, "fire", labels)
        if chance.random() < 0.6:
            yield Event(chance.randint(starts + 1, SECONDS - 3), "resolve", labels)
    if chance.random() < 0.4:
        what = chance.choice([(("world", world),), (("kind", "node"), ("world", world))])
        starts = chance.randint(0, 8)
        # One that ends by itself does so off the seconds at which groups are told.
        lasts = chance.choice([3, 5, 100])
        yield Event(starts, "silence", what, lasts)
        if lasts == 100 and chance.random() < 0.5:
            yield Event(chance.randint(starts + 2, SECONDS - 2), "expire", what)


def _alerts(world: str, chance: random.Random) -> set[tuple[tuple[str, str], ...]]:
    found = set()
    for _ in range(chance.randint(1, 5)):
        labels = {
            "alertname": chance.choice(["NodeDown", "NodeDown", "SiteDown", "DiskFull"]),
            "severity": chance.choice(["critical", "critical", "warning", "info", "none"]),
            "kind": chance.choice(["node", "disk", "web"]),
            "node": chance.choice(["a", "b", "c"]),
            "world": world,
        }
        found.add(tuple(sorted(labels.items())))
    return found
