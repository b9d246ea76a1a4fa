"""Alerts that somebody posts, with Alertmanager's defaults; what is wrong with them is told all at once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from pacs_monitor.routing.routed import API, RoutedAlert
from pacs_monitor.web.alertmanager.answers import BAD_TYPE, Refused, missing, unreadable

_SURROGATE = re.compile("[\ud800-\udfff]")
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:.+|/.*")
_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d.*", re.DOTALL)
_FIRST = datetime(1, 1, 2, tzinfo=UTC)


@dataclass
class Posted:
    """The alerts that can be taken, and what is wrong with the others."""

    alerts: list[RoutedAlert] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


def read_alerts(raw: Any, resolve_timeout: int, wall: int, mono: float) -> Posted:
    """Alerts of a body, heard of at a time of both clocks. Raises Refused if it is of another form."""
    if raw is None:
        return Posted()
    if not isinstance(raw, list):
        raise unreadable("alerts", "it is no list of alerts")
    drafts = [_Draft(number, one) for number, one in enumerate(raw)]
    for draft in drafts:
        draft.require()
    posted = Posted()
    for draft in drafts:
        alert = draft.alert(resolve_timeout, wall, mono)
        if isinstance(alert, str):
            posted.complaints.append(alert)
        else:
            posted.alerts.append(alert)
    return posted


class _Draft:
    """One alert as it was posted. Raises Refused if a field is of another type than it has to be."""

    def __init__(self, number: int, raw: Any) -> None:
        self._number = number
        if raw is None:
            raw = {}
        if not isinstance(raw, Mapping):
            raise unreadable("alerts", f"element {number} is no alert")
        self._labels = _texts(raw.get("labels"), number, "labels")
        self._annotations = _texts(raw.get("annotations"), number, "annotations") or {}
        self._starts_at = moment(raw.get("startsAt"), "alerts", f"startsAt of alert {number}")
        self._ends_at = moment(raw.get("endsAt"), "alerts", f"endsAt of alert {number}")
        self._url = raw.get("generatorURL") or ""
        if not isinstance(self._url, str):
            raise unreadable("alerts", f"generatorURL of alert {number} is no text")

    def require(self) -> None:
        if self._labels is None:
            raise missing(f"{self._number}.labels")
        if self._url and not _URI.fullmatch(self._url):
            place = f"{self._number}.generatorURL"
            raise Refused(422, f'{place} in body must be of type uri: "{self._url}"', BAD_TYPE)

    def alert(self, resolve_timeout: int, wall: int, mono: float) -> RoutedAlert | str:
        """The alert, or what is wrong with it."""
        labels = {name: value for name, value in (self._labels or {}).items() if value}
        starts_at, ends_at, timeout = self._starts_at, self._ends_at, False
        if starts_at is None:
            starts_at = wall if ends_at is None else ends_at
        if ends_at is None:
            ends_at, timeout = wall + resolve_timeout, True
        if ends_at < starts_at:
            return "start time must be before end time"
        if not labels:
            return "at least one label pair required"
        for what, names in (("label set", labels), ("annotations", self._annotations)):
            if "" in names:
                return f'invalid {what}: invalid name ""'
        return RoutedAlert(
            labels,
            self._annotations,
            starts_at,
            ends_at,
            self._url,
            origin=API,
            timeout=timeout,
            expires=mono + (ends_at - wall) / 1000,
        )


def _texts(raw: Any, number: int, what: str) -> dict[str, str] | None:
    if raw is None:
        return None
    if not isinstance(raw, Mapping) or not all(isinstance(value, str) for value in raw.values()):
        raise unreadable("alerts", f"{what} of alert {number} are no texts by name")
    return {whole(name): whole(value) for name, value in raw.items()}


def moment(raw: Any, body: str, what: str) -> int | None:
    """Milliseconds since 1970 of a time in JSON; None of none, and of Go's zero. Raises Refused."""
    if raw is None:
        return None
    if raw == "":
        return 0  # as Alertmanager reads it
    text = raw if isinstance(raw, str) and _DATE_TIME.fullmatch(raw) else ""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise unreadable(body, f"{what} is no time; write 2026-11-24T10:00:00Z") from None
    found = found if found.tzinfo else found.replace(tzinfo=UTC)
    try:
        return None if found < _FIRST else int(found.timestamp() * 1000)
    except (OverflowError, ValueError):
        raise unreadable(body, f"{what} is out of range") from None


def whole(text: str) -> str:
    """Without halves of characters, which no file and no hash takes."""
    return _SURROGATE.sub("\ufffd", text) if not text.isascii() else text
