"""Selectors: the present value of each series, the samples of a range, and subqueries."""

from __future__ import annotations

from collections.abc import Callable

from pacs_monitor.history.labels import Labels
from pacs_monitor.promql import ast
from pacs_monitor.promql.plan import Plan, Settings, Windows
from pacs_monitor.promql.run import Run
from pacs_monitor.promql.values import Vector, Window

Moment = Callable[[Run, int], int]


def moment_of(at: int | str | None, offset: int) -> Moment:
    """When a selector looks, from when it is evaluated."""
    if at is None:
        return (lambda run, now: now - offset) if offset else (lambda run, now: now)
    if at == ast.START:
        return lambda run, now: run.start - offset
    if at == ast.END:
        return lambda run, now: run.end - offset
    assert isinstance(at, int)
    fixed = at - offset
    return lambda run, now: fixed


def instant_selector(expr: ast.Selector, settings: Settings) -> Plan:
    """The present value of each series that is there."""
    history, matchers = settings.history, expr.matchers
    moment = moment_of(expr.at, expr.offset)
    back = settings.lookback if settings.left_open else settings.lookback + 1

    def evaluate(run: Run, at: int) -> Vector:
        until = moment(run, at)
        after = until - back
        found: Vector = []
        source, last = None, -1
        for series in history.select(matchers):
            if series.source is not source:
                source = series.source
                low, high = source.bounds(after, until)
                last = high - 1 if high > low else -1
            values = series.values
            place = last - series.first
            if 0 <= place < len(values):
                value = values[place]
                if value == value:
                    found.append((series.labels, value))
                    continue
            latest = series.latest(after, until)
            if latest is not None:
                found.append((series.labels, latest))
        run.spend(len(found))
        return found

    return Plan("vector", evaluate, steady=expr.at is not None, distinct=bool(expr.name))


def timestamps(expr: ast.Selector, settings: Settings) -> Callable[[Run, int], list[tuple[Labels, int]]]:
    """When the present value of each series is from."""
    history, matchers = settings.history, expr.matchers
    moment = moment_of(expr.at, expr.offset)
    back = settings.lookback if settings.left_open else settings.lookback + 1

    def evaluate(run: Run, at: int) -> list[tuple[Labels, int]]:
        until = moment(run, at)
        series = history.select(matchers)
        run.spend(len(series))
        samples = ((one.labels, one.latest_sample(until - back, until)) for one in series)
        return [(labels, sample[0]) for labels, sample in samples if sample is not None]

    return evaluate


def range_selector(expr: ast.Range, settings: Settings) -> Plan:
    """The samples of the last `duration` of each series."""
    history, matchers = settings.history, expr.selector.matchers
    moment = moment_of(expr.selector.at, expr.selector.offset)
    duration, closed = expr.duration, 0 if settings.left_open else 1

    def evaluate(run: Run, at: int) -> Windows:
        end = moment(run, at)
        start = end - duration
        after = start - closed
        found: list[Window] = []
        samples = 0
        for series in history.select(matchers):
            times, values = series.window(after, end)
            if times:
                samples += len(times)
                found.append((series.labels, times, values))
        run.spend(samples)
        return start, end, found

    return Plan("matrix", evaluate, steady=expr.selector.at is not None, distinct=bool(expr.selector.name))


def subquery(expr: ast.Subquery, inner: Plan, settings: Settings) -> Plan:
    """The values of an expression at each step of the last `duration`; steps are multiples of their length."""
    moment = moment_of(expr.at, expr.offset)
    duration, step = expr.duration, expr.step or settings.step
    evaluate_inner, closed = inner.evaluate, not settings.left_open

    def evaluate(run: Run, at: int) -> Windows:
        end = moment(run, at)
        start = end - duration
        first = start - start % step + (0 if closed and start % step == 0 else step)
        found: dict[Labels, tuple[list[int], list[float]]] = {}
        for time in range(first, end + 1, step):
            vector = evaluate_inner(run, time)
            run.spend(len(vector))
            for labels, value in vector:
                series = found.get(labels)
                if series is None:
                    series = found[labels] = ([], [])
                series[0].append(time)
                series[1].append(value)
        return start, end, [(labels, times, values) for labels, (times, values) in found.items()]

    return Plan("matrix", evaluate, steady=expr.at is not None, distinct=inner.distinct)
