"""What Prometheus does only if its operator asks for it, by the names that `--enable-feature` knows."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Literal, get_args

Feature = Literal["promql-experimental-functions"]
EXPERIMENTAL_FUNCTIONS: Feature = "promql-experimental-functions"
"""Functions and aggregations that may still change."""
Features = Collection[Feature]
NONE: Features = frozenset[Feature]()
_KNOWN: tuple[Feature, ...] = get_args(Feature)
EVERY: Features = frozenset(_KNOWN)
"""For what has been read before, with whatever was enabled then."""


def features_of(names: Iterable[str]) -> Features:
    """The features of these names, each of which may be several with commas. Raises ValueError with the remedy."""
    wanted = [name for text in names for name in text.split(",") if name]
    for name in wanted:
        if name not in _KNOWN:
            raise ValueError(f"there is no feature {name}; there is {', '.join(_KNOWN)}")
    return frozenset(known for known in _KNOWN if known in wanted)
