"""Operators between two vectors: which elements belong together, and what comes of them."""

from __future__ import annotations

from collections.abc import Callable

from pacs_monitor.history.labels import NAME, Labels
from pacs_monitor.promql import ast
from pacs_monitor.promql.errors import EvaluationError
from pacs_monitor.promql.operators import COMPARISON, number_function
from pacs_monitor.promql.plan import Plan, Settings, VectorAt
from pacs_monitor.promql.run import Run, unique
from pacs_monitor.promql.values import Vector

Signature = Callable[[Labels], Labels]
_MOST_RESULTS = 50_000


def between_vectors(expr: ast.Binary, left: Plan, right: Plan, settings: Settings) -> Plan:
    """Any operator between two vectors."""
    assert expr.matching is not None
    signature = signature_of(expr.matching)
    if expr.op in ast.SETS:
        evaluate = _set(expr.op, left.evaluate, right.evaluate, signature)
        distinct = left.distinct and expr.op != "or"
    elif expr.matching.many:
        evaluate = _grouped(expr, expr.matching, left.evaluate, right.evaluate, settings)
        distinct = False
    else:
        evaluate = _paired(expr, expr.matching, left.evaluate, right.evaluate)
        distinct = True
    return Plan("vector", evaluate, left.fixed and right.fixed, left.steady and right.steady, distinct)


def signature_of(matching: ast.Matching) -> Signature:
    """What gives the labels by which elements match."""
    if matching.on:
        names = matching.labels
        return lambda labels: labels.only(names)
    others = (*matching.labels, NAME)
    return lambda labels: labels.but(others)


def _set(op: str, left: VectorAt, right: VectorAt, signature: Signature) -> VectorAt:
    def either(run: Run, at: int) -> Vector:
        first, second = left(run, at), right(run, at)
        if not first or not second:
            return first or second
        there = {signature(labels) for labels, _ in first}
        return first + [element for element in second if signature(element[0]) not in there]

    def both(run: Run, at: int) -> Vector:
        first, second = left(run, at), right(run, at)
        if not first or not second:
            return []
        there = {signature(labels) for labels, _ in second}
        return [element for element in first if signature(element[0]) in there]

    def without(run: Run, at: int) -> Vector:
        first, second = left(run, at), right(run, at)
        if not first or not second:
            return first
        there = {signature(labels) for labels, _ in second}
        return [element for element in first if signature(element[0]) not in there]

    return {"or": either, "and": both, "unless": without}[op]


def _kept_name(expr: ast.Binary) -> bool:
    """Whether the metric's name stays: a comparison that filters changes no meaning."""
    return expr.op in COMPARISON and not expr.returns_bool


def _paired(expr: ast.Binary, matching: ast.Matching, left: VectorAt, right: VectorAt) -> VectorAt:
    """One to one."""
    signature, result = signature_of(matching), _pair_labels(expr, matching)
    compute, filters = number_function(expr.op), _kept_name(expr)

    def evaluate(run: Run, at: int) -> Vector:
        first, second = left(run, at), right(run, at)
        if not first or not second:
            return []
        others = _by_signature(second, signature, "right", expr)
        found: Vector = []
        seen: set[Labels] = set()
        for labels, value in first:
            key = signature(labels)
            if key not in others:
                continue
            if key in seen:
                raise _many_to_one(first, signature, key, expr)
            seen.add(key)
            computed = compute(value, others[key][1])
            if not filters:
                found.append((result(labels), computed))
            elif computed:
                found.append((result(labels), value))
        return found

    return evaluate


def _pair_labels(expr: ast.Binary, matching: ast.Matching) -> Signature:
    """The labels of a pair's result, from those of its left element."""
    if matching.on:
        names = matching.labels if _kept_name(expr) else tuple(one for one in matching.labels if one != NAME)
        return lambda labels: labels.only(names)
    others = matching.labels if _kept_name(expr) else (*matching.labels, NAME)
    return (lambda labels: labels.but(others)) if others else (lambda labels: labels)


def _grouped(expr: ast.Binary, matching: ast.Matching, left: VectorAt, right: VectorAt, settings: Settings) -> VectorAt:
    """Many to one, or one to many."""
    signature, result = signature_of(matching), _GroupLabels(expr, matching)
    compute, filters = number_function(expr.op), _kept_name(expr)
    many_left = matching.many == "left"

    def evaluate(run: Run, at: int) -> Vector:
        first, second = left(run, at), right(run, at)
        if not first or not second:
            return []
        many, one = (first, second) if many_left else (second, first)
        others = _by_signature(one, signature, "right" if many_left else "left", expr)
        found: Vector = []
        seen: set[tuple[Labels, Labels]] = set()
        for labels, value in many:
            key = signature(labels)
            other = others.get(key)
            if other is None:
                continue
            made = result(labels, other[0])
            if (key, made) in seen:
                raise _not_unique(made, expr, matching)
            seen.add((key, made))
            numbers = (value, other[1]) if many_left else (other[1], value)
            computed = compute(*numbers)
            if not filters:
                found.append((made, computed))
            elif computed:
                found.append((made, numbers[0]))
        return found if settings.delayed_names else unique(found, expr.position)

    return evaluate


class _GroupLabels:
    """The labels of a result: those of the many side, and some of the one side."""

    def __init__(self, expr: ast.Binary, matching: ast.Matching) -> None:
        self._include = matching.include
        self._name_goes = not _kept_name(expr)
        self._known: dict[tuple[Labels, Labels], Labels] = {}

    def __call__(self, many: Labels, one: Labels) -> Labels:
        base = many.without_name() if self._name_goes else many
        if not self._include:
            return base
        key = (base, one)
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= _MOST_RESULTS:
                self._known.clear()
            found = self._known[key] = base.changed({name: one.get(name) for name in self._include})
        return found


def _by_signature(
    elements: Vector, signature: Signature, side: str, expr: ast.Binary
) -> dict[Labels, tuple[Labels, float]]:
    """The elements of the one side by what they match on. Raises EvaluationError if two match on the same."""
    found = {signature(element[0]): element for element in elements}
    if len(found) < len(elements):
        raise _many_to_many(elements, signature, side, expr)
    return found


def _many_to_many(elements: Vector, signature: Signature, side: str, expr: ast.Binary) -> EvaluationError:
    seen: dict[Labels, Labels] = {}
    for labels, _ in elements:
        key = signature(labels)
        if key in seen:
            return EvaluationError(
                f"found duplicate series for the match group {shown(key)} on the {side} hand-side of the operation: "
                f"[{shown(labels)}, {shown(seen[key])}];many-to-many matching not allowed: matching labels must be "
                "unique on one side; match on a label that tells them apart, or aggregate that side first",
                expr.position,
            )
        seen[key] = labels
    raise AssertionError("none comes twice")


def _many_to_one(elements: Vector, signature: Signature, key: Labels, expr: ast.Binary) -> EvaluationError:
    several = [labels for labels, _ in elements if signature(labels) == key]
    return EvaluationError(
        "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right): "
        f"[{shown(several[0])}, {shown(several[1])}] both match {shown(key)} on the right; add group_left, or match on "
        "a label that tells them apart",
        expr.position,
    )


def _not_unique(made: Labels, expr: ast.Binary, matching: ast.Matching) -> EvaluationError:
    return EvaluationError(
        "multiple matches for labels: grouping labels must ensure unique matches: "
        f"{shown(made)} comes twice; leave labels that tell series apart out of group_{matching.many} (...)",
        expr.position,
    )


def shown(labels: Labels) -> str:
    """Labels in braces, the metric's name among them."""
    from pacs_monitor.promql.printing import label_text

    return "{" + ", ".join(label_text(name, value) for name, value in labels.pairs) + "}"
