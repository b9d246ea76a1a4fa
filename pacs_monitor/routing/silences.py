"""Silences, with Alertmanager's semantics: made, edited, expired, and kept for five days after their end."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from pacs_monitor.history.matchers import EQUAL, MATCH, Matcher
from pacs_monitor.routing.inhibiting import matches

KEPT_FOR = 5 * 86_400_000
"""How long an expired silence is shown, in milliseconds."""
State = Literal["pending", "active", "expired"]


class BadSilence(ValueError):
    """A silence that cannot be; the sentence says why."""


class NoSilence(LookupError):
    """There is none of this id."""


@dataclass(frozen=True, slots=True)
class Silence:
    """Alerts that all matchers match are not told from one moment to another (milliseconds since 1970)."""

    id: str
    matchers: tuple[Matcher, ...]
    starts_at: int
    ends_at: int
    updated_at: int
    created_by: str
    comment: str
    annotations: Mapping[str, str] = field(default_factory=dict)

    def state(self, at: int) -> State:
        """As of a time."""
        if at >= self.ends_at:
            return "expired"
        return "pending" if at < self.starts_at else "active"

    def to_json(self) -> dict[str, Any]:
        """What `restored` takes."""
        return {
            "id": self.id,
            "matchers": [[one.op, one.name, one.value] for one in self.matchers],
            "starts_at": self.starts_at,
            "ends_at": self.ends_at,
            "updated_at": self.updated_at,
            "created_by": self.created_by,
            "comment": self.comment,
            "annotations": dict(self.annotations),
        }


def restored(raw: Mapping[str, Any]) -> Silence:
    """A silence from before a restart. Raises TypeError, KeyError and ValueError if it is none."""
    matchers = tuple(Matcher(op, name, value) for op, name, value in raw["matchers"])
    return Silence(**{**raw, "matchers": matchers})


class Silences:
    """All that are known."""

    def __init__(self, known: Iterable[Silence] = ()) -> None:
        self._by_id = {one.id: one for one in known}

    def __iter__(self) -> Iterator[Silence]:
        return iter(self._by_id.values())

    def get(self, id: str) -> Silence:
        """Raises NoSilence."""
        try:
            return self._by_id[id]
        except KeyError:
            raise NoSilence(f"there is no silence {id}") from None

    def put(self, silence: Silence, at: int) -> list[Silence]:
        """Make it, or edit the one of its id; those that are new or have changed, the one that counts first.

        One is edited in place only if its matchers stay the same and it is not over; otherwise it expires, and the
        other is made under an id of its own. Raises BadSilence and NoSilence.
        """
        _check(silence, at)
        changed: list[Silence] = []
        if silence.id:
            before = self.get(silence.id)
            if _may_become(before, silence, at):
                made = replace(silence, updated_at=at)
                self._by_id[made.id] = made
                return [made]
            if before.state(at) != "expired":
                changed.append(self._expired(before, at))
        made = replace(silence, id=str(uuid.uuid4()), starts_at=max(silence.starts_at, at), updated_at=at)
        self._by_id[made.id] = made
        return [made, *changed]

    def expire(self, id: str, at: int) -> Silence:
        """End it now. Raises NoSilence, and BadSilence if it has ended."""
        before = self.get(id)
        if before.state(at) == "expired":
            raise BadSilence(f"silence {id} already expired")
        return self._expired(before, at)

    def muting(self, labels: Mapping[str, str], at: int) -> tuple[str, ...]:
        """Ids of those that are active and match."""
        return tuple(
            sorted(
                one.id for one in self._by_id.values() if one.state(at) == "active" and matches(one.matchers, labels)
            )
        )

    def forget_old(self, at: int) -> list[str]:
        """Drop those that ended long ago; their ids."""
        old = [one.id for one in self._by_id.values() if at - one.ends_at > KEPT_FOR]
        for id in old:
            del self._by_id[id]
        return old

    def _expired(self, silence: Silence, at: int) -> Silence:
        ended = replace(silence, ends_at=at, starts_at=min(silence.starts_at, at), updated_at=at)
        self._by_id[silence.id] = ended
        return ended


def _check(silence: Silence, at: int) -> None:
    if not silence.matchers:
        raise BadSilence("at least one matcher required")
    if all(one.op in (EQUAL, MATCH) and one.matches("") for one in silence.matchers):
        raise BadSilence("at least one matcher must not match the empty string")
    if silence.ends_at <= silence.starts_at:
        raise BadSilence("start time must be before end time")
    if silence.ends_at <= at:
        raise BadSilence("end time can't be in the past")


def _may_become(before: Silence, after: Silence, at: int) -> bool:
    """Whether one can be edited in place."""
    if sorted(map(str, before.matchers)) != sorted(map(str, after.matchers)):
        return False
    state = before.state(at)
    if state == "active":
        return before.starts_at // 1000 == after.starts_at // 1000
    return state == "pending" and after.starts_at >= at
