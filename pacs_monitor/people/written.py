"""The three sections as they stand in the file, each part with its place: what is right is used beside mistakes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from pacs_monitor.configuring.complaints import right_part
from pacs_monitor.configuring.filling import fill
from pacs_monitor.configuring.findings import Findings
from pacs_monitor.configuring.tree import Items, Map, Place, Scalar, Value, below
from pacs_monitor.people.settings import Escalation, NotifySettings, OnCall, Override, Person, Rule

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True)
class Part(Generic[M]):
    """A mapping of the file, and the settings that are right in it."""

    settings: M
    tree: Map
    wrong: frozenset[str]

    def place(self, key: str) -> Place:
        """Where one of its settings stands."""
        return below(self.tree, key)

    def texts(self, key: str) -> Iterator[tuple[Place | Value, str]]:
        """The texts of a setting that is one text or a list, each with its place."""
        value = self.tree.get(key)
        if isinstance(value, Scalar) and value.text:
            yield self.place(key), value.text
        for item in value.items if isinstance(value, Items) else ():
            if isinstance(item, Scalar) and item.text:
                yield item, item.text

    def items(self, key: str, model: type[M2], **instead: Any) -> Iterator[Part[M2]]:
        """The mappings of a list."""
        value = self.tree.get(key)
        for item in value.items if isinstance(value, Items) else ():
            if isinstance(item, Map):
                yield part(model, item, **instead)


M2 = TypeVar("M2", bound=BaseModel)


def part(model: type[M], tree: Map, **instead: Any) -> Part[M]:
    """What is right of a mapping; `instead` stands for settings that it needs."""
    settings, wrong = right_part(model, fill(model, tree, Findings()), **instead)
    missing = {key for key in instead if key not in tree.entries}
    return Part(settings, tree, wrong | missing)


@dataclass(frozen=True)
class Written:
    """All that is written of people."""

    people: Mapping[str, Part[Person]]
    on_call: Mapping[str, Part[OnCall]]
    notify: Part[NotifySettings] | None

    def overrides(self, name: str) -> list[Part[Override]]:
        """Those of a rotation."""
        stand_in = {"person": "", "from": "2000-01-01", "to": "2000-01-01"}
        return list(self.on_call[name].items("overrides", Override, **stand_in))

    def rules(self) -> list[Part[Rule]]:
        """All of them."""
        return list(self.notify.items("rules", Rule, to=[])) if self.notify else []

    def steps(self, rule: Part[Rule]) -> list[Part[Escalation]]:
        """The steps by which a rule escalates."""
        return list(rule.items("escalate", Escalation, after="1s", to=[]))


def written(root: Map) -> Written:
    """The sections of a file."""
    notify = root.get("notify")
    return Written(
        people={name: part(Person, tree) for name, tree in _named(root.get("people"))},
        on_call={name: part(OnCall, tree, rotation=["-"]) for name, tree in _named(root.get("on_call"))},
        notify=part(NotifySettings, notify) if isinstance(notify, Map) else None,
    )


def _named(section: Value | None) -> Iterator[tuple[str, Map]]:
    for name, entry in section.entries.items() if isinstance(section, Map) else ():
        if isinstance(entry.value, Map):
            yield name, entry.value
