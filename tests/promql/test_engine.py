"""What a query may cost, what is evaluated once, and queries over time."""

from __future__ import annotations

import pytest

from pacs_monitor.history.labels import labels_of
from pacs_monitor.promql.engine import Engine
from pacs_monitor.promql.errors import EvaluationError, QueryTooLong
from pacs_monitor.promql.parse import parse
from tests.promql.evaluating import MINUTE, engine_of, history_of


def test_a_query_that_reads_too_many_samples_is_ended() -> None:
    engine = engine_of(*(f'x{{i="{number}"}} 0+1x9' for number in range(100)), most_samples=500)
    engine.instant(parse("x"), 0)
    with pytest.raises(QueryTooLong) as ended:
        engine.instant(parse("rate(x[9m])"), 9 * MINUTE)
    assert str(ended.value) == "the query reads more than 500 samples; narrow its selectors or its range"


def test_a_query_is_ended_when_its_time_is_over() -> None:
    engine = engine_of("x 0+1x9", deadline=0.05)
    with pytest.raises(QueryTooLong) as ended:
        engine.instant(parse("count_over_time(x[1000d:1s])"), 9 * MINUTE)
    assert str(ended.value) == "the query takes too long; narrow its selectors or its range"


def test_who_asks_can_end_a_query() -> None:
    asked = []

    def stop() -> bool:
        asked.append(True)
        return len(asked) > 2

    with pytest.raises(QueryTooLong):
        Engine(history_of("x 1"), deadline=stop).range(parse("x"), 0, 10_000_000_000, 1000)
    assert len(asked) == 3


def test_over_time_series_are_sorted_and_have_gaps() -> None:
    engine = engine_of('x{i="2"} 1 2 stale', 'x{i="1"} _ 5 6')
    assert engine.range(parse("x + 1"), 0, 2 * MINUTE, MINUTE) == [
        (labels_of({"i": "1"}), [(MINUTE, 6.0), (2 * MINUTE, 7.0)]),
        (labels_of({"i": "2"}), [(0, 2.0), (MINUTE, 3.0)]),
    ]
    assert engine.range(parse("3"), 0, MINUTE, MINUTE) == [(labels_of({}), [(0, 3.0), (MINUTE, 3.0)])]


def test_start_and_end_are_those_of_the_query() -> None:
    engine = engine_of("x 0+1x9")
    (first,) = engine.range(parse("x @ start() + x @ end()"), MINUTE, 3 * MINUTE, MINUTE)
    assert [value for _, value in first[1]] == [4.0, 4.0, 4.0]


def test_what_stands_still_is_read_once_in_a_query() -> None:
    history = history_of(*(f'x{{i="{number}"}} 0+1x9' for number in range(100)))
    engine = Engine(history, most_samples=1000)
    engine.range(parse("sum(rate(x[5m] @ 300))"), 0, 100 * MINUTE, MINUTE)
    with pytest.raises(QueryTooLong):
        engine.range(parse("sum(rate(x[5m]))"), 0, 100 * MINUTE, MINUTE)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x[5m]", "only vectors and numbers have a course over time; this is a matrix"),
        ('"a"', "only vectors and numbers have a course over time; this is a string"),
    ],
)
def test_what_has_no_course_over_time_is_refused(text: str, message: str) -> None:
    with pytest.raises(EvaluationError) as refused:
        engine_of("x 1").range(parse(text), 0, MINUTE, MINUTE)
    assert str(refused.value) == message


def test_a_step_must_be_longer_than_nothing() -> None:
    with pytest.raises(EvaluationError):
        engine_of("x 1").range(parse("x"), 0, MINUTE, 0)


def test_names_go_at_once_or_at_the_end() -> None:
    text = "sum by (__name__) (rate({__name__=~'a|b'}[2m]))"
    series = ('a{i="1"} 0+1x5', 'b{i="2"} 0+1x5')
    assert len(engine_of(*series).vector(parse(text), 5 * MINUTE)) == 1
    with pytest.raises(EvaluationError):
        engine_of(*series, delayed_names=True).vector(parse(text), 5 * MINUTE)
    delayed = engine_of(*series, delayed_names=True)
    assert (
        len(delayed.vector(parse("label_replace(rate({__name__=~'a|b'}[2m]), 'n', '$1', '__name__', '(.*)')"), 300_000))
        == 2
    )


def test_two_engines_share_an_expression_and_not_what_they_compiled() -> None:
    expr = parse("x + 1")
    one, other = engine_of("x 1"), engine_of("x 2")
    assert one.vector(expr, 0)[0][1] == 2
    assert other.vector(expr, 0)[0][1] == 3
    assert one.vector(expr, 0)[0][1] == 2
