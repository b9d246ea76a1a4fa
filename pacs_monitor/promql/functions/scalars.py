"""Numbers that need no series: the bounds of the query, and the lesser or greater of two."""

from __future__ import annotations

from collections.abc import Callable

from pacs_monitor.promql import ast
from pacs_monitor.promql.functions.parts import Builder
from pacs_monitor.promql.numbers import larger, smaller
from pacs_monitor.promql.plan import Plan, Settings
from pacs_monitor.promql.run import Run


def _bound(milliseconds: Callable[[Run], int]) -> Builder:
    """In seconds. Of an expression at one time, as a rule's is, `start` and `end` are that time, the others 0."""

    def build(expr: ast.Call, arguments: tuple[Plan, ...], settings: Settings) -> Plan:
        return Plan("scalar", lambda run, at: milliseconds(run) / 1000, steady=True)

    return build


def _of_two(choose: Callable[[float, float], float]) -> Builder:
    def build(expr: ast.Call, arguments: tuple[Plan, ...], settings: Settings) -> Plan:
        left, right = arguments

        def evaluate(run: Run, at: int) -> float:
            return choose(left.evaluate(run, at), right.evaluate(run, at))

        return Plan("scalar", evaluate, left.fixed and right.fixed, left.steady and right.steady)

    return build


BUILDERS: dict[str, Builder] = {
    "start": _bound(lambda run: run.start),
    "end": _bound(lambda run: run.end),
    "range": _bound(lambda run: run.end - run.start),
    "step": _bound(lambda run: run.step),
    "min_of": _of_two(smaller),
    "max_of": _of_two(larger),
}
