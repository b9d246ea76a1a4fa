"""What promql_parser refuses, in sentences."""

from __future__ import annotations

import re

from pacs_monitor.promql.errors import BadExpression
from pacs_monitor.promql.skeleton import MARK, Skeleton

_KEYS = re.compile(rf"{MARK}([0-9]+)")


def refusal(message: str, skeleton: Skeleton) -> BadExpression:
    """The parser's complaint, with the names that the expression has."""
    keys = [int(one) for one in _KEYS.findall(message)]
    told = _KEYS.sub(lambda one: str(skeleton.table[int(one[1])][0]), message)
    return BadExpression(told, skeleton.table[keys[0]][1] if keys else None)
