"""Quantiles and fractions of classic histograms: series of one name that differ in `le`."""

from __future__ import annotations

from pacs_monitor.history.labels import Labels
from pacs_monitor.promql import ast
from pacs_monitor.promql.buckets import Bucket, fraction_of, quantile_of
from pacs_monitor.promql.functions.parts import Builder, checked, planned, text_of
from pacs_monitor.promql.notes import note_bad_bucket, note_bad_share, note_not_monotonic
from pacs_monitor.promql.numbers import bound_of, label_number
from pacs_monitor.promql.plan import Plan, Settings
from pacs_monitor.promql.run import Run, label_name
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


def _quantiles(expr: ast.Call, arguments: tuple[Plan, ...], settings: Settings) -> Plan:
    """Several quantiles at once, each with its share as a label."""
    inner, nameless, position = arguments[0].evaluate, settings.nameless, expr.arguments[0].position
    label = label_name(text_of(expr.arguments[1]), expr.arguments[1].position)
    shares = [(plan.evaluate, one.position) for plan, one in zip(arguments[2:], expr.arguments[2:], strict=True)]
    histograms = _Histograms(position, settings.delayed_names)

    def evaluate(run: Run, at: int) -> Vector:
        wanted = [share_at(run, at) for share_at, _ in shares]
        for share, (_, place) in zip(wanted, shares, strict=True):
            note_bad_share(run, share, place)
        together = [(nameless(labels), buckets) for labels, buckets in histograms.of(inner(run, at), run).items()]
        found: Vector = []
        for share in wanted:
            change = {label: label_number(share)}
            for labels, buckets in together:
                value, forced = quantile_of(share, buckets)
                if forced:
                    note_not_monotonic(run, labels.name if settings.delayed_names else "", position)
                found.append((_with(labels, change), value))
        return found

    # Labels may come twice whatever the vector: a share that is given twice, a label that tells histograms apart.
    return planned(checked(evaluate, expr, False, settings), arguments)


def _with(labels: Labels, change: dict[str, str]) -> Labels:
    made = labels.changed(change)
    return made.with_name_to_go() if labels.name_goes else made


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


BUILDERS: dict[str, Builder] = {
    "histogram_quantile": _quantile,
    "histogram_quantiles": _quantiles,
    "histogram_fraction": _fraction,
}
