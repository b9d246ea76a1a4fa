"""An expression rewritten so that promql_parser reads nothing but its structure.

The parser misreads some literals and tells no positions. So each number, duration, text, label and metric name is
replaced by its place in a table, which holds what it says and where it stands.
"""

from __future__ import annotations

from dataclasses import dataclass, field

MARK = "\ue000"
"""Before the place of a text in the table; of the private use area of Unicode."""


@dataclass(slots=True)
class Skeleton:
    """The rewritten text, and what the places in it stand for."""

    text: str = ""
    table: list[tuple[object, int]] = field(default_factory=lambda: [(None, 0)])
    """Values (str, float, or int milliseconds) and positions; the first place stays empty."""
    selectors: list[int] = field(default_factory=list)
    calls: list[tuple[str, int]] = field(default_factory=list)
    """Functions and aggregations, and their positions."""
    after_plus: set[int] = field(default_factory=set)
    """Where operands of a sign + begin: the parser leaves the sign out."""
    parens: list[int] = field(default_factory=list)
