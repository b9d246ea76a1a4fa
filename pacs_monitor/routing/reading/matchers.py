"""Matchers as routes and inhibition rules write them: a list of texts, or the older mappings."""

from __future__ import annotations

from pacs_monitor.configuring.tree import Map, is_null
from pacs_monitor.history.matchers import EQUAL, MATCH, Matcher
from pacs_monitor.routing.matching import BadMatcherError, in_order, make_matcher, parse_matchers
from pacs_monitor.routing.reading.fields import LABEL, Section


def read_matchers(part: Section, prefix: str = "") -> tuple[Matcher, ...]:
    """All of `matchers`, `match` and `match_re`, or those with a prefix, as in `source_matchers`; sorted."""
    found = []
    for item in part.texts(f"{prefix}matchers"):
        try:
            found.extend(parse_matchers(item.text or ""))
        except BadMatcherError as error:
            part.told.complain(item.line, item.path, str(error))
    found.extend(_old(part, f"{prefix}match", EQUAL))
    found.extend(_old(part, f"{prefix}match_re", MATCH))
    return in_order(found)


def _old(part: Section, key: str, op: str) -> list[Matcher]:
    found = []
    written = part.value.get(key)
    for name, (line, text) in part.pairs(key).items():
        if not LABEL.fullmatch(name):
            part.say(line, f"{name} cannot be written so; use matchers, with the name in quotes", key, name)
        elif op == MATCH and isinstance(written, Map) and is_null(written.get(name)):
            part.say(line, "holds no regular expression; write one, or remove the line", key, name)
        else:
            try:
                plain = make_matcher(op, name, text)
            except BadMatcherError as error:
                part.say(line, str(error), key, name)
                continue
            # Alertmanager anchors these before it prints them, so they stand so in group keys.
            found.append(make_matcher(op, name, f"^(?:{text})$") if op == MATCH else plain)
    return found
