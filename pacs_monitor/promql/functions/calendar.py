"""Parts of a date, in UTC; of any year, unlike Python's own dates."""

from __future__ import annotations

from collections.abc import Callable

from pacs_monitor.history.labels import EMPTY
from pacs_monitor.promql import ast
from pacs_monitor.promql.functions.parts import Builder, changed
from pacs_monitor.promql.numbers import NAN
from pacs_monitor.promql.plan import Plan, Settings
from pacs_monitor.promql.run import Run
from pacs_monitor.promql.values import Vector

_DAY = 86_400
_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_ERA = 146_097
"""Days in 400 years."""


def _civil(days: int) -> tuple[int, int, int]:
    """Year, month and day of a number of days since 1970. Years begin in March here, so leap days come last."""
    era, of_era = divmod(days + 719_468, _ERA)
    year = (of_era - of_era // 1460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year + year // 4 - year // 100)
    month = (5 * of_year + 2) // 153
    day = of_year - (153 * month + 2) // 5 + 1
    month = month + 3 if month < 10 else month - 9
    return year + era * 400 + (month <= 2), month, day


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def _days_in_month(year: int, month: int) -> int:
    return 29 if month == 2 and _is_leap(year) else _DAYS[month - 1]


def _day_of_year(seconds: int) -> int:
    year, month, day = _civil(seconds // _DAY)
    return sum(_DAYS[: month - 1]) + day + (month > 2 and _is_leap(year))


_PARTS: dict[str, Callable[[int], int]] = {
    "minute": lambda seconds: seconds % 3600 // 60,
    "hour": lambda seconds: seconds % _DAY // 3600,
    "day_of_week": lambda seconds: (seconds // _DAY + 4) % 7,
    "day_of_month": lambda seconds: _civil(seconds // _DAY)[2],
    "day_of_year": _day_of_year,
    "days_in_month": lambda seconds: _days_in_month(*_civil(seconds // _DAY)[:2]),
    "month": lambda seconds: _civil(seconds // _DAY)[1],
    "year": lambda seconds: _civil(seconds // _DAY)[0],
}


def _part(part: Callable[[int], int]) -> Builder:
    """Of each element's value, or of the time of evaluation."""

    def of_value(value: float) -> float:
        return float(part(int(value))) if value - value == 0 else NAN

    of_values = changed(of_value)

    def build(expr: ast.Call, arguments: tuple[Plan, ...], settings: Settings) -> Plan:
        if arguments:
            return of_values(expr, arguments, settings)

        def evaluate(run: Run, at: int) -> Vector:
            return [(EMPTY, float(part(at // 1000)))]

        return Plan("vector", evaluate, distinct=True)

    return build


BUILDERS: dict[str, Builder] = {name: _part(part) for name, part in _PARTS.items()}
