"""Which expressions are taken, and the whole message for each kind that is not."""
# ruff: noqa: E501  a message is one line, as it is told

from __future__ import annotations

import math

import pytest

from pacs_monitor.history.series import is_stale
from pacs_monitor.promql.errors import BadExpression, BadNotation
from pacs_monitor.promql.notation import parse_series
from pacs_monitor.promql.parse import parse, reads

REFUSED = [
    (
        "up{",
        "the expression ends where the name of a label is needed; put it in quotes if it has unusual characters",
        3,
    ),
    ("sum(", "the expression ends where a metric, a number, a function or ( is needed", 4),
    ("x[0]", "a duration here must be longer than 0", 2),
    ("x[0s]", "a duration here must be longer than 0", 2),
    ("x[5m] + 1", "binary expression must contain only scalar and instant vector types", None),
    ('{a="b" or c="d"}', "matchers cannot be joined by or; use a regular expression, or join two selectors by or", 7),
    ("{}", "vector selector must contain at least one non-empty matcher", None),
    ('{a=~".*"}', "this selects every series; give a metric's name, or one matcher that no empty value meets", 0),
    ("foo bar", "bar comes where an operator or the end is needed", 4),
    ("rate(x)", "expected type matrix in call to function 'rate', got vector", None),
    ("rate(5)", "expected type matrix in call to function 'rate', got scalar", None),
    ("abs(x[5m])", "expected type vector in call to function 'abs', got matrix", None),
    ("nosuch(x)", "there is no function nosuch; is cosh meant?", 0),
    ("rat(x[5m])", "there is no function rat; is rate meant?", 0),
    ("mad_over_time(x[5m])", "the function mad_over_time is experimental in Prometheus and not evaluated here", 0),
    ("min_of(1, 2)", "the function min_of is experimental in Prometheus and not evaluated here", 0),
    ("limitk(2, x)", "the aggregation limitk is experimental in Prometheus and not evaluated here", 0),
    (
        "histogram_count(x)",
        "histogram_count reads native histograms, which are not evaluated here; use a classic histogram",
        0,
    ),
    (
        "holt_winters(x[5m], 1, 1)",
        "there is no function holt_winters in Prometheus 3; it is named double_exponential_smoothing there, which is experimental and not evaluated here",
        0,
    ),
    ("x and 1", "set operator 'and' not allowed in binary scalar expression", None),
    ("1 and 2", "set operator 'and' not allowed in binary scalar expression", None),
    ("1 == 2", "comparisons between scalars must use BOOL modifier", None),
    ("x + bool y", "bool modifier can only be used on comparison operators", None),
    ("x and on (a) group_left () y", "no grouping allowed for 'and' operation", None),
    ("x + on (a) group_left (a) y", "a is in on (...) and in group_left (...); take it out of one", 0),
    ("topk(x)", "wrong number of arguments for aggregate expression provided, expected 2, got 1", None),
    ('topk("a", x)', "expected type scalar in aggregation expression, got string", None),
    ("quantile(x, y)", "expected type scalar in aggregation expression, got vector", None),
    ("count_values(1, x)", "expected type string in aggregation expression, got scalar", None),
    ('x{a=~"("}', "( is no regular expression of RE2: missing ): (", 5),
    ("x offset", "the expression ends where a duration such as 5m is needed", 8),
    ("x @ foo", "foo comes where @ needs a time in seconds since 1970, start() or end()", 4),
    ("x[5m:0s]", "a duration here must be longer than 0", 5),
    ("x[5m", "the expression ends where a range needs ]", 4),
    ("x{a=1}", "1 comes where the value of a label is needed, in quotes", 4),
    ('"abc', 'the text that begins with "abc has no closing "', 0),
    ("1 + ", "the expression ends where a metric, a number, a function or ( is needed", 4),
    ("x smoothed", "the modifier smoothed is experimental in Prometheus and not evaluated here", 2),
    ("x[5m] anchored", "the modifier anchored is experimental in Prometheus and not evaluated here", 6),
    ("sum by (a) by (b) (x)", "by comes where an aggregation needs (", 11),
    ('label_replace(x, "a", "b")', "expected 5 argument(s) in call to 'label_replace', got 3", None),
    ('x{__name__="y"}', 'the metric\'s name is given twice; take out __name__="y"', 0),
    ("time(1)", "expected 0 argument(s) in call to 'time', got 1", None),
    ('-"a"', "unary expression only allowed on expressions of type scalar or vector, got: string", None),
    ("x[-5m]", "arithmetic with durations is experimental in Prometheus and not evaluated here", 2),
    ("sum(x, y)", "wrong number of arguments for aggregate expression provided, expected 1, got 2", None),
    ("0x1G", "0x1G is neither a number nor a duration such as 90s, 5m or 1h30m", 0),
    ("x{,}", ", comes where the name of a label is needed; put it in quotes if it has unusual characters", 2),
    ("round(x, 1, 2)", "expected at most 2 argument(s) in call to 'round', got 3", None),
    ("# only a comment", "the expression is empty", 0),
    ("", "the expression is empty", 0),
    ("on", "on comes where a metric, a number, a function or ( is needed", 0),
    ("by (x)", "( comes where an operator or the end is needed", 3),
]

TAKEN = [
    ("1 == bool 2", "1 == bool 2"),
    ("x offset 5", "x offset 5s"),
    ("x{a='b'}[5m:] offset 1m", 'x{a="b"}[5m:] offset 1m'),
    ("`a`", '"a"'),
    ("x[5y]", "x[5y]"),
    ('x{a="b",}', 'x{a="b"}'),
    ("x[5m:1m]", "x[5m:1m]"),
    ("rate(x[5m] offset -1m)", "rate(x[5m] offset -1m)"),
    ("x ^ 2 ^ 3", "x ^ 2 ^ 3"),
    ("sum", "sum"),
    (
        'sum by (a) (rate(x{a=~"b.*"}[5m] offset 1m)) > bool on (a) group_left (b) y @ start()',
        'sum by (a) (rate(x{a=~"b.*"}[5m] offset 1m)) > bool on (a) group_left (b) y @ start()',
    ),
    ('{"my.metric", "label of mine"!~`a\\d`}', '{"my.metric","label of mine"!~"a\\\\d"}'),
    ("sum without () (x)", "sum without () (x)"),
    ("topk by (a) (3, x)", "topk by (a) (3, x)"),
    ("-x + -1", "-x + -1"),
    ("(1 + 2) * x", "(1 + 2) * x"),
    ("x unless ignoring (a) y", "x unless ignoring (a) y"),
    ("x @ 1.5", "x @ 1.500"),
    ("1_000", "1000"),
    ("0x1F", "31"),
    ("5m", "300"),
    ("Inf", "+Inf"),
    ("x{a='\\u00e9'}", 'x{a="é"}'),
    ("x # and a comment", "x"),
    (
        "histogram_quantile(0.9, sum by (le) (rate(b_bucket[5m])))",
        "histogram_quantile(0.9, sum by (le) (rate(b_bucket[5m])))",
    ),
    ("x @ end() offset 1h30m", "x @ end() offset 1h30m"),
]


@pytest.mark.parametrize(("text", "message", "position"), REFUSED)
def test_what_prometheus_refuses_is_refused_with_what_is_wrong(text: str, message: str, position: int | None) -> None:
    with pytest.raises(BadExpression) as refused:
        parse(text)
    assert (str(refused.value), refused.value.position) == (message, position)


@pytest.mark.parametrize(("text", "printed"), TAKEN)
def test_an_expression_is_printed_so_that_it_reads_back_the_same(text: str, printed: str) -> None:
    expr = parse(text)
    assert str(expr) == printed
    assert parse(printed) == expr


def test_how_far_back_an_expression_looks_is_known_for_each_metric() -> None:
    expr = parse("rate(a[5m] offset 1m) > b offset 1h or max_over_time(rate(c[10m])[1h:1m]) or {x='y'}")
    minutes = {name: back / 60_000 for name, back in reads(expr)}
    assert minutes == {"a": 6, "b": 65, "c": 70, "": 5}


def test_series_in_the_notation_of_rule_tests() -> None:
    labels, values = parse_series('x{a="b", c=`d"`} 1+2x3 _ _x2 -1 stale 5x1 NaN')
    assert repr(labels) == 'x{a="b", c="d\\""}'
    assert values[:8] == [1.0, 3.0, 5.0, 7.0, None, None, None, -1.0]
    assert values[8] is not None
    assert is_stale(values[8])
    assert values[9:11] == [5.0, 5.0]
    assert values[11] is not None
    assert math.isnan(values[11])
    assert not is_stale(values[11])
    assert len(values) == 12


@pytest.mark.parametrize("text", ["x{a=b} 1", "x 1+x3", "x {{schema:1}}", 'x{a="b"', "x 1x99999999999"])
def test_a_series_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(BadNotation):
        parse_series(text)
