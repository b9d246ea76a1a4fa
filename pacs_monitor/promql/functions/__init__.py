"""The functions, by theme."""

from __future__ import annotations

from pacs_monitor.promql import ast
from pacs_monitor.promql.functions import (
    calendar,
    elements,
    histograms,
    moments,
    over_time,
    rates,
    relabel,
    scalars,
    shape,
    smoothing,
    sorting,
)
from pacs_monitor.promql.functions.parts import Builder
from pacs_monitor.promql.plan import Plan, Settings

BUILDERS: dict[str, Builder] = {
    **elements.BUILDERS,
    **calendar.BUILDERS,
    **over_time.BUILDERS,
    **rates.BUILDERS,
    **histograms.BUILDERS,
    **relabel.BUILDERS,
    **shape.BUILDERS,
    **scalars.BUILDERS,
    **sorting.BUILDERS,
    **moments.BUILDERS,
    **smoothing.BUILDERS,
}


def call(expr: ast.Call, arguments: tuple[Plan, ...], settings: Settings) -> Plan:
    """The plan of a call."""
    return BUILDERS[expr.name](expr, arguments, settings)
