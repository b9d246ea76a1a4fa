"""What an expression is compiled to: functions that take a run and a time."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

from pacs_monitor.history.labels import Labels
from pacs_monitor.history.store import History
from pacs_monitor.promql.ast import Kind
from pacs_monitor.promql.run import Run
from pacs_monitor.promql.values import Vector, Window

Windows = tuple[int, int, list[Window]]
"""Where a range begins and ends, and the samples in it; series without samples are left out."""
VectorAt = Callable[[Run, int], Vector]


@dataclass(frozen=True, slots=True)
class Settings:
    """What an engine evaluates over, and how."""

    history: History
    lookback: int
    delayed_names: bool
    left_open: bool
    step: int
    """Of subqueries that name none, in milliseconds."""

    @property
    def nameless(self) -> Callable[[Labels], Labels]:
        """What takes the metric's name away, or marks it to go at the end."""
        return Labels.with_name_to_go if self.delayed_names else Labels.without_name


@dataclass(frozen=True, slots=True)
class Plan:
    """A compiled expression."""

    kind: Kind
    evaluate: Callable[[Run, int], Any]
    """A Vector, a float, a str, or Windows for a matrix; what it gives must not be changed."""
    fixed: bool = False
    """Whether it reads neither series nor the time."""
    steady: bool = False
    """Whether it gives the same at each step of a query."""
    distinct: bool = False
    """Whether no two elements differ in nothing but the metric's name."""


def constant(kind: Kind, value: object, distinct: bool = False) -> Plan:
    """What is known before any evaluation."""
    return Plan(kind, lambda run, at: value, fixed=True, steady=True, distinct=distinct)


def kept(plan: Plan) -> Plan:
    """The same plan, evaluated once in a query with many steps."""
    if plan.fixed or not plan.steady or plan.kind == "string":
        return plan
    key: Hashable = object()
    inner = plan.evaluate

    def evaluate(run: Run, at: int) -> object:
        try:
            return run.kept[key]
        except KeyError:
            found = run.kept[key] = inner(run, at)
            return found

    return Plan(plan.kind, evaluate, steady=True, distinct=plan.distinct)
