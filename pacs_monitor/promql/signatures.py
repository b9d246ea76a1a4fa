"""Which functions there are, what they take, and which ones are not evaluated here."""

from __future__ import annotations

from dataclasses import dataclass

from pacs_monitor.promql.ast import Kind


@dataclass(frozen=True, slots=True)
class Signature:
    """The kinds of a function's arguments; the last may be left out (`optional`) or come any number of times."""

    arguments: tuple[Kind, ...]
    optional: bool = False
    repeated: bool = False
    limit: int | None = None
    """How many arguments there may be at most, where the last is `repeated`; None: any number."""

    def fewest(self) -> int:
        """How many arguments there must be."""
        return len(self.arguments) - (self.optional or self.repeated)

    def most(self) -> int | None:
        """How many arguments there may be; None: any number."""
        return self.limit if self.repeated else len(self.arguments)

    def kind(self, place: int) -> Kind:
        """What the argument at this place must be."""
        return self.arguments[min(place, len(self.arguments) - 1)]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _all(
    names: str, *arguments: Kind, optional: bool = False, repeated: bool = False, limit: int | None = None
) -> dict[str, Signature]:
    return dict.fromkeys(names.split(), Signature(arguments, optional, repeated, limit))


FUNCTIONS: dict[str, Signature] = {
    **_all("abs ceil exp floor ln log2 log10 sgn sqrt absent scalar sort sort_desc timestamp", "vector"),
    **_all("acos acosh asin asinh atan atanh cos cosh sin sinh tan tanh deg rad", "vector"),
    **_all("clamp", "vector", "scalar", "scalar"),
    **_all("clamp_max clamp_min", "vector", "scalar"),
    **_all("round", "vector", "scalar", optional=True),
    **_all("minute hour day_of_week day_of_month day_of_year days_in_month month year", "vector", optional=True),
    **_all("time pi"),
    **_all("vector", "scalar"),
    **_all("rate increase delta irate idelta deriv changes resets absent_over_time last_over_time", "matrix"),
    **_all("avg_over_time sum_over_time min_over_time max_over_time count_over_time present_over_time", "matrix"),
    **_all("stddev_over_time stdvar_over_time", "matrix"),
    **_all("predict_linear", "matrix", "scalar"),
    **_all("quantile_over_time", "scalar", "matrix"),
    **_all("histogram_quantile", "scalar", "vector"),
    **_all("histogram_fraction", "scalar", "scalar", "vector"),
    **_all("label_replace", "vector", "string", "string", "string", "string"),
    **_all("label_join", "vector", "string", "string", "string", repeated=True),
}
NATIVE = _words("histogram_avg histogram_count histogram_sum histogram_stddev histogram_stdvar")
"""Functions of native histograms."""
EXPERIMENTAL: dict[str, Signature] = {
    **_all("mad_over_time first_over_time", "matrix"),
    **_all("ts_of_first_over_time ts_of_last_over_time ts_of_max_over_time ts_of_min_over_time", "matrix"),
    **_all("double_exponential_smoothing", "matrix", "scalar", "scalar"),
    **_all("histogram_quantiles", "vector", "string", "scalar", "scalar", repeated=True, limit=12),
    **_all("sort_by_label sort_by_label_desc", "vector", "string", repeated=True),
    **_all("start end range step"),
    **_all("min_of max_of", "scalar", "scalar"),
}
"""Functions that Prometheus takes only with the feature flag promql-experimental-functions, as this evaluator does."""
SIGNATURES = {**FUNCTIONS, **EXPERIMENTAL}
NOT_EVALUATED = _words("info integral start_timestamp")
"""Functions that Prometheus takes only with a feature flag, and this evaluator never."""
GONE = {"holt_winters": "double_exponential_smoothing"}
"""Functions of Prometheus 2 that version 3 has renamed."""
AGGREGATIONS = _words("sum avg min max count group stddev stdvar topk bottomk quantile count_values limitk limit_ratio")
EXPERIMENTAL_AGGREGATIONS = frozenset(("limitk", "limit_ratio"))
