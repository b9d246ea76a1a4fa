"""Operators and aggregations where they are easily got wrong; the rest is judged by Prometheus and by its tests."""

from __future__ import annotations

import math

import pytest

from pacs_monitor.promql.errors import EvaluationError
from pacs_monitor.promql.parse import parse
from tests.promql.evaluating import answer, engine_of, number

INF, NAN = math.inf, math.nan


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1 / 0", INF),
        ("-1 / 0", -INF),
        ("1 / -0", -INF),
        ("0 / 0", NAN),
        ("1 % 0", NAN),
        ("Inf % 2", NAN),
        ("5 % Inf", 5),
        ("-5 % 3", -2),
        ("5 % -3", 2),
        ("10 ^ 400", INF),
        ("(-10) ^ 401", -INF),
        ("(-8) ^ 0.5", NAN),
        ("0 ^ -1", INF),
        ("(-0) ^ -1", -INF),
        ("NaN ^ 0", 1),
        ("2 ^ 3 ^ 2", 512),
        ("-2 ^ 2", -4),
        ("1e308 * 10", INF),
        ("1e308 * 10 - 1e308 * 10", NAN),
        ("2 - 1 - 1", 0),
        ("7 - 2 * 3 % 4", 5),
        ("0 atan2 -1", math.pi),
        ("NaN == bool NaN", 0),
        ("NaN != bool NaN", 1),
        ("2 > bool 1 == bool 1", 1),
        ("1h", 3600),
    ],
)
def test_numbers_are_divided_and_raised_as_in_go(text: str, value: float) -> None:
    found = number(text)
    assert found == value or (math.isnan(found) and math.isnan(value))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a == 1", {'a{x="1"}': 1}),
        ("1 == a", {'a{x="1"}': 1}),
        ("0 < a", {'a{x="1"}': 1, 'a{x="2"}': 2}),
        ("a > bool 1", {'{x="1"}': 0, '{x="2"}': 1}),
        ("a + 1", {'{x="1"}': 2, '{x="2"}': 3}),
        ("1 - a", {'{x="1"}': 0, '{x="2"}': -1}),
        ("a < b", {'a{x="1"}': 1}),
        ("a * b", {'{x="1"}': 3, '{x="2"}': 2}),
        ("a * on (x) b", {'{x="1"}': 3, '{x="2"}': 2}),
        ("a > on (x) b", {'{x="2"}': 2}),
        ("a * ignoring (y) group_left (y) c", {'{x="1", y="p"}': 5, '{x="2", y="q"}': 12}),
        ("d * ignoring (z) group_left () a", {'{x="1", z="r"}': 7, '{x="1", z="s"}': 8}),
        ("a * ignoring (z) group_right () d", {'{x="1", z="r"}': 7, '{x="1", z="s"}': 8}),
        ("a - ignoring (z) group_right () d", {'{x="1", z="r"}': -6, '{x="1", z="s"}': -7}),
        ("a < ignoring (z) group_right () d", {'d{x="1", z="r"}': 1, 'd{x="1", z="s"}': 1}),
        ("a and b", {'a{x="1"}': 1, 'a{x="2"}': 2}),
        ("a and on () vector(0)", {'a{x="1"}': 1, 'a{x="2"}': 2}),
        ("a unless on (x) d", {'a{x="2"}': 2}),
        ("a or b", {'a{x="1"}': 1, 'a{x="2"}': 2}),
        ("gone or d", {'d{x="1", z="r"}': 7, 'd{x="1", z="s"}': 8}),
        ("a and gone", {}),
        ("a * gone", {}),
        ("sum(d)", {"{}": 15}),
        ("sum by (x) (d)", {'{x="1"}': 15}),
        ("sum without (z) (d)", {'{x="1"}': 15}),
        ("sum by (__name__) ({x='1'})", {"a": 1, "b": 3, "c": 5, "d": 15}),
        ("count(gone)", {}),
        ("group(a)", {"{}": 1}),
        ("topk(1, a)", {'a{x="2"}': 2}),
        ("topk(0, a)", {}),
        ("bottomk by (x) (1, d)", {'d{x="1", z="r"}': 7}),
        ("quantile(0.5, d)", {"{}": 7.5}),
        ('count_values("v", a + 0.5)', {'{v="1.5"}': 1, '{v="2.5"}': 1}),
        ('count_values without (z) ("x", d)', {'{x="7"}': 1, '{x="8"}': 1}),
        ("-a", {'{x="1"}': -1, '{x="2"}': -2}),
    ],
)
def test_vectors_are_matched_and_grouped(text: str, wanted: dict[str, float]) -> None:
    engine = engine_of(
        'a{x="1"} 1', 'a{x="2"} 2', 'b{x="1"} 3', 'b{x="2"} 1', 'c{x="1", y="p"} 5', 'c{x="2", y="q"} 6',
        'd{x="1", z="r"} 7', 'd{x="1", z="s"} 8',
    )  # fmt: skip
    assert answer(engine, text) == wanted


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "a * on (x) d",
            'found duplicate series for the match group {x="1"} on the right hand-side of the operation: '
            '[{__name__="d", x="1", z="s"}, {__name__="d", x="1", z="r"}];many-to-many matching not allowed: matching '
            "labels must be unique on one side; match on a label that tells them apart, or aggregate that side first",
        ),
        (
            "d * on (x) a",
            "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right): "
            '[{__name__="d", x="1", z="r"}, {__name__="d", x="1", z="s"}] both match {x="1"} on the right; add '
            "group_left, or match on a label that tells them apart",
        ),
        (
            "d * on (x) group_left (z) b",
            "multiple matches for labels: grouping labels must ensure unique matches: "
            '{x="1"} comes twice; leave labels that tell series apart out of group_left (...)',
        ),
        (
            "abs({x='1'})",
            'vector cannot contain metrics with the same labelset: {x="1"} comes twice once names are gone; '
            "select one metric, or aggregate first",
        ),
        ("topk(NaN, a)", "Parameter value is NaN"),
        ("topk(1e19, a)", "Scalar value 10000000000000000000 overflows int64"),
    ],
)
def test_what_cannot_be_told_apart_is_refused_with_what_to_do(text: str, message: str) -> None:
    engine = engine_of('a{x="1"} 1', 'b{x="1"} 3', 'd{x="1", z="r"} 7', 'd{x="1", z="s"} 8')
    with pytest.raises(EvaluationError) as refused:
        engine.instant(parse(text), 0)
    assert str(refused.value) == message


def test_sums_keep_what_rounding_loses() -> None:
    series = ('x{i="1"} 1e100', 'x{i="2"} 1', 'x{i="3"} -1e100', 'x{i="4"} 1')
    assert number("sum(x)", *series) == 2
    assert number("avg(x)", *series) == 0.5


def test_an_average_does_not_overflow() -> None:
    assert number("avg(x)", 'x{i="1"} 1e308', 'x{i="2"} 1e308') == 1e308
    assert number("sum(x)", 'x{i="1"} 1e308', 'x{i="2"} 1e308') == INF


@pytest.mark.parametrize(
    ("values", "text", "wanted"),
    [
        (["NaN", "1", "2"], "max(x)", 2),
        (["NaN", "1", "2"], "min(x)", 1),
        (["NaN", "NaN"], "max(x)", NAN),
        (["NaN", "1", "2"], "quantile(0, x)", NAN),
        (["NaN", "1", "2"], "quantile(1, x)", 2),
        (["1", "2"], "quantile(-1, x)", -INF),
        (["1", "2"], "quantile(2, x)", INF),
        (["1", "2"], "quantile(NaN, x)", NAN),
        (["Inf", "-Inf"], "sum(x)", NAN),
        (["Inf", "1"], "avg(x)", INF),
        (["Inf", "1"], "stddev(x)", NAN),
        (["3"], "stdvar(x)", 0),
        (["2", "4", "4", "4", "5", "5", "7", "9"], "stddev(x)", 2),
    ],
)
def test_what_is_no_finite_number_goes_through_aggregations(values: list[str], text: str, wanted: float) -> None:
    found = number(text, *(f'x{{i="{place}"}} {value}' for place, value in enumerate(values)))
    assert found == wanted or (math.isnan(found) and math.isnan(wanted))


def test_topk_and_sort_give_the_best_first_and_nan_last() -> None:
    engine = engine_of(*(f'x{{i="{value}"}} {value}' for value in ("2", "NaN", "3", "1")))
    assert [labels.get("i") for labels, _ in engine.vector(parse("topk(3, x)"), 0)] == ["3", "2", "1"]
    assert [labels.get("i") for labels, _ in engine.vector(parse("bottomk(9, x)"), 0)] == ["1", "2", "3", "NaN"]
    assert [labels.get("i") for labels, _ in engine.vector(parse("sort(x)"), 0)] == ["1", "2", "3", "NaN"]
    assert [labels.get("i") for labels, _ in engine.vector(parse("sort_desc(x)"), 0)] == ["3", "2", "1", "NaN"]
