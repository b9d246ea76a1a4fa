"""Sentences for what is wrong with an expression's kinds; each ends with what to do."""

from __future__ import annotations

from pacs_monitor.promql.ast import Kind
from pacs_monitor.promql.errors import BadExpression
from pacs_monitor.promql.signatures import SIGNATURES

_WORDS: dict[Kind, str] = {"vector": "a vector", "scalar": "a number", "matrix": "a range", "string": "a text"}
_REMEDIES: dict[tuple[Kind, Kind], str] = {
    ("vector", "matrix"): "leave the [...] out, or put it into a function such as rate or max_over_time",
    ("vector", "scalar"): "put it into vector (...)",
    ("vector", "string"): "give a metric",
    ("scalar", "vector"): "put it into scalar (...), or write a number",
    ("scalar", "matrix"): "write a number",
    ("scalar", "string"): "write a number without quotes",
    ("matrix", "vector"): "add a range, such as [5m], or [5m:] behind what is no plain metric",
    ("matrix", "scalar"): "give a metric with a range, such as x[5m]",
    ("matrix", "string"): "give a metric with a range, such as x[5m]",
    ("string", "vector"): "write a text in quotes",
    ("string", "scalar"): "write a text in quotes",
    ("string", "matrix"): "write a text in quotes",
}


def wrong_kind(who: str, wanted: Kind, got: Kind, position: int | None) -> BadExpression:
    """An argument of another kind."""
    remedy = _REMEDIES[wanted, got]
    return BadExpression(f"{who} takes {_WORDS[wanted]} here, and this is {_WORDS[got]}; {remedy}", position)


def not_a_vector(who: str, got: Kind, position: int | None) -> BadExpression:
    """Neither a vector nor a number."""
    remedy = _REMEDIES["vector", got]
    return BadExpression(f"{who} takes vectors and numbers, and this is {_WORDS[got]}; {remedy}", position)


def wrong_count(function: str, got: int, position: int | None) -> BadExpression:
    """Too many arguments, or too few."""
    signature = SIGNATURES[function]
    fewest, most = signature.fewest(), signature.most()
    count = f"{fewest} or more" if most is None else str(most) if fewest == most else f"{fewest} to {most}"
    kinds = ", ".join(_WORDS[one] for one in signature.arguments)
    takes = f"{count} argument{'s' if count != '1' else ''} ({kinds})" if kinds else "no arguments"
    return BadExpression(f"{function} takes {takes}, and there {'is 1' if got == 1 else f'are {got}'}", position)


def bool_without_comparison(position: int | None) -> BadExpression:
    """`x + bool y`."""
    return BadExpression("bool only goes with a comparison (== != > < >= <=); leave it out", position)


def numbers_compared(position: int | None) -> BadExpression:
    """`1 == 2`."""
    return BadExpression("two numbers are compared; write bool behind the operator, which gives 1 or 0", position)


def set_with_number(op: str, position: int | None) -> BadExpression:
    """`x and 1`."""
    return BadExpression(f"{op} goes between vectors, and one side is a number; put it into vector (...)", position)


def group_with_set(op: str, position: int | None) -> BadExpression:
    """`x and on (a) group_left () y`."""
    return BadExpression(f"{op} matches many to many by itself; leave group_left or group_right out", position)


def matching_with_number(position: int | None) -> BadExpression:
    """`x + on (a) 1`."""
    return BadExpression("on and ignoring match vectors, and one side is a number; leave them out", position)


def no_label(who: str, position: int | None) -> BadExpression:
    """A label without a name."""
    return BadExpression(f"{who} needs the name of a label here, and this is empty", position)
