"""Who is meant by `to`, and how each is reached."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal
from zoneinfo import ZoneInfo

from pacs_monitor.people.oncall import next_after, stretches, turn_at
from pacs_monitor.people.settings import OnCall, Person
from pacs_monitor.routing.definitions import Integration, Receiver


@dataclass(frozen=True, slots=True)
class Target:
    """One of whom a rule tells: a person, who is on call in a rotation, or who is next in it."""

    kind: Literal["person", "on_call", "next"]
    name: str


@dataclass(frozen=True)
class Roster:
    """All people and rotations, and the ways to each person."""

    people: Mapping[str, Person]
    on_call: Mapping[str, OnCall]
    zone: ZoneInfo
    ways: Mapping[tuple[str, str], Integration] = field(default_factory=dict, repr=False)
    """By way and person: (`pager`, `ana`)."""

    def who(self, target: Target, at: int) -> str:
        """The person that is meant at a time (milliseconds since 1970); "" if nobody is."""
        if target.kind == "person":
            return target.name
        pick = next_after if target.kind == "next" else lambda *when: turn_at(*when).person
        return pick(self.on_call[target.name], self.zone, at / 1000)

    def everybody(self, target: Target) -> list[str]:
        """All who can be meant at one time or another."""
        if target.kind == "person":
            return [target.name]
        plan = self.on_call[target.name]
        return list(dict.fromkeys([*plan.rotation, *(one.person for one in stretches(plan.overrides, self.zone))]))

    def shown(self, person: str) -> str:
        """A person's name, for others to read."""
        known = self.people.get(person)
        return known.name if known and known.name else person[:1].upper() + person[1:]

    def reached(self, people: Iterable[str], by: Iterable[str]) -> Iterator[tuple[str, Integration]]:
        """The ways to people, each once, by the names that logs have for them: `pager/ana`."""
        ways = tuple(by)
        for person in dict.fromkeys(people):
            for way in ways:
                if (way, person) in self.ways:
                    yield f"{way}/{person}", self.ways[way, person]


@dataclass(frozen=True, slots=True)
class PeopleReceiver(Receiver):
    """People by what a rule says of them; who that is may depend on the time."""

    roster: Roster | None = field(default=None, repr=False)
    targets: tuple[Target, ...] = ()
    by: tuple[str, ...] = ()

    def named(self) -> Iterator[tuple[str, Integration]]:
        """Everybody that can be meant."""
        assert self.roster is not None
        return self.roster.reached((one for target in self.targets for one in self.roster.everybody(target)), self.by)

    def reached(self, at: int) -> Iterator[tuple[str, Integration]]:
        """Those that are meant at a time (milliseconds since 1970)."""
        assert self.roster is not None
        return self.roster.reached(self._meant(at), self.by)

    def people(self, at: int) -> list[str]:
        """Their names, for others to read."""
        assert self.roster is not None
        return [self.roster.shown(one) for one in self._meant(at)]

    def _meant(self, at: int) -> list[str]:
        assert self.roster is not None
        found = (self.roster.who(target, at) for target in self.targets)
        return [one for one in dict.fromkeys(found) if one]

    def shown(self, integration: str) -> tuple[str, str]:
        """Who that is, and how they are told."""
        assert self.roster is not None
        way, _, person = integration.partition("/")
        return self.roster.shown(person), way
