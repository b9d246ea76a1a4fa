"""Which expressions are taken, and the whole message for each kind that is not."""
# ruff: noqa: E501  a message is one line, as it is told

from __future__ import annotations

import math

import pytest

from pacs_monitor.history.series import is_stale
from pacs_monitor.history.store import History
from pacs_monitor.promql.engine import Engine
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
    (
        "x[5m] + 1",
        "an operator takes vectors and numbers, and one side is a range or a text; leave the [...] out, or put it into a function such as rate or max_over_time",
        None,
    ),
    ('{a="b" or c="d"}', "matchers cannot be joined by or; use a regular expression, or join two selectors by or", 7),
    ("{}", "this selects every series; give a metric's name, or one matcher that no empty value meets", None),
    ('{a=~".*"}', "this selects every series; give a metric's name, or one matcher that no empty value meets", 0),
    ("foo bar", "bar comes where an operator or the end is needed", 4),
    (
        "rate(x)",
        "rate takes a range here, and this is a vector; add a range, such as [5m], or [5m:] behind what is no plain metric",
        0,
    ),
    ("rate(5)", "rate takes a range here, and this is a number; give a metric with a range, such as x[5m]", 0),
    (
        "abs(x[5m])",
        "abs takes a vector here, and this is a range; leave the [...] out, or put it into a function such as rate or max_over_time",
        0,
    ),
    ("nosuch(x)", "there is no function nosuch; is cosh meant?", 0),
    ("rat(x[5m])", "there is no function rat; is rate meant?", 0),
    (
        "histogram_count(x)",
        "histogram_count reads native histograms, which are not evaluated here; use a classic histogram",
        0,
    ),
    (
        "holt_winters(x[5m], 1, 1)",
        "there is no function holt_winters in Prometheus 3; it is named double_exponential_smoothing there, which is experimental and not evaluated here; set alerting.enable_features: [promql-experimental-functions] (test rules has --enable-feature promql-experimental-functions)",
        0,
    ),
    (
        "limitk(2, x)",
        "the aggregation limitk is experimental in Prometheus and not evaluated here; set alerting.enable_features: [promql-experimental-functions] (test rules has --enable-feature promql-experimental-functions)",
        0,
    ),
    ("x and 1", "and goes between vectors, and one side is a number; put it into vector (...)", None),
    ("1 and 2", "and goes between vectors, and one side is a number; put it into vector (...)", None),
    ("1 == 2", "two numbers are compared; write bool behind the operator, which gives 1 or 0", None),
    ("x + bool y", "bool only goes with a comparison (== != > < >= <=); leave it out", None),
    ("x and on (a) group_left () y", "and matches many to many by itself; leave group_left or group_right out", None),
    ("x + on (a) group_left (a) y", "a is in on (...) and in group_left (...); take it out of one", 0),
    ("topk(x)", "this aggregation takes a parameter and a vector, and there is 1 argument", 0),
    ('topk("a", x)', "an aggregation takes a number here, and this is a text; write a number without quotes", 0),
    (
        "quantile(x, y)",
        "an aggregation takes a number here, and this is a vector; put it into scalar (...), or write a number",
        0,
    ),
    ("count_values(1, x)", "an aggregation takes a text here, and this is a number; write a text in quotes", 0),
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
    (
        'label_replace(x, "a", "b")',
        "label_replace takes 5 arguments (a vector, a text, a text, a text, a text), and there are 3",
        0,
    ),
    ('x{__name__="y"}', 'the metric\'s name is given twice; take out __name__="y"', 0),
    ("time(1)", "time takes no arguments, and there is 1", 0),
    ('-"a"', "a sign takes vectors and numbers, and this is a text; give a metric", None),
    ("x[-5m]", "arithmetic with durations is experimental in Prometheus and not evaluated here", 2),
    ("sum(x, y)", "this aggregation takes one vector, and there are 2 arguments", 0),
    ("0x1G", "0x1G is neither a number nor a duration such as 90s, 5m or 1h30m", 0),
    ("x{,}", ", comes where the name of a label is needed; put it in quotes if it has unusual characters", 2),
    ("round(x, 1, 2)", "round takes 1 to 2 arguments (a vector, a number), and there are 3", 0),
    ("# only a comment", "the expression is empty", 0),
    ("", "the expression is empty", 0),
    ("on", "on comes where a metric, a number, a function or ( is needed", 0),
    ("by (x)", "( comes where an operator or the end is needed", 3),
    ("log2(-10)", "log2 takes a vector here, and this is a number; put it into vector (...)", 5),
    (
        "predict_linear(+x[5m], 60)",
        "a sign takes vectors and numbers, and this is a range; leave the [...] out, or put it into a function such as rate or max_over_time",
        16,
    ),
    ('+"a"', "a sign takes vectors and numbers, and this is a text; give a metric", 1),
    (
        "sum by (without) (x)",
        "without comes where the name of a label is needed; put it in quotes if it has unusual characters",
        8,
    ),
    (
        "sum by (inf) (x)",
        "inf comes where the name of a label is needed; put it in quotes if it has unusual characters",
        8,
    ),
    ("x > on (a) 1", "on and ignoring match vectors, and one side is a number; leave them out", None),
    ("abs()", "abs takes 1 argument (a vector), and there are 0", 0),
    ("label_join(x)", "label_join takes 3 or more arguments (a vector, a text, a text, a text), and there is 1", 0),
    ("round()", "round takes 1 to 2 arguments (a vector, a number), and there are 0", 0),
    ("rate(sum(x)[5m])", "[...] goes behind a metric only; behind anything else write a subquery, such as [5m:]", None),
    (
        "sum(x) offset 5m",
        "offset and @ go behind a metric, a range or a subquery; move them into the parentheses",
        None,
    ),
    ("x offset 1m [5m]", "offset and @ go behind the range; write x[5m] offset 1m", None),
    ("x offset 1m offset 2m", "offset comes twice behind one metric; leave one out", None),
    ("x @ 1 @ 2", "@ comes twice behind one metric; leave one out", None),
    ("abs(x,)", ") comes where a metric, a number, a function or ( is needed", 6),
    ('"a"[5m:]', "a subquery takes a vector here, and this is a text; give a metric", None),
    ('label_replace(x, "", "a", "b", "c")', "label_replace needs the name of a label here, and this is empty", 17),
    ('label_replace(x, "a", "b", "c", "(")', "( is no regular expression of RE2: missing ): (", 32),
    ('label_join(x, "a\\xc5z", ",")', '"a\\xc5z" says bytes that are no UTF-8; write the characters', 14),
    ('count_values("a\\xc5z", x)', '"a\\xc5z" says bytes that are no UTF-8; write the characters', 13),
    ("x + fill (0) y", "the modifier fill is experimental in Prometheus and not evaluated here", 4),
    ("x[5m + 1m]", "arithmetic with durations is experimental in Prometheus and not evaluated here", 5),
    ("x offset (5m)", "arithmetic with durations is experimental in Prometheus and not evaluated here", 9),
    ("x offset step()", "arithmetic with durations is experimental in Prometheus and not evaluated here", 9),
    ("info(x)", "the function info is experimental in Prometheus and not evaluated here", 0),
    ('x{a="b"', "the expression ends where a matcher is followed by , or }", 7),
    ("x @ Inf", "Inf is no time; @ takes seconds since 1970", 4),
    ("x @ 1e18", "1e18 is no time; @ takes seconds since 1970", 4),
    ("x[300y]", "300y is longer than Prometheus can hold (292 years)", 2),
    ("x offset 99999999999", "99999999999 seconds are longer than Prometheus can hold (292 years)", 9),
    ("1m1h", "1m1h: the units of a duration go from y w d h m s to ms, each once", 0),
    ("1_", "1_ is neither a number nor a duration such as 90s, 5m or 1h30m", 0),
    ("1__0", "1__0 is neither a number nor a duration such as 90s, 5m or 1h30m", 0),
    ('"\\q"', "\\q means no character; write \\\\ for a backslash, or use back-ticks", 1),
    ('"\\777"', "\\777 means no character; write \\\\ for a backslash, or use back-ticks", 1),
    ('"\\ud800"', "\\ud800 means no character; write \\\\ for a backslash, or use back-ticks", 1),
    ("x </ 5", "</ trims native histograms, which are not evaluated here", 2),
    ("(x", "this parenthesis is not closed", 0),
    ("x)", "this parenthesis closes none", 1),
    ("x == on (a) bool y", "bool comes where a metric, a number, a function or ( is needed", 12),
    ("x group_left (a) y", "group_left comes where an operator or the end is needed", 2),
    ("x + group_left (a) y", "group_left comes where on (...) or ignoring (...) is needed first", 4),
    ("x & y", "'&' means nothing here; leave it out, or put it in quotes", 2),
    ("ABS(x)", "there is no function ABS; is abs meant?", 0),
    ("é", "'é' means nothing here; leave it out, or put it in quotes", 0),
    ("x[5m][5m]", "[...] goes behind a metric only; behind anything else write a subquery, such as [5m:]", None),
    (
        "abs(x[5m]) + abs(y[5m])",
        "abs takes a vector here, and this is a range; leave the [...] out, or put it into a function such as rate or max_over_time",
        None,
    ),
    (
        "clamp(x, y, 1)",
        "clamp takes a number here, and this is a vector; put it into scalar (...), or write a number",
        0,
    ),
    ("vector(x)", "vector takes a number here, and this is a vector; put it into scalar (...), or write a number", 0),
    ("quantile_over_time(x[5m], 1)", "quantile_over_time takes a number here, and this is a range; write a number", 0),
    (
        'count_values("a", x[5m])',
        "an aggregation takes a vector here, and this is a range; leave the [...] out, or put it into a function such as rate or max_over_time",
        0,
    ),
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


@pytest.mark.parametrize(
    "text",
    [
        "(" * 10_000 + "x" + ")" * 10_000,
        "-" * 10_000 + "x",
        " or ".join(["x"] * 10_000),
        "^".join(["2"] * 10_000),
        "abs(" * 10_000 + "x" + ")" * 10_000,
        "x" + "[5m:]" * 10_000,
        f"sum({', '.join(['x'] * 10_000)})",
    ],
    ids=lambda text: text[:8],
)
def test_what_would_overflow_the_stack_of_the_parser_is_refused(text: str) -> None:
    with pytest.raises(BadExpression, match="more than"):
        parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "(" * 149 + "x" + ")" * 149,
        " or ".join(["x"] * 149),
        "^".join(["2"] * 149),
        "abs(" * 149 + "x" + ")" * 149,
        "max_over_time(" * 74 + "x" + "[5m:1h])" * 74,
    ],
    ids=lambda text: text[:8],
)
def test_what_is_taken_can_be_printed_and_evaluated_however_deep(text: str) -> None:
    expr = parse(text)
    assert parse(str(expr)) == expr
    Engine(History()).instant(expr, 0)


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
