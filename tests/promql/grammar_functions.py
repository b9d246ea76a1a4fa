"""How expressions call functions."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from tests.promql.grammar import CLOSE, DURATIONS, EXACT, SAME, Drawn, Grammar, Way, put

QUANTILES = ("0.5", "0.9", "0", "1", "0.37", "0.913", "-0.5", "1.5", "NaN")


def _of_vector(name: str, takes: int, gives: int, scalars: int = 0, metric: str = "") -> Way:
    """A function of a vector, and of scalars after it; at times of one metric that suits it."""

    def build(grammar: Grammar, depth: int, most: int) -> Drawn:
        nearest = min(takes, most)
        suits = metric and not grammar.chance(3)
        inner = grammar.selector(nearest, metric) if suits else grammar.vector(depth - 1, nearest)
        if name == "timestamp":
            # Beside `@` Prometheus forgets the offset here. That shows only if it is negative: it reads nothing later.
            inner = replace(inner, text=re.sub(r"offset -(\S+ @)", r"offset \1", inner.text))
        after = [grammar.scalar(1, most) for _ in range(scalars)]
        return put(f"{name}({', '.join(one.text for one in (inner, *after))})", gives, inner, *after, word=name)

    return Way(gives, build)


def _of_range(name: str, takes: int, gives: int, metric: str = "", before: bool = False, after: bool = False) -> Way:
    """A function of a range, mostly of `metric` (or one of several), after a quantile or before a scalar."""

    def build(grammar: Grammar, depth: int, most: int) -> Drawn:
        suits = grammar.pick(*metric.split()) if metric and not grammar.chance(3) else ""
        inner = grammar.matrix(depth - 1, min(takes, most), suits)
        if name == "predict_linear":
            # Of a range that stands still, version 2 forgets the samples after some steps.
            inner = replace(inner, text=re.sub(r" @ (?:\w+\(\)|[\d.]+)", "", inner.text))
        quantile = f"{grammar.pick(*QUANTILES)}, " if before else ""
        last = grammar.scalar(1) if after else Drawn("")
        return put(f"{name}({quantile}{inner.text}{', ' * after}{last.text})", gives, inner, last, word=name)

    return Way(gives, build)


def _counted(name: str) -> Way:
    """How fast a counter rises, or what is no counter and negative.

    Where a line through few samples meets 0 within the window, and before half a distance of samples ahead of the
    first, version 2 goes on to there, and version 3 stops at half.
    """

    def build(grammar: Grammar, depth: int, most: int) -> Drawn:
        counter = grammar.selector(EXACT, grammar.pick("runs_total", "runs_total", "took_bucket"), "[:]")
        gauge = grammar.selector(EXACT, "load")
        length, step = grammar.pick(*DURATIONS), grammar.pick("", "15s", "30s", "37s")
        plain = counter.text.replace("[:]", f"[{length}]")
        nested = f"({counter.text.replace('[:]', '')})[{length}:{step}]"
        text = grammar.pick(plain, plain, plain, nested, f"({gauge.text} - 5000)[{length}:{step}]")
        return put(f"{name}({text})", CLOSE, counter, gauge, word=name)

    return Way(CLOSE, build)


def _sum_over_time(grammar: Grammar, depth: int, most: int) -> Drawn:
    inner = grammar.matrix(depth - 1, CLOSE if most == CLOSE else EXACT)
    return put(f"sum_over_time({inner.text})", CLOSE if inner.near else EXACT, inner, word="sum_over_time")


def _date(name: str) -> Way:
    """Of times that can be; of what cannot, Go takes what the processor gives."""

    def build(grammar: Grammar, depth: int, most: int) -> Drawn:
        stamps = grammar.selector(most, "stamp")
        text = grammar.pick("", stamps.text, stamps.text, stamps.text, f"{stamps.text} + 86400 * 30", "vector(time())")
        return put(f"{name}({text})", EXACT, stamps if text.startswith(stamps.text) else Drawn(""), word=name)

    return Way(EXACT, build)


def _round(grammar: Grammar, depth: int, most: int) -> Drawn:
    inner = grammar.vector(depth - 1, SAME)
    nearest = grammar.pick("", ", 1", ", 0.5", ", 5", ", 0.1", ", -2", ", 0")
    return put(f"round({inner.text}{nearest})", SAME, inner, word="round")


def _without_arguments(name: str, text: str) -> Way:
    return Way(SAME, lambda grammar, depth, most: put(text, SAME, word=name))


def _vector(grammar: Grammar, depth: int, most: int) -> Drawn:
    inner = grammar.scalar(depth)
    return put(f"vector({inner.text})", SAME, inner, word="vector")


def _scalar(grammar: Grammar, depth: int, most: int) -> Drawn:
    inner = grammar.vector(depth - 1, most)
    one = grammar.pick(f"sum({inner.text})", f"max({inner.text})", inner.text)
    return put(f"vector(scalar({one}))", CLOSE, inner, word="scalar")


def _absent(name: str) -> Way:
    def build(grammar: Grammar, depth: int, most: int) -> Drawn:
        metric = grammar.pick("gone", "gone", "load", "disk", "")
        if name == "absent":
            inner = grammar.selector(metric=metric) if metric else grammar.vector(depth - 1)
        else:
            inner = grammar.matrix(depth - 1, CLOSE, metric)
        return put(f"{name}({inner.text})", EXACT, inner, word=name)

    return Way(EXACT, build)


def _histogram_quantile(grammar: Grammar, depth: int, most: int) -> Drawn:
    """Where a rank is just that of a bucket, the next bucket may be flat: so no such quantile of a rate."""
    buckets = grammar.selector(EXACT, "took_bucket")
    rates = grammar.selector(EXACT, "took_bucket", "[5m]")
    quantile = grammar.pick(*QUANTILES)
    inner, quantile = grammar.pick(
        (buckets.text, quantile),
        (f"sum by (le, job) ({buckets.text})", quantile),
        (f"increase({rates.text})", "0.37"),
        (f"sum without (instance) (rate({rates.text}))", "0.913"),
    )
    return put(f"histogram_quantile({quantile}, {inner})", CLOSE, buckets, rates, word="histogram_quantile")


_REPLACEMENTS = (
    '"host", "$1", "instance", "(.*)"',
    '"host", "x$1y${2}z", "job", "(a)(.*)"',
    '"instance", "", "job", "a"',
    '"instance", "same", "job", ".*"',
    '"host", "${name}$$", "instance", "(?P<name>[0-9])"',
    '"job", "$0", "nope", ""',
    '"__name__", "now_$1", "job", "(.+)"',
)
_JOINS = ('"host", "-", "job", "instance"', '"host", "", "nope", "job"', '"job", ",", "job"', '"instance", "/"')


def _labels(name: str, arguments: tuple[str, ...]) -> Way:
    def build(grammar: Grammar, depth: int, most: int) -> Drawn:
        inner = grammar.vector(depth - 1, most)
        return put(f"{name}({inner.text}, {grammar.pick(*arguments)})", EXACT, inner, word=name)

    return Way(EXACT, build)


def _many(make: Callable[..., Way], names: str, *arguments: int | str, **more: int | str) -> dict[str, Way]:
    return {name: make(name, *arguments, **more) for name in names.split()}


FUNCTIONS: dict[str, Way] = {
    **_many(_of_vector, "abs", CLOSE, EXACT),
    **_many(_of_vector, "ceil floor sgn", SAME, EXACT),
    **_many(_of_vector, "sqrt", SAME, SAME),
    **_many(_of_vector, "exp", CLOSE, CLOSE),
    **_many(_of_vector, "ln log2 log10 sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh", SAME, CLOSE),
    **_many(_of_vector, "deg rad", CLOSE, CLOSE),
    **_many(_of_vector, "clamp", CLOSE, EXACT, scalars=2),
    **_many(_of_vector, "clamp_min clamp_max", CLOSE, EXACT, scalars=1),
    **_many(_of_vector, "timestamp", CLOSE, SAME, metric="load"),
    "round": Way(SAME, _round),
    "vector": Way(SAME, _vector),
    "scalar": Way(CLOSE, _scalar),
    "time": _without_arguments("time", "vector(time())"),
    "pi": _without_arguments("pi", "vector(pi())"),
    **_many(_date, "minute hour day_of_week day_of_month day_of_year days_in_month month year"),
    **_many(_absent, "absent absent_over_time"),
    **_many(_counted, "rate increase"),
    **_many(_of_range, "irate", SAME, CLOSE, metric="runs_total"),
    **_many(_of_range, "delta", SAME, CLOSE, metric="load odd"),
    # Of a range with Inf, version 2 says NaN and version 3 Inf.
    **_many(_of_range, "deriv", EXACT, CLOSE, metric="load"),
    **_many(_of_range, "idelta", SAME, SAME),
    **_many(_of_range, "changes", SAME, EXACT, metric="load odd"),
    **_many(_of_range, "resets", SAME, EXACT, metric="runs_total odd"),
    **_many(_of_range, "min_over_time max_over_time last_over_time count_over_time present_over_time", CLOSE, EXACT),
    **_many(_of_range, "avg_over_time", CLOSE, CLOSE),
    # Where squares overflow, version 2 says NaN and version 3 Inf: nothing huge.
    **_many(_of_range, "stddev_over_time stdvar_over_time", EXACT, CLOSE),
    **_many(_of_range, "quantile_over_time", CLOSE, CLOSE, before=1),
    **_many(_of_range, "predict_linear", EXACT, CLOSE, metric="load", after=1),
    "sum_over_time": Way(EXACT, _sum_over_time),
    "histogram_quantile": Way(CLOSE, _histogram_quantile),
    "label_replace": _labels("label_replace", _REPLACEMENTS),
    "label_join": _labels("label_join", _JOINS),
}
SORTS = {name: _of_vector(name, SAME, EXACT) for name in ("sort", "sort_desc")}
"""Their order only shows at the outside."""
