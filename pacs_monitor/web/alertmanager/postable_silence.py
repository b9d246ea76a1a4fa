"""A silence that somebody posts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pacs_monitor.history.matchers import EQUAL, MATCH, NO_MATCH, NOT_EQUAL, Matcher
from pacs_monitor.routing.matching import BadMatcherError, make_matcher
from pacs_monitor.routing.silences import Silence
from pacs_monitor.web.alertmanager.answers import TOO_SHORT, Refused, missing, unreadable
from pacs_monitor.web.alertmanager.postable import moment, whole

_OPERATORS = {(True, False): EQUAL, (False, False): NOT_EQUAL, (True, True): MATCH, (False, True): NO_MATCH}
"""By `isEqual` and `isRegex`."""


def read_silence(raw: Any) -> Silence:
    """The silence of a body. Raises Refused."""
    if raw is None:
        raw = {}
    if not isinstance(raw, Mapping):
        raise unreadable("silence", "it is no silence")
    comment, created_by = _text(raw, "comment"), _text(raw, "createdBy")
    starts_at, ends_at = (moment(raw.get(name), "silence", name) for name in ("startsAt", "endsAt"))
    matchers = _matchers(raw.get("matchers"))
    given = {"comment": comment, "createdBy": created_by, "endsAt": ends_at, "matchers": matchers}
    for name, value in (*given.items(), ("startsAt", starts_at)):
        if value is None:
            raise missing(name)
    assert comment is not None
    assert created_by is not None
    assert starts_at is not None
    assert ends_at is not None
    made = tuple(_matcher(number, *one) for number, one in enumerate(matchers or ()))
    id = _text(raw, "id") or ""
    return Silence(id, made, starts_at, ends_at, 0, created_by, comment, _annotations(raw.get("annotations")))


def _text(raw: Mapping[str, Any], name: str) -> str | None:
    found = raw.get(name)
    if found is None:
        return None
    if not isinstance(found, str):
        raise unreadable("silence", f"{name} is no text")
    return whole(found)


def _annotations(raw: Any) -> dict[str, str]:
    if raw is None:
        return {}
    if not isinstance(raw, Mapping) or not all(isinstance(value, str) for value in raw.values()):
        raise unreadable("silence", "annotations are no texts by name")
    return {whole(name): whole(value) for name, value in raw.items()}


def _matchers(raw: Any) -> list[tuple[str, str, str]] | None:
    """Operator, name and value of each."""
    if raw is None:
        return None
    if not isinstance(raw, list):
        raise unreadable("silence", "matchers are no list")
    if not raw:
        raise Refused(422, "matchers in body should have at least 1 items", TOO_SHORT)
    return [_parts(number, one) for number, one in enumerate(raw)]


def _parts(number: int, raw: Any) -> tuple[str, str, str]:
    if not isinstance(raw, Mapping):
        raise unreadable("silence", f"matcher {number} is no matcher")
    for name, kind in (("isRegex", bool), ("isEqual", bool), ("name", str), ("value", str)):
        found = raw.get(name)
        if found is None and name != "isEqual":
            raise missing(f"matchers.{number}.{name}")
        if found is not None and not isinstance(found, kind):
            raise unreadable("silence", f"{name} of matcher {number} is of another type")
    is_equal = raw.get("isEqual")
    operator = _OPERATORS[is_equal is None or is_equal, raw["isRegex"]]
    return operator, whole(raw["name"]), whole(raw["value"])


def _matcher(number: int, op: str, name: str, value: str) -> Matcher:
    if not name:
        raise Refused(400, f'silence invalid: invalid label matcher {number}: invalid label name ""')
    try:
        return make_matcher(op, name, value)
    except BadMatcherError as error:
        raise Refused(400, f"silence invalid: invalid label matcher {number}: {error}") from None
