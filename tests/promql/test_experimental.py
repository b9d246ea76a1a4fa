"""What Prometheus evaluates with --enable-feature=promql-experimental-functions; refused here unless enabled, too."""

from __future__ import annotations

import math

import pytest

from pacs_monitor.history.labels import labels_of
from pacs_monitor.promql.engine import Engine
from pacs_monitor.promql.errors import BadExpression, EvaluationError
from pacs_monitor.promql.features import EXPERIMENTAL_FUNCTIONS, features_of
from pacs_monitor.promql.hashing import hash_of, xxh64
from pacs_monitor.promql.natural import natural
from pacs_monitor.promql.numbers import label_number
from pacs_monitor.promql.parse import parse
from pacs_monitor.promql.signatures import EXPERIMENTAL, EXPERIMENTAL_AGGREGATIONS, NOT_EVALUATED
from tests.promql.evaluating import MINUTE, engine_of, shown

INF, NAN = math.inf, math.nan
ENABLED = {EXPERIMENTAL_FUNCTIONS}
REMEDY = (
    "set alerting.enable_features: [promql-experimental-functions] "
    "(test rules has --enable-feature promql-experimental-functions)"
)


def answer(engine: Engine, text: str, minute: float = 0) -> dict[str, float]:
    """Values by labels as they are printed, in the order in which they come."""
    vector = engine.vector(parse(text, ENABLED), round(minute * MINUTE))
    return {shown(labels): value for labels, value in vector}


def number(text: str, *series: str, minute: float = 0) -> float:
    """The only value."""
    (value,) = answer(engine_of(*series), text, minute).values()
    return value


def same(one: float, other: float) -> bool:
    return one == other or (math.isnan(one) and math.isnan(other)) or math.isclose(one, other, rel_tol=1e-12)


@pytest.mark.parametrize("name", EXPERIMENTAL)
def test_a_function_is_refused_unless_it_is_enabled(name: str) -> None:
    with pytest.raises(BadExpression) as refused:
        parse(f"1 + {name}(x)")
    told = f"the function {name} is experimental in Prometheus and not evaluated here; {REMEDY}"
    assert (str(refused.value), refused.value.position) == (told, 4)


@pytest.mark.parametrize("name", sorted(EXPERIMENTAL_AGGREGATIONS))
def test_an_aggregation_is_refused_unless_it_is_enabled(name: str) -> None:
    with pytest.raises(BadExpression) as refused:
        parse(f"{name} by (a) (0.5, x)")
    assert (
        str(refused.value) == f"the aggregation {name} is experimental in Prometheus and not evaluated here; {REMEDY}"
    )


def test_a_function_of_version_2_is_told_its_new_name() -> None:
    with pytest.raises(BadExpression) as refused:
        parse("holt_winters(x[5m], 1, 1)", ENABLED)
    told = "there is no function holt_winters in Prometheus 3; it is named double_exponential_smoothing there"
    assert str(refused.value) == told


@pytest.mark.parametrize(
    ("text", "message"),
    [
        *(
            (f"{name}(x)", f"the function {name} is experimental in Prometheus and not evaluated here")
            for name in sorted(NOT_EVALUATED)
        ),
        ("x[5m + 1m]", "arithmetic with durations is experimental in Prometheus and not evaluated here"),
        ("x[step()]", "arithmetic with durations is experimental in Prometheus and not evaluated here"),
        ("x[1h:max_of(5m, step())]", "arithmetic with durations is experimental in Prometheus and not evaluated here"),
        ("x offset -min_of(5m, 1m)", "arithmetic with durations is experimental in Prometheus and not evaluated here"),
        ("x[5m] anchored", "the modifier anchored is experimental in Prometheus and not evaluated here"),
        ("x smoothed", "the modifier smoothed is experimental in Prometheus and not evaluated here"),
        ("x + fill_left (0) y", "the modifier fill_left is experimental in Prometheus and not evaluated here"),
        ("sort_by_labl(x)", "there is no function sort_by_labl; is sort_by_label meant?"),
        ("start(1)", "start takes no arguments, and there is 1"),
        ("min_of(1)", "min_of takes 2 arguments (a number, a number), and there is 1"),
        (
            "min_of(x, 1)",
            "min_of takes a number here, and this is a vector; put it into scalar (...), or write a number",
        ),
        (
            "mad_over_time(x)",
            "mad_over_time takes a range here, and this is a vector; "
            "add a range, such as [5m], or [5m:] behind what is no plain metric",
        ),
        (
            'histogram_quantiles(x, "q")',
            "histogram_quantiles takes 3 to 12 arguments (a vector, a text, a number, a number), and there are 2",
        ),
        (
            f'histogram_quantiles(x, "q"{", 0.5" * 11})',
            "histogram_quantiles takes 3 to 12 arguments (a vector, a text, a number, a number), and there are 13",
        ),
        ('histogram_quantiles(x, "", 0.5)', "histogram_quantiles needs the name of a label here, and this is empty"),
        (
            "sort_by_label(x, 1)",
            "sort_by_label takes a text here, and this is a number; write a text in quotes",
        ),
        ("limitk(x)", "this aggregation takes a parameter and a vector, and there is 1 argument"),
    ],
)
def test_what_is_refused_although_the_feature_is_enabled(text: str, message: str) -> None:
    with pytest.raises(BadExpression) as refused:
        parse(text, ENABLED)
    assert str(refused.value) == message


@pytest.mark.parametrize(
    "text",
    [
        'sort_by_label(x, "a", "b")',
        "sort_by_label_desc(x)",
        "limitk by (a) (2, x)",
        "limit_ratio without (a, b) (-0.5, x)",
        "start() + end() - range() * step()",
        "x @ start() > start()",
        'histogram_quantiles(x, "q", 0.5, min_of(1, 0.9))',
        "double_exponential_smoothing(x[5m], 0.5, 0.5)",
    ],
)
def test_what_is_enabled_is_printed_so_that_it_reads_back_the_same(text: str) -> None:
    expr = parse(text, ENABLED)
    assert str(expr) == text
    assert parse(str(expr), ENABLED) == expr


def test_every_function_is_built_and_gives_nothing_of_nothing() -> None:
    arguments = {"vector": "x", "scalar": "0.5", "matrix": "x[5m]", "string": '"a"'}
    for name, signature in EXPERIMENTAL.items():
        text = f"{name}({', '.join(arguments[kind] for kind in signature.arguments[: signature.fewest()])})"
        expr = parse(text, ENABLED)
        engine_of('x{le="1"} 0+1x5').instant(expr, 5 * MINUTE)
        nothing = engine_of().instant(expr, 5 * MINUTE)
        assert nothing == [] or expr.kind == "scalar", text


@pytest.mark.parametrize(
    ("values", "new", "turn", "smoothed"),
    [
        ("1 2 4", 0.5, 0.5, 3.5),
        ("1 3", 0.5, 0.5, 3),
        ("7 7 7 7", 0.1, 0.9, 7),
        ("0+10x5", 0.01, 0.1, 50),  # what rises evenly is followed exactly
        ("1 2 NaN 4", 0.5, 0.5, NAN),
        ("1 Inf 1 1", 0.5, 0.5, NAN),
        ("1 2 4", "NaN", 0.5, NAN),
    ],
)
def test_smoothing_follows_the_trend(values: str, new: float | str, turn: float, smoothed: float) -> None:
    text = f"double_exponential_smoothing(x[9m], {new}, {turn})"
    assert same(number(text, f"x {values}", minute=5), smoothed)


def test_one_sample_cannot_be_smoothed() -> None:
    assert answer(engine_of("x 1"), "double_exponential_smoothing(x[9m], 0.5, 0.5)") == {}


@pytest.mark.parametrize(
    ("factors", "message"),
    [
        ("0, 0.5", "invalid smoothing factor. Expected: 0 < sf < 1, got: 0.000000"),
        ("1, 0.5", "invalid smoothing factor. Expected: 0 < sf < 1, got: 1.000000"),
        ("-0.1, 0.5", "invalid smoothing factor. Expected: 0 < sf < 1, got: -0.100000"),
        ("0.5, 0", "invalid trend factor. Expected: 0 < tf < 1, got: 0.000000"),
        ("0.5, 1.5", "invalid trend factor. Expected: 0 < tf < 1, got: 1.500000"),
    ],
)
def test_a_factor_lies_between_0_and_1(factors: str, message: str) -> None:
    text = f"double_exponential_smoothing(x[9m], {factors})"
    with pytest.raises(EvaluationError) as refused:
        answer(engine_of("x 1"), text)
    assert str(refused.value) == message
    assert answer(engine_of("y 1"), text) == {}  # as Prometheus, which looks at it for each series


@pytest.mark.parametrize(
    ("values", "deviation"),
    [
        ("1 2 3 4 5", 1),
        ("4 6 2 1 999 1 2", 1),
        ("1 2", 0.5),
        ("5", 0),
        ("1 NaN 3", NAN),
        ("1 Inf 3", NAN),  # as Inf counts 0 times beside the one in the middle
        ("Inf Inf 1", NAN),
    ],
)
def test_the_median_deviation_heeds_no_outlier(values: str, deviation: float) -> None:
    assert same(number("mad_over_time(x[9m])", f"x {values}", minute=8), deviation)


def test_the_first_sample_keeps_its_metrics_name() -> None:
    engine = engine_of('x{i="1"} 3 1 2', "y _ NaN 5")
    found = answer(engine, "first_over_time({__name__=~'x|y'}[9m])", minute=2)
    assert found.pop('x{i="1"}') == 3
    assert math.isnan(found.pop("y"))
    assert found == {}
    assert answer(engine, "first_over_time(x[2m])", minute=2) == {'x{i="1"}': 1}  # the left edge is open


@pytest.mark.parametrize(
    ("values", "first", "last", "lowest", "highest"),
    [
        ("3 1 3 1 2", 0, 240, 180, 120),
        ("5", 0, 0, 0, 0),
        ("_ NaN 2 NaN _", 60, 180, 120, 120),
        ("NaN NaN", 0, 60, 60, 60),
        ("Inf 1 -Inf", 0, 120, 120, 0),
    ],
)
def test_a_moment_is_told_in_seconds_and_the_latest_of_equal_ones(
    values: str, first: float, last: float, lowest: float, highest: float
) -> None:
    engine = engine_of(f"x {values}")
    for name, moment in (("first", first), ("last", last), ("min", lowest), ("max", highest)):
        assert answer(engine, f"ts_of_{name}_over_time(x[9m])", minute=4) == {"{}": moment}, name


def test_labels_are_sorted_by_the_numbers_in_them() -> None:
    nodes = ["ct10", "ct9", "ct1", "mr2", "ct", "CT3", "ct1a", "ct01", "ct9b", "99999999999999999999", "10", ""]
    engine = engine_of(*(f'x{{node="{node}"}} {place}' for place, node in enumerate(nodes)))
    order = ["", "10", "99999999999999999999", "CT3", "ct", "ct01", "ct1", "ct1a", "ct9", "ct9b", "ct10", "mr2"]
    for name, wanted in (("sort_by_label", order), ("sort_by_label_desc", order[::-1])):
        found = [labels.get("node") for labels, _ in engine.vector(parse(f'{name}(x, "node")', ENABLED), 0)]
        assert found == wanted


def test_what_has_the_same_label_is_sorted_by_the_next_and_at_last_by_all() -> None:
    engine = engine_of(
        'x{a="2", b="1"} 1', 'x{a="1", b="2", c="z"} 2', 'x{a="1", b="2", c="y"} 3', 'x{a="1", b="10"} 4'
    )

    def order(text: str) -> list[float]:
        return list(answer(engine, text).values())

    assert order('sort_by_label(x, "a", "b")') == [3, 2, 4, 1]
    assert order('sort_by_label(x, ("b"), "a")') == [1, 3, 2, 4]
    assert order("sort_by_label(x)") == [4, 3, 2, 1]
    assert order('sort_by_label_desc(x, "gone")') == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("one", "other"),
    [("a2", "a10"), ("a", "a1"), ("", "a"), ("1.9", "1.10"), ("a1", "a-1"), ("2", "a"), ("٣", "٤"), ("a" * 2, "b")],
)
def test_the_natural_order(one: str, other: str) -> None:
    assert sorted([other, one], key=natural) == [one, other]


def test_the_bounds_of_a_query_at_one_time_are_that_time() -> None:
    engine = engine_of()
    found = [engine.instant(parse(f"{name}()", ENABLED), 90_500) for name in ("start", "end", "range", "step")]
    assert found == [90.5, 90.5, 0, 0]


def test_the_bounds_of_a_range_are_the_same_at_each_step() -> None:
    engine = engine_of()
    for name, value in (("start", 60.0), ("end", 200.0), ("range", 140.0), ("step", 60.0)):
        found = engine.range(parse(f"{name}()", ENABLED), MINUTE, 200_000, MINUTE)
        assert found == [(labels_of({}), [(MINUTE, value), (2 * MINUTE, value), (3 * MINUTE, value)])]
    (one,) = engine.range(parse("step()", ENABLED), MINUTE, MINUTE, MINUTE)
    assert one[1] == [(MINUTE, 0.0)]
    (inside,) = engine.range(
        parse("min_over_time(vector(time() - start())[1m:30s])", ENABLED), MINUTE, 2 * MINUTE, MINUTE
    )
    assert inside[1] == [(MINUTE, -30.0), (2 * MINUTE, 30.0)]  # of a subquery, those of the whole query


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("min_of(3, 5)", 3),
        ("max_of(3, 5)", 5),
        ("min_of(NaN, 3)", NAN),
        ("max_of(3, NaN)", NAN),
        ("min_of(NaN, -Inf)", -INF),  # as Go's math.Min has it
        ("max_of(Inf, NaN)", INF),
        ("max_of(scalar(x), -time())", 7),
    ],
)
def test_the_lesser_and_the_greater_of_two_numbers(text: str, value: float) -> None:
    assert same(number(text, "x 7"), value)


HISTOGRAM = ('h{i="1", le="1"} 1', 'h{i="1", le="2"} 3', 'h{i="1", le="+Inf"} 4', 'h{i="2", le="+Inf"} 1')


def test_each_quantile_carries_its_share_as_a_label() -> None:
    found = answer(engine_of(*HISTOGRAM[:3]), 'histogram_quantiles(h, "q", 0.25, 0.5, 1)')
    assert found == {'{i="1", q="0.25"}': 1, '{i="1", q="0.5"}': 1.5, '{i="1", q="1.0"}': 2}


def test_two_quantiles_with_the_same_labels_are_an_error() -> None:
    for text in ('histogram_quantiles(h, "q", 0.5, 0.5)', 'histogram_quantiles(h, "i", 0.5)'):
        for delayed in (False, True):
            with pytest.raises(EvaluationError, match="same labelset"):
                answer(engine_of(*HISTOGRAM, delayed_names=delayed), text)


def test_what_a_person_should_know_of_a_result_is_noted() -> None:
    engine = engine_of('x{le="x"} 1', 'f{le="1"} 5', 'f{le="2"} 3', 'f{le="+Inf"} 9', "y 1")
    share, ratio = "quantile value should be between 0 and 1", "ratio value should be between -1 and 1"
    mended = (
        "input to histogram_quantile needed to be fixed for monotonicity (see "
        "https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)"
    )
    for text, wanted in (
        (
            'histogram_quantiles(x, "q", 0.5)',
            ("warning", 'bucket label "le" is missing or has a malformed value of "x"', 20),
        ),
        ('histogram_quantiles(f, "q", 0.5)', ("info", mended, 20)),
        ('histogram_quantiles(gone, "q", 0.5, 1e6)', ("warning", f"{share}, got 1e+06", 36)),
        ("limit_ratio(1.1, y)", ("warning", f"{ratio}, got 1.1, capping to 1", 12)),
        ("limit_ratio(-Inf, y)", ("warning", f"{ratio}, got -Inf, capping to -1", 12)),
    ):
        engine.instant(parse(text, ENABLED), 0)
        assert [(note.level, note.text, note.position) for note in engine.notes] == [wanted], text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.0"),
        (-0.0, "0.0"),
        (1.0, "1.0"),
        (-1.0, "-1.0"),
        (0.99, "0.99"),
        (0.0001, "0.0001"),
        (0.00001, "1e-05"),
        (123456.0, "123456.0"),
        (1e6, "1e+06"),
        (-1.5e300, "-1.5e+300"),
        (INF, "+Inf"),
        (-INF, "-Inf"),
        (NAN, "NaN"),
    ],
)
def test_a_number_in_a_label_is_written_as_openmetrics_has_it(value: float, text: str) -> None:
    assert label_number(value) == text


GROUPS = tuple(f'x{{g="{number % 2}", i="{number}"}} {number}' for number in range(1, 11))


@pytest.mark.parametrize(
    ("text", "elements"),
    [
        ("limitk(3, x)", 3),
        ("limitk(99, x)", 10),
        ("limitk by (g) (2, x)", 4),
        ("limitk without (i) (2, x)", 4),
        ("limitk(1.9, x)", 1),
        ("limitk(0, x)", 0),
        ("limitk(-1, x)", 0),
        ("limitk(-Inf, x)", 0),
        ("limitk(2, gone)", 0),
        ("LIMITK(2, x)", 2),
    ],
)
def test_so_many_elements_of_each_group_stay_as_they_are(text: str, elements: int) -> None:
    engine = engine_of(*GROUPS)
    found = answer(engine, text)
    assert len(found) == elements
    assert found.items() <= answer(engine, "x").items()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("limitk(NaN, gone)", "Parameter value is NaN"),
        ("limitk(1e30, x)", "Scalar value 1000000000000000000000000000000 overflows int64"),
        ("limit_ratio(NaN, gone)", "Ratio value is NaN"),
    ],
)
def test_what_is_no_count_or_share_is_an_error(text: str, message: str) -> None:
    with pytest.raises(EvaluationError) as refused:
        answer(engine_of(*GROUPS), text)
    assert str(refused.value) == message


def test_a_share_of_the_elements_is_chosen_by_their_labels_and_a_negative_one_is_the_rest() -> None:
    engine = engine_of(*GROUPS)
    every = answer(engine, "x")
    assert answer(engine, "limit_ratio(1, x)") == answer(engine, "limit_ratio(-1, x)") == every
    assert answer(engine, "limit_ratio(0, x)") == {}
    for share in (0.1, 0.3, 0.5, 0.9):
        some, rest = answer(engine, f"limit_ratio({share}, x)"), answer(engine, f"limit_ratio({share} - 1, x)")
        assert some.keys().isdisjoint(rest)
        assert {**some, **rest} == every
        assert some.items() <= answer(engine, f"limit_ratio({share + 0.05}, x)").items()
        assert answer(engine, f"limit_ratio by (g) ({share}, x)") == some


def test_the_share_is_the_one_that_prometheus_takes() -> None:
    engine = engine_of(*(f'x{{i="{number}"}} {number}' for number in range(1, 11)))
    assert sorted(answer(engine, "limit_ratio(0.5, x)").values()) == [3, 5, 7]


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"", 0xEF46DB3751D8E999),
        (b"a", 0xD24EC4F1A98C6E5B),
        (b"abc", 0x44BC2CF5AD770999),
        (bytes(range(100)), 7692681977284421015),
    ],
)
def test_xxh64_is_that_of_its_authors(data: bytes, found: int) -> None:
    assert xxh64(data) == found


def test_labels_are_hashed_with_the_lengths_of_their_texts() -> None:
    assert hash_of(labels_of({"__name__": "x", "node": "ct1"})) == 2765516666851556908
    assert hash_of(labels_of({"__name__": "x", "node": "é" * 200})) == 12100562128095923371


def test_features_are_given_by_prometheus_own_names() -> None:
    assert features_of([]) == features_of([""]) == frozenset()
    assert features_of([f"{EXPERIMENTAL_FUNCTIONS},{EXPERIMENTAL_FUNCTIONS}"]) == frozenset(ENABLED)
    with pytest.raises(ValueError, match=r"^there is no feature a; there is promql-experimental-functions$"):
        features_of(["promql-experimental-functions,a"])
