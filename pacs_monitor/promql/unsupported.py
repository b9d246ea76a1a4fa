"""What Prometheus has and this evaluator has not, and what neither has."""

from __future__ import annotations

from difflib import get_close_matches

from pacs_monitor.promql.errors import BadExpression
from pacs_monitor.promql.features import EXPERIMENTAL_FUNCTIONS, Features
from pacs_monitor.promql.signatures import (
    AGGREGATIONS,
    EXPERIMENTAL,
    EXPERIMENTAL_AGGREGATIONS,
    FUNCTIONS,
    GONE,
    NATIVE,
    NOT_EVALUATED,
)
from pacs_monitor.promql.tokens import Token

MOST_NESTED = 150
"""How deep operators and parentheses may be nested: what walks the tree uses Python's stack."""
MOST_OPERATORS = 1000
"""How many operators promql_parser is given; many more and it overflows the stack, which ends the process."""


def experimental(what: str, position: int) -> BadExpression:
    """That Prometheus takes it only with a feature flag, and this evaluator never."""
    return BadExpression(f"{what} is experimental in Prometheus and not evaluated here", position)


_ENABLE = (
    f"set alerting.enable_features: [{EXPERIMENTAL_FUNCTIONS}] "
    f"(test rules has --enable-feature {EXPERIMENTAL_FUNCTIONS})"
)


def not_enabled(what: str, position: int) -> BadExpression:
    """That Prometheus takes it only with a feature flag, and this evaluator only where it is asked to."""
    return BadExpression(f"{what} is experimental in Prometheus and not evaluated here; {_ENABLE}", position)


def check_aggregation(token: Token, features: Features) -> None:
    """Raises BadExpression if it is one that must be enabled."""
    if token.text.lower() in EXPERIMENTAL_AGGREGATIONS and EXPERIMENTAL_FUNCTIONS not in features:
        raise not_enabled(f"the aggregation {token.text}", token.position)


def check_function(token: Token, features: Features) -> None:
    """Raises BadExpression unless there is such a function."""
    name, enabled = token.text, EXPERIMENTAL_FUNCTIONS in features
    if name in FUNCTIONS or (enabled and name in EXPERIMENTAL):
        return
    if name in NATIVE:
        raise BadExpression(
            f"{name} reads native histograms, which are not evaluated here; use a classic histogram", token.position
        )
    if name in NOT_EVALUATED:
        raise experimental(f"the function {name}", token.position)
    if name in EXPERIMENTAL:
        raise not_enabled(f"the function {name}", token.position)
    if name in GONE:
        renamed = f"there is no function {name} in Prometheus 3; it is named {GONE[name]} there"
        asked = "" if enabled else f", which is experimental and not evaluated here; {_ENABLE}"
        raise BadExpression(renamed + asked, token.position)
    known = [*FUNCTIONS, *(EXPERIMENTAL if enabled else ()), *AGGREGATIONS]
    near = get_close_matches(name.lower(), known, n=1)
    raise BadExpression(f"there is no function {name}" + (f"; is {near[0]} meant?" if near else ""), token.position)


def too_deep(position: int) -> BadExpression:
    """More levels than can be walked."""
    return BadExpression(
        f"more than {MOST_NESTED} operators or parentheses are nested; record a part of it by a rule of its own",
        position,
    )


def too_long(position: int) -> BadExpression:
    """More operators than promql_parser may be given."""
    return BadExpression(
        f"there are more than {MOST_OPERATORS} operators; record a part of it by a rule of its own", position
    )
