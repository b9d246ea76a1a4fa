"""Functions of one number: rounding, logarithms, angles."""

from __future__ import annotations

import math

from pacs_monitor.promql import ast
from pacs_monitor.promql.functions.parts import Builder, Change, changed, checked, planned
from pacs_monitor.promql.numbers import INF, NAN, ceil, divided, floor, larger, smaller
from pacs_monitor.promql.plan import Plan, Settings, constant
from pacs_monitor.promql.run import Run
from pacs_monitor.promql.values import Vector


def _defined(function: Change) -> Change:
    """NaN where a function has no value, Inf where it is too large."""

    def compute(value: float) -> float:
        try:
            return function(value)
        except ValueError:
            return NAN
        except OverflowError:
            return math.copysign(INF, function(math.copysign(1.0, value)))

    return compute


def _log(function: Change) -> Change:
    def compute(value: float) -> float:
        if value > 0:
            return function(value)
        return -INF if value == 0 else NAN

    return compute


def _atanh(value: float) -> float:
    if abs(value) == 1:
        return math.copysign(INF, value)
    return math.atanh(value) if -1 < value < 1 else NAN


def _sign(value: float) -> float:
    return 1.0 if value > 0 else -1.0 if value < 0 else value


def _round(expr: ast.Call, arguments: tuple[Plan, ...], settings: Settings) -> Plan:
    """To a multiple of the second argument, or 1; the middle goes up."""
    inner, nameless, distinct = arguments[0].evaluate, settings.nameless, arguments[0].distinct
    nearest = arguments[1].evaluate if len(arguments) > 1 else constant("scalar", 1.0).evaluate

    def evaluate(run: Run, at: int) -> Vector:
        inverse = divided(1.0, nearest(run, at))
        return [(nameless(labels), divided(floor(value * inverse + 0.5), inverse)) for labels, value in inner(run, at)]

    return planned(checked(evaluate, expr, distinct, settings), arguments, distinct)


def _clamp(low_at: int | None, high_at: int | None) -> Builder:
    """Between two limits, which are arguments at these places."""

    def build(expr: ast.Call, arguments: tuple[Plan, ...], settings: Settings) -> Plan:
        inner, nameless, distinct = arguments[0].evaluate, settings.nameless, arguments[0].distinct
        lowest = constant("scalar", -INF) if low_at is None else arguments[low_at]
        highest = constant("scalar", INF) if high_at is None else arguments[high_at]

        def evaluate(run: Run, at: int) -> Vector:
            elements = inner(run, at)  # also where nothing of it is left: it may be an error
            low, high = lowest.evaluate(run, at), highest.evaluate(run, at)
            if high < low:
                return []
            return [(nameless(labels), larger(low, smaller(high, value))) for labels, value in elements]

        return planned(checked(evaluate, expr, distinct, settings), arguments, distinct)

    return build


_CHANGES: dict[str, Change] = {
    "abs": abs,
    "ceil": ceil,
    "floor": floor,
    "sgn": _sign,
    "exp": _defined(math.exp),
    "sqrt": _defined(math.sqrt),
    "ln": _log(math.log),
    "log2": _log(math.log2),
    "log10": _log(math.log10),
    "sin": _defined(math.sin),
    "cos": _defined(math.cos),
    "tan": _defined(math.tan),
    "asin": _defined(math.asin),
    "acos": _defined(math.acos),
    "atan": math.atan,
    "sinh": _defined(math.sinh),
    "cosh": _defined(math.cosh),
    "tanh": math.tanh,
    "asinh": math.asinh,
    "acosh": _defined(math.acosh),
    "atanh": _atanh,
    "rad": lambda value: value * math.pi / 180,
    "deg": lambda value: value * 180 / math.pi,
}

BUILDERS: dict[str, Builder] = {
    **{name: changed(change) for name, change in _CHANGES.items()},
    "round": _round,
    "clamp": _clamp(1, 2),
    "clamp_min": _clamp(1, None),
    "clamp_max": _clamp(None, 1),
}
