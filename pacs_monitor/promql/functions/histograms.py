"""Quantiles and fractions of classic histograms: series of one name that differ in `le`."""

from __future__ import annotations

from pacs_monitor.history.labels import Labels
from pacs_monitor.promql import ast
from pacs_monitor.promql.buckets import Bucket, fraction_of, quantile_of
from pacs_monitor.promql.functions.parts import Builder, checked, planned
from pacs_monitor.promql.notes import note_bad_bucket, note_bad_share, note_not_monotonic
from pacs_monitor.promql.numbers import bound_of
from pacs_monitor.promql.plan import Plan, Settings
from pacs_monitor.promql.run import Run
from pacs_monitor.promql.values import Vector

LE = "le"
_WITHOUT_LE = (LE,)


class _Histograms:
    """Puts the buckets of a vector together."""

    def __init__(self, position: int, names: bool) -> None:
        self._position = position
        self._names = names

    def of(self, vector: Vector, run: Run) -> dict[Labels, list[Bucket]]:
        """Upper bounds and counts, by the labels but for `le`."""
        found: dict[Labels, list[Bucket]] = {}
        for labels, count in vector:
            text = labels.get(LE)
            bound = bound_of(text)
            if bound is None:
                note_bad_bucket(run, text, labels.name if self._names else "", self._position)
                continue
            key = labels.but(_WITHOUT_LE)
            buckets = found.get(key)
            if buckets is None:
                found[key] = [(bound, count)]
            else:
                buckets.append((bound, count))
        return found


def _quantile(expr: ast.Call, arguments: tuple[Plan, ...], settings: Settings) -> Plan:
    share_at, inner, nameless = arguments[0].evaluate, arguments[1].evaluate, settings.nameless
    share_position, position = expr.arguments[0].position, expr.arguments[1].position
    histograms = _Histograms(position, settings.delayed_names)
    distinct = arguments[1].distinct

    def evaluate(run: Run, at: int) -> Vector:
        share = share_at(run, at)
        note_bad_share(run, share, share_position)
        found: Vector = []
        for labels, buckets in histograms.of(inner(run, at), run).items():
            value, forced = quantile_of(share, buckets)
            if forced:
                note_not_monotonic(run, labels.name if settings.delayed_names else "", position)
            found.append((nameless(labels), value))
        return found

    return planned(checked(evaluate, expr, distinct, settings), arguments, distinct)


def _fraction(expr: ast.Call, arguments: tuple[Plan, ...], settings: Settings) -> Plan:
    """The share of observations between two values."""
    lowest, highest, inner = (one.evaluate for one in arguments)
    nameless, distinct = settings.nameless, arguments[2].distinct
    histograms = _Histograms(expr.arguments[2].position, settings.delayed_names)

    def evaluate(run: Run, at: int) -> Vector:
        low, high = lowest(run, at), highest(run, at)
        found = histograms.of(inner(run, at), run)
        return [(nameless(labels), fraction_of(low, high, buckets)) for labels, buckets in found.items()]

    return planned(checked(evaluate, expr, distinct, settings), arguments, distinct)


BUILDERS: dict[str, Builder] = {"histogram_quantile": _quantile, "histogram_fraction": _fraction}
