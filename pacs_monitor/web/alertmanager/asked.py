"""What the parameters of a request ask for."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from starlette.datastructures import QueryParams

from pacs_monitor.history.matchers import MATCH, NO_MATCH, BadRegexError, Matcher, whole_match
from pacs_monitor.routing.inhibiting import matches
from pacs_monitor.routing.matching import BadMatcherError, parse_matcher
from pacs_monitor.web.alertmanager.answers import Refused

_TRUE = frozenset({"true", "1", "yes", "ok", "y", "on", "selected", "checked", "t", "enabled"})
"""As go-openapi reads a truth value; all else is none."""
Chosen = Callable[[str], bool]
"""Of a receiver's name."""


def flag(asked: QueryParams, name: str) -> bool:
    """Whether something is to be shown; it is unless somebody says no."""
    text = asked.get(name, "")
    return not text or text.lower() in _TRUE


def filters(asked: QueryParams, name: str = "filter") -> list[Matcher]:
    """All matchers. Raises Refused."""
    return [_matcher(text) for text in asked.getlist(name)]


def receivers(asked: QueryParams) -> Chosen:
    """Which receivers are asked for. Raises Refused."""
    if not receivers_match(asked):
        return lambda name: False
    text = asked.get("receiver", "")
    if not text:
        return lambda name: True
    try:
        search = whole_match(f"(?-s:{text})")
    except BadRegexError as error:
        raise Refused(400, f"failed to parse receiver param: error parsing regexp: {error}") from None
    return lambda name: search(name) is not None


def receivers_match(asked: QueryParams) -> bool:
    """Whether receivers are asked for that have no labels: here none has any. Raises Refused."""
    return matches(filters(asked, "receiver_matchers"), {})


def _matcher(text: str) -> Matcher:
    try:
        return parse_matcher(text)
    except BadMatcherError as error:
        # Of a regular expression it says what is wrong with it; of all else Alertmanager says but this.
        is_regex = any(operator in text for operator in (MATCH, NO_MATCH)) and "RE2" in str(error)
        raise Refused(400, str(error) if is_regex else f"bad matcher format: {text}") from None


def any_of(chosen: Chosen, names: Sequence[str]) -> bool:
    """Whether one of several receivers is asked for."""
    return any(map(chosen, names))
