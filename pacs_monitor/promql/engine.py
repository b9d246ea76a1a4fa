"""Evaluates expressions over the history. One thread uses an engine at a time, the one that uses the history."""

from __future__ import annotations

from typing import Any

from pacs_monitor.history.labels import EMPTY, Labels
from pacs_monitor.history.store import LOOKBACK, History
from pacs_monitor.promql import ast
from pacs_monitor.promql.compile import compiled
from pacs_monitor.promql.errors import EvaluationError
from pacs_monitor.promql.plan import Plan, Settings
from pacs_monitor.promql.run import Deadline, Note, Run, unique
from pacs_monitor.promql.values import Matrix, Value, Vector

_MOST_PLANS = 2000


class Engine:
    """What evaluates expressions as Prometheus does; of version 3, or 2 with `left_open=False`."""

    def __init__(
        self,
        history: History,
        lookback: int = LOOKBACK,
        delayed_names: bool = False,
        left_open: bool = True,
        step: int = 60_000,
        most_samples: int = 50_000_000,
        deadline: Deadline = None,
    ) -> None:
        """`deadline`: seconds that a query may take, or what says that it must stop. `step`: of plain subqueries."""
        self._settings = Settings(history, lookback, delayed_names, left_open, step)
        self._most, self._deadline = most_samples, deadline
        self._plans: dict[int, tuple[ast.Expr, Plan]] = {}
        self.notes: list[Note] = []
        """What the last evaluation noticed."""

    def instant(self, expr: ast.Expr, at: int) -> Value:
        """Of a vector, a number, a text or a range, at one time in ms. Raises EvaluationError."""
        run = Run(at, at, self._most, self._deadline)
        plan = self._plan(expr)
        value = self._evaluated(plan, run, at)
        if plan.kind == "vector":
            return self._finished(value, expr.position)
        if plan.kind == "matrix":
            return [(labels, list(zip(times, values, strict=True))) for labels, times, values in value[2]]
        result: Value = value
        return result

    def vector(self, expr: ast.Expr, at: int) -> Vector:
        """The same, a number as one element without labels. Raises EvaluationError for texts and ranges."""
        value = self.instant(expr, at)
        if isinstance(value, float):
            return [(EMPTY, value)]
        if expr.kind != "vector":
            raise EvaluationError(f"a vector or a number is needed, and this is a {expr.kind}", expr.position)
        return value  # type: ignore[return-value]  # its kind says so

    def range(self, expr: ast.Expr, start: int, end: int, step: int) -> Matrix:
        """The series over time, sorted by their labels. Raises EvaluationError."""
        if expr.kind not in ("vector", "scalar"):
            raise EvaluationError(f"only vectors and numbers have a course over time; this is a {expr.kind}", 0)
        if step <= 0:
            raise EvaluationError("the step must be longer than 0", 0)
        run = Run(start, end, self._most, self._deadline, step if start != end else 0)
        plan = self._plan(expr)
        found: dict[Labels, list[tuple[int, float]]] = {}
        for at in range(start, end + 1, step):
            value = self._evaluated(plan, run, at)
            vector = [(EMPTY, value)] if plan.kind == "scalar" else self._finished(value, expr.position)
            run.spend(len(vector))
            for labels, number in vector:
                found.setdefault(labels, []).append((at, number))
        return sorted(found.items(), key=lambda series: series[0].pairs)

    def _plan(self, expr: ast.Expr) -> Plan:
        known = self._plans.get(id(expr))
        if known is None or known[0] is not expr:
            if len(self._plans) >= _MOST_PLANS:
                self._plans.clear()
            known = self._plans[id(expr)] = (expr, compiled(expr, self._settings))
        return known[1]

    def _evaluated(self, plan: Plan, run: Run, at: int) -> Any:
        try:
            return plan.evaluate(run, at)
        finally:
            self.notes = run.notes

    def _finished(self, vector: Vector, position: int) -> Vector:
        """Without the names that were to go at the end."""
        if not self._settings.delayed_names:
            return vector
        return unique(
            [(labels.without_name() if labels.name_goes else labels, value) for labels, value in vector], position
        )
