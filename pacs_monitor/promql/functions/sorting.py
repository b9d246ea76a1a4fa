"""Vectors in another order: by value, or by labels."""

from __future__ import annotations

from pacs_monitor.history.labels import Labels
from pacs_monitor.promql import ast
from pacs_monitor.promql.functions.parts import Builder, planned, text_of
from pacs_monitor.promql.natural import natural
from pacs_monitor.promql.plan import Plan, Settings
from pacs_monitor.promql.run import Run
from pacs_monitor.promql.values import Vector


def _by_value(sign: int) -> Builder:
    """NaN comes last either way."""

    def order(element: tuple[Labels, float]) -> tuple[bool, float]:
        return (element[1] != element[1], sign * element[1])

    def build(expr: ast.Call, arguments: tuple[Plan, ...], settings: Settings) -> Plan:
        inner = arguments[0].evaluate

        def evaluate(run: Run, at: int) -> Vector:
            return sorted(inner(run, at), key=order)

        return planned(evaluate, arguments, arguments[0].distinct)

    return build


def _by_label(backwards: bool) -> Builder:
    """By the values of these labels, then by all labels."""

    def build(expr: ast.Call, arguments: tuple[Plan, ...], settings: Settings) -> Plan:
        inner = arguments[0].evaluate
        names = tuple(text_of(one) for one in expr.arguments[1:])

        def order(element: tuple[Labels, float]) -> tuple[object, ...]:
            labels = element[0]
            return (*(natural(labels.get(name)) for name in names), labels.pairs)

        def evaluate(run: Run, at: int) -> Vector:
            return sorted(inner(run, at), key=order, reverse=backwards)

        return planned(evaluate, arguments, arguments[0].distinct)

    return build


BUILDERS: dict[str, Builder] = {
    "sort": _by_value(1),
    "sort_desc": _by_value(-1),
    "sort_by_label": _by_label(backwards=False),
    "sort_by_label_desc": _by_label(backwards=True),
}
