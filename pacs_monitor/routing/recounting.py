"""Who was told of alerts before, and what comes next: sentences for those who are told now."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from pacs_monitor.notify.notification import Notification
from pacs_monitor.notify.words import LANGUAGES, moment_in_words
from pacs_monitor.routing.acknowledging import Acknowledgement
from pacs_monitor.routing.definitions import Email, Integration, Routing
from pacs_monitor.routing.groups import Group
from pacs_monitor.routing.routed import RoutedAlert
from pacs_monitor.routing.stages import Moment
from pacs_monitor.routing.telling import Entry

MOST_TOLD = 12
_SENTENCES = {
    "en": {
        "told": "{who} by {way} at {time}",
        "waits": "{who} by {way}, not delivered so far",
        "taken": "{who} took it on at {time}",
        "next": "{who} is told at {time} unless somebody acknowledges",
        "next_several": "{who} are told at {time} unless somebody acknowledges",
        "and": "and",
    },
    "de": {
        "told": "{who} per {way} um {time}",
        "waits": "{who} per {way}, bisher nicht zugestellt",
        "taken": "{who} hat um {time} übernommen",
        "next": "{who} wird um {time} benachrichtigt, wenn niemand übernimmt",
        "next_several": "{who} werden um {time} benachrichtigt, wenn niemand übernimmt",
        "and": "und",
    },
}


@dataclass(frozen=True)
class World:
    """What sentences are made of."""

    routing: Routing
    groups_of: Callable[[str], list[Group]]
    """From an alert's fingerprint to the groups that it is in."""
    alerts: Mapping[str, RoutedAlert]
    log: Mapping[str, Entry]
    acknowledged: Mapping[str, Acknowledgement]
    is_muted: Callable[[Group, int], bool]


def recount(world: World, content: Notification, integration: Integration, at: Moment) -> Notification:
    """The notification with who was told before, and what comes next."""
    language = integration.language if isinstance(integration, Email) else "en"
    firing = [alert.fingerprint for alert in content.alerts if alert.status == "firing"]
    words = _Words(language, world.routing.time_zone, at.wall)
    every = {alert.fingerprint for alert in content.alerts}
    told = dict.fromkeys([*_told(world, every, words, at), *_taken(world, firing, words)])
    return replace(content, told=tuple(told)[-MOST_TOLD:], next_step=_next(world, firing, words, at))


@dataclass(frozen=True)
class _Words:
    language: str
    zone: str
    now: int

    def say(self, which: str, time: int = 0, **words: str) -> str:
        sentence = _SENTENCES.get(self.language, _SENTENCES["en"])[which]
        return sentence.format(time=self._time(time), **words)

    def joined(self, names: list[str]) -> str:
        if len(names) < 2:
            return "".join(names)
        return f"{', '.join(names[:-1])} {self.say('and')} {names[-1]}"

    def _time(self, at: int) -> str:
        then, now = (datetime.fromtimestamp(each / 1000, ZoneInfo(self.zone)) for each in (at, self.now))
        return moment_in_words(then, now, LANGUAGES.get(self.language, LANGUAGES["en"]))


def _told(world: World, fingerprints: Collection[str], words: _Words, at: Moment) -> Iterator[str]:
    wanted = frozenset(fingerprints)
    groups = {group.name: group for one in fingerprints for group in world.groups_of(one)}
    began = min((world.alerts[one].starts_at for one in fingerprints if one in world.alerts), default=0)
    found: list[tuple[int, str]] = []
    for group in groups.values():
        receiver = world.routing.receiver(group.route.receiver)
        for name, _ in receiver.named():
            entry = world.log.get("\n".join((group.name, receiver.name, name)))
            if entry is None or not entry.firing & wanted:
                continue
            who, way = receiver.shown(name)
            delivered = [
                attempt["at"] for attempt in entry.attempts if not attempt["reason"] and attempt["at"] >= began
            ]
            if delivered:
                found.append((delivered[0], words.say("told", delivered[0], who=who, way=way)))
            elif entry.queued_at < at.wall:
                found.append((entry.queued_at, words.say("waits", who=who, way=way)))
    return (sentence for _, sentence in sorted(found))


def _taken(world: World, firing: Iterable[str], words: _Words) -> Iterator[str]:
    acks = {world.acknowledged[one] for one in firing if one in world.acknowledged}
    return (words.say("taken", ack.at, who=ack.by) for ack in sorted(acks, key=lambda ack: ack.at))


def _next(world: World, firing: Iterable[str], words: _Words, at: Moment) -> str:
    """The first step of an escalation that is still to come."""
    steps: list[tuple[int, list[str]]] = []
    for one in firing:
        if one in world.acknowledged or one not in world.alerts:
            continue
        age = round(world.alerts[one].age(at.mono) * 1000)
        for group in world.groups_of(one):
            due = at.wall + group.route.minimum_age - age
            if group.route.minimum_age > age and not world.is_muted(group, due):
                steps.append((due, world.routing.receiver(group.route.receiver).people(due)))
    due, people = min(steps, default=(0, []))
    if not people:
        return ""
    return words.say("next" if len(people) == 1 else "next_several", due, who=words.joined(people))
