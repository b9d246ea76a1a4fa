"""Functions at their edges; the rest is judged by Prometheus and by its tests."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pacs_monitor.promql.engine import Engine
from pacs_monitor.promql.numbers import number_text
from pacs_monitor.promql.parse import parse
from pacs_monitor.promql.signatures import FUNCTIONS
from pacs_monitor.promql.sums import mean, quantile, total
from tests.promql.evaluating import MINUTE, answer, engine_of, history_of, number

INF, NAN = math.inf, math.nan


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("ln(vector(0))", -INF),
        ("ln(vector(-1))", NAN),
        ("log10(vector(Inf))", INF),
        ("exp(vector(1000))", INF),
        ("sqrt(vector(-1))", NAN),
        ("sin(vector(Inf))", NAN),
        ("acos(vector(2))", NAN),
        ("acosh(vector(0))", NAN),
        ("atanh(vector(1))", INF),
        ("atanh(vector(-2))", NAN),
        ("sinh(vector(-1000))", -INF),
        ("cosh(vector(-1000))", INF),
        ("ceil(vector(Inf))", INF),
        ("floor(vector(NaN))", NAN),
        ("floor(vector(-1.5))", -2),
        ("1 / ceil(vector(-0.5))", -INF),
        ("round(vector(2.5))", 3),
        ("round(vector(-2.5))", -2),
        ("round(vector(7), 0)", NAN),
        ("round(vector(7.2), 0.5)", 7),
        ("sgn(vector(NaN))", NAN),
        ("clamp(vector(5), 1, 3)", 3),
        ("clamp(vector(NaN), 1, 3)", NAN),
        ("clamp_min(vector(1), NaN)", NAN),
        ("year(vector(1e11))", 5138),
        ("year(vector(-62135596801))", 0),
        ("day_of_week(vector(-1))", 3),
        ("days_in_month(vector(951782400))", 29),
        ("day_of_year(vector(978220800))", 366),
        ("month(vector(NaN))", NAN),
        ("hour(vector(-1))", 23),
        ("scalar(gone)", NAN),
        ("histogram_quantile(0.5, gone) or vector(1)", 1),
    ],
)
def test_a_function_has_a_value_wherever_go_has_one(text: str, value: float) -> None:
    found = number(text)
    assert found == value or (math.isnan(found) and math.isnan(value))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("rate(a[5m])", 2 / 60),  # 5 samples: 8 in 4 minutes, and on to the left edge
        ("increase(a[5m])", 10),
        ("increase(b[5m])", 3.75),  # fell from 4 to 1: began at 0
        ("delta(b[5m])", -1.25),
        ("irate(b[4m] offset 1m)", 1 / 60),
        ("idelta(b[5m] offset 1m)", 1),
        ("resets(b[5m])", 1),
        ("changes(b[5m])", 3),
        ("deriv(a[5m])", 2 / 60),
        ("predict_linear(a[5m], 60)", 12),
        ("avg_over_time(b[5m])", 2.4),
        ("sum_over_time(b[5m])", 12),
        ("min_over_time(b[5m])", 1),
        ("max_over_time(b[5m])", 4),
        ("count_over_time(b[5m])", 5),
        ("stdvar_over_time(b[5m])", 1.04),
        ("quantile_over_time(0.5, b[5m])", 2),
        ("last_over_time(b[5m])", 2),
        ("present_over_time(b[5m])", 1),
        ("max_over_time(rate(a[2m])[3m:1m])", 2 / 60),
        ("timestamp(a)", 300),
        ("timestamp(a offset 90s)", 180),
        ("timestamp(a + 0)", 300),
        ("sum_over_time(a[1m])", 10),
        ("a offset 2m", 6),
        ("a offset -1m @ 180", 8),
        ("a @ start()", 10),
    ],
)
def test_windows_are_open_on_the_left_and_closed_on_the_right(text: str, wanted: float) -> None:
    assert number(text, "a 0+2x9", "b 1 3 4 1 2 2", minute=5) == pytest.approx(wanted)


def test_windows_of_version_2_are_closed_on_both_sides() -> None:
    engine = engine_of("a 0+1x9", left_open=False)
    assert answer(engine, "count_over_time(a[2m])", 5) == {"{}": 3}
    assert answer(engine, "count_over_time(a[2m:1m])", 5) == {"{}": 3}
    assert answer(engine, "a", 14) == {"a": 9}
    assert answer(engine, "a", 14.001) == {}
    assert answer(engine_of("a 0+1x9"), "a", 14) == {}


def test_steps_of_a_subquery_are_multiples_of_their_length() -> None:
    engine = engine_of("a 0+1x20")
    found = engine.instant(parse("a[5m:2m]"), 7 * MINUTE + 1)
    assert isinstance(found, list)
    assert found[0][1] == [(4 * MINUTE, 4.0), (6 * MINUTE, 6.0)]
    assert answer(engine_of("a 0+1x20", step=5 * MINUTE), "count_over_time(a[20m:])", 20) == {"{}": 4}


def test_what_ended_is_gone_at_once_and_stays_in_ranges() -> None:
    engine = engine_of("a 1 2 stale _ _", "b 1 NaN 2 3 4")
    assert answer(engine, "a", 1) == {"a": 2}
    assert answer(engine, "a", 2) == {}
    assert answer(engine, "count_over_time(a[5m])", 4) == {"{}": 2}
    assert answer(engine, "count_over_time(b[5m])", 4) == {"{}": 5}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("absent(gone{a='1', b=~'2', c='3'})", {'{a="1", c="3"}': 1}),
        ("absent(x)", {}),
        ("absent(sum(gone))", {"{}": 1}),
        ("absent_over_time(gone{a='1'}[5m])", {'{a="1"}': 1}),
        ("label_replace(x, 'b', '$1-${n}$$', 'a', '(.)(?P<n>.*)')", {'x{a="ab", b="a-b$"}': 1}),
        ("label_replace(x, 'b', 'y', 'a', 'b')", {'x{a="ab"}': 1}),
        ("label_replace(x, 'a', '', 'a', '.*')", {"x": 1}),
        ("label_replace(x, '__name__', 'y', '', '')", {'y{a="ab"}': 1}),
        ("label_replace(x, 'b', '$9$q', 'a', '.*')", {'x{a="ab"}': 1}),
        ("label_join(x, 'b', '-', 'a', 'gone', '__name__')", {'x{a="ab", b="ab--x"}': 1}),
        ("histogram_quantile(0.5, h)", {'{i="1"}': 1.5}),
        ("histogram_quantile(1, h)", {'{i="1"}': 2}),
        ("histogram_fraction(0, 1, h)", {'{i="1"}': 0.25}),
        ("histogram_fraction(1, Inf, h)", {'{i="1"}': 0.75}),
    ],
)
def test_labels_are_made(text: str, wanted: dict[str, float]) -> None:
    engine = engine_of('x{a="ab"} 1', 'h{i="1", le="1"} 1', 'h{i="1", le="2"} 3', 'h{i="1", le="+Inf"} 4')
    assert answer(engine, text) == wanted


def test_what_a_person_should_know_of_a_result_is_noted() -> None:
    engine = engine_of('x{le="x"} 1', "h 0+1x5", 'f{le="1"} 5', 'f{le="2"} 3', 'f{le="+Inf"} 9')
    for text, wanted in (
        ("rate(h[5m])", ("info", 5)),
        ("histogram_quantile(0.5, x)", ("warning", 24)),
        ("histogram_quantile(0.5, f)", ("info", 24)),
        ("quantile(2, h)", ("warning", 9)),
        ("quantile_over_time(2, h[5m])", ("warning", 19)),
    ):
        engine.instant(parse(text), 5 * MINUTE if "h[" in text else 0)
        assert [(note.level, note.position) for note in engine.notes] == [wanted], text
    engine.instant(parse("h"), 0)
    assert engine.notes == []


def test_every_function_is_built() -> None:
    arguments = {"vector": "x", "scalar": "1", "matrix": "x[5m]", "string": '"a"'}
    engine = Engine(history_of('x{le="1"} 0+1x5'))
    for name, signature in FUNCTIONS.items():
        engine.instant(parse(f"{name}({', '.join(arguments[kind] for kind in signature.arguments)})"), 5 * MINUTE)


FLOATS = st.floats(width=64)


@given(st.lists(FLOATS, min_size=1, max_size=8), FLOATS)
def test_no_number_makes_a_function_or_an_operator_raise(values: list[float], other: float) -> None:
    engine = engine_of(f"x {' '.join(map(_written, values))}")
    for text in _OF_NUMBERS:
        engine.vector(parse(text.replace("?", _written(other))), (len(values) - 1) * MINUTE)


_OF_NUMBERS = [
    *(f"x {op} ?" for op in ("+", "-", "*", "/", "%", "^", "atan2", "> bool")),
    *(f"{name}(x)" for name, of in FUNCTIONS.items() if of.arguments[:1] == ("vector",) and of.fewest() <= 1),
    *(f"{name}(x[9m])" for name, of in FUNCTIONS.items() if of.arguments == ("matrix",)),
    *(f"{name}(x)" for name in ("sum", "avg", "stddev", "stdvar", "min", "max")),
    "quantile_over_time(?, x[9m])", "predict_linear(x[9m], ?)", "round(x, ?)", "clamp(x, ?, 5)", "quantile(?, x)",
    'count_values("v", x)', "histogram_quantile(?, label_join(x, 'le', '', 'gone'))", "histogram_fraction(?, 1, x)",
]  # fmt: skip


def _written(value: float) -> str:
    return number_text(value).replace("+Inf", "Inf")


@given(st.lists(st.floats(-1e12, 1e12), min_size=1, max_size=50))
def test_sums_and_means_are_exact_to_the_last_digits(values: list[float]) -> None:
    size = math.fsum(map(abs, values))
    assert total(values) == pytest.approx(math.fsum(values), abs=size * 1e-25 + 1e-300, rel=1e-15)
    assert mean(values) == pytest.approx(math.fsum(values) / len(values), abs=size * 1e-15)


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False, width=32), min_size=1), st.floats(0, 1))
def test_a_quantile_lies_between_the_least_and_the_greatest(values: list[float], share: float) -> None:
    slack = max(map(abs, values)) * 1e-9
    assert min(values) - slack <= quantile(share, values) <= max(values) + slack
