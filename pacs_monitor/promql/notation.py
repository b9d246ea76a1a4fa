"""The notation of series in rule tests: `x{a="b"} 1+2x5 _ stale -3x2 _x4 NaN Inf 1x3`."""

from __future__ import annotations

import re

from pacs_monitor.history.labels import NAME, Labels, labels_of
from pacs_monitor.history.series import STALE
from pacs_monitor.promql.errors import BadExpression, BadNotation
from pacs_monitor.promql.literals import text_in
from pacs_monitor.promql.tokens import Token, tokens_of

_FLOAT = r"(?:[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?|\.[0-9]+(?:[eE][+-]?[0-9]+)?|[iI][nN][fF]|[nN][aA][nN])"
_ITEM = re.compile(
    rf"(?P<blank>_)(?:x(?P<blanks>[0-9]+))?|(?P<stale>stale)"
    rf"|(?P<value>[+-]?{_FLOAT})(?:(?P<step>[+-]{_FLOAT})?x(?P<times>[0-9]+))?"
)
_MOST = 10_000_000


def parse_series(text: str) -> tuple[Labels, list[float | None]]:
    """Labels and values: None where there is no sample, STALE where the series ends. Raises BadNotation."""
    labels, rest = parse_metric(text)
    return labels, parse_values(rest)


def parse_metric(text: str) -> tuple[Labels, str]:
    """The labels of `x{a="b"}`, and the text after it. Raises BadNotation."""
    text = text.strip()
    end = _end_of_metric(text)
    try:
        tokens = tokens_of(text[:end])
        pairs = _pairs(tokens, text)
    except BadExpression as error:
        raise BadNotation(f"{text}: {error}", error.position) from None
    return labels_of(pairs), text[end:]


def parse_values(text: str) -> list[float | None]:
    """The values of `1+2x5 _ stale`. Raises BadNotation."""
    values: list[float | None] = []
    for item in text.split():
        found = _ITEM.fullmatch(item)
        if found is None:
            raise BadNotation(_complaint(item))
        values.extend(_expanded(found))
        if len(values) > _MOST:
            raise BadNotation(f"{item}: more than {_MOST:,} values in one series")
    return values


def _complaint(item: str) -> str:
    if item.startswith("{{"):
        return f"{item}: native histograms are not evaluated here; write floats"
    return f"{item} is not a value; write a number, 1+2x5, _ or stale"


def _expanded(found: re.Match[str]) -> list[float | None]:
    if found["blank"]:
        return [None] * int(found["blanks"] or 1)
    if found["stale"]:
        return [STALE]
    value = float(found["value"])
    if found["times"] is None:
        return [value]
    step, times = float(found["step"] or 0), int(found["times"])
    if times > _MOST:
        raise BadNotation(f"{found.group()}: more than {_MOST:,} values in one series")
    values: list[float | None] = [value]
    for _ in range(times):  # added up, as Prometheus does, not multiplied
        value += step
        values.append(value)
    return values


def _end_of_metric(text: str) -> int:
    """Where the name and the braces end."""
    brace = re.match(r"[A-Za-z_:][A-Za-z0-9_:]*|", text)
    end = brace.end() if brace else 0
    if not text[end:].lstrip().startswith("{") or text[end:].lstrip().startswith("{{"):
        return end
    inside = ""
    place = text.index("{", end) + 1
    while place < len(text):
        one = text[place]
        if inside:
            if one == "\\" and inside != "`":
                place += 1
            elif one == inside:
                inside = ""
        elif one in "\"'`":
            inside = one
        elif one == "}":
            return place + 1
        place += 1
    raise BadNotation(f"{text}: the brace is not closed")


def _pairs(tokens: list[Token], text: str) -> dict[str, str]:
    """Label names and values out of `x{a="b"}`."""
    pairs: dict[str, str] = {}
    place = 0
    if tokens[0].kind in ("word", "number"):
        pairs[NAME] = tokens[0].text
        place = 1
    if tokens[place].kind == "end":
        return pairs
    place += 1
    while tokens[place].text != "}":
        quoted = tokens[place].kind == "string"
        name = text_in(tokens[place].text) if quoted else tokens[place].text
        if quoted and tokens[place + 1].text in (",", "}"):
            name, value, place = NAME, name, place + 1
        elif tokens[place].kind in ("word", "string", "number") and tokens[place + 1].text == "=":
            if tokens[place + 2].kind != "string":
                raise BadNotation(f"{text}: the value of {name} must stand in quotes", tokens[place + 2].position)
            value, place = text_in(tokens[place + 2].text), place + 3
        else:
            raise BadNotation(f'{text}: labels are written as {{name="value"}}', tokens[place].position)
        if name in pairs:
            raise BadNotation(f"{text}: {name} is given twice", tokens[place].position)
        pairs[name] = value
        place += tokens[place].text == ","
    return pairs
