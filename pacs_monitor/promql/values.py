"""What expressions give. Times are in milliseconds."""

from __future__ import annotations

from collections.abc import Sequence

from pacs_monitor.history.labels import Labels

Vector = list[tuple[Labels, float]]
"""Elements at one time."""
Matrix = list[tuple[Labels, list[tuple[int, float]]]]
"""Series over time."""
Window = tuple[Labels, Sequence[int], Sequence[float]]
"""One series' times and values within a range."""
Value = Vector | Matrix | float | str
