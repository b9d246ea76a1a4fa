"""Texts that are matchers, and how they are printed."""

from __future__ import annotations

import pytest

from pacs_monitor.routing.matching import (
    BadMatcherError,
    in_order,
    make_matcher,
    parse_arguments,
    parse_matcher,
    parse_matchers,
    printed,
    printed_all,
)

CLASSIC = [
    # As Alertmanager's pkg/labels/parse_test.go has them.
    ("{}", "{}"),
    ("", "{}"),
    ("{foo='}", """{foo="'"}"""),
    ("{foo=`}", '{foo="`"}'),
    (r"{foo=\n}", r'{foo="\n"}'),
    (r"{foo=bar\t}", r'{foo="bar\\t"}'),
    (r"{foo=bar\}", r'{foo="bar\\"}'),
    (r"{foo=bar\\}", r'{foo="bar\\"}'),
    (r"{foo=\"}", r'{foo="\""}'),
    ('{foo="bar", baz!~".*quux.*", derp="wat"}', '{foo="bar",baz!~".*quux.*",derp="wat"}'),
    ('{foo="bar,quux", job="job1"}', '{foo="bar,quux",job="job1"}'),
    ('{foo = "bar", dings != "bums", }', '{foo="bar",dings!="bums"}'),
    ("foo=bar,dings!=bums", '{foo="bar",dings!="bums"}'),
    ('{quote="She said: \\"Hi, ladies!\\""}', '{quote="She said: \\"Hi, ladies!\\""}'),
    ('statuscode=~"5.."', '{statuscode=~"5.."}'),
    ("tricky=~~~", '{tricky=~"~~"}'),
    (r"trickier==\\=\=\"", r'{trickier="=\\=\\=\""}'),
    (r'contains_quote != "\"" , contains_comma !~ "foo,bar" , ', r'{contains_quote!="\"",contains_comma!~"foo,bar"}'),
    ("{foo=bar}},}", '{foo="bar}}"}'),
    ("{foo=,bar=}}", '{foo="",bar="}"}'),
    ("job=", '{job=""}'),
    ("{foo=", '{foo=""}'),
    ("{foo=}b", '{foo="}b"}'),
    ('a="\n"', r'{a="\n"}'),
]
UTF8 = [
    # As its matcher/parse/parse_test.go has them, where the classic grammar refuses the text.
    ('{"foo"="bar"}', '{foo="bar"}'),
    ('{"foo"!="bar",}', '{foo!="bar"}'),
    ('"foo"=~"[a-z]+"', '{foo=~"[a-z]+"}'),
    (r'{"foo"="\xf0\x9f\x99\x82"}', '{foo="🙂"}'),
    (r'{"foo"="\U0001f642"}', '{foo="🙂"}'),
    (r'{"foo"="bar\t"}', '{foo="bar\t"}'),
    ('{"foo"="\\"bar\\""}', r'{foo="\"bar\""}'),
    ("name-with-dashes=bar", '{name-with-dashes="bar"}'),
    ("é=ü,b=c", '{é="ü",b="c"}'),
    ('"a b"=~"c\\\\.d"', r'{"a b"=~"c\\.d"}'),
    (r'"a\"\n"="\t"', r'{"a\"\n"="\t"}'),
]
BOTH_BUT_DIFFER = [(r'foo="bar\t"', r'{foo="bar\\t"}'), (r'foo="\x41"', r'{foo="\\x41"}')]


@pytest.mark.parametrize(("text", "matchers"), [*CLASSIC, *UTF8, *BOTH_BUT_DIFFER])
def test_a_text_is_these_matchers(text: str, matchers: str) -> None:
    assert printed_all(parse_matchers(text)) == matchers


@pytest.mark.parametrize("text", [matchers for _, matchers in (*CLASSIC, *UTF8)])
def test_what_is_printed_is_read_as_the_same(text: str) -> None:
    assert printed_all(parse_matchers(text)) == text


LONE = r"has a lone quote in its value; write \" for one that belongs to it"
NONE = 'is no matcher; write a label, an operator and a value: alertname="Down" or node=~"ct.*"'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{,}", f"nothing {NONE}"),
        (",", f"nothing {NONE}"),
        ("foo", f"foo {NONE}"),
        ("{foo", f"foo {NONE}"),
        ("foo!bar", f"foo!bar {NONE}"),
        ('job="value', f'job="value {LONE}'),
        ('job=value"', f'job=value" {LONE}'),
        ('a= foo"bar', f'a= foo"bar {LONE}'),
        ('{foo=~"a["}', "foo=~a[: missing ]: [; write a regular expression of RE2"),
        ("{{foo=", f"{{foo= {NONE}"),
        ('"{foo="bar"}"', f'"{{foo="bar"}}" {NONE}'),
        (r'{"foo"="\xf0\x9f"}', rf'"foo"="\xf0\x9f" {NONE}'),
        (r'"foo"="bar\w"', rf'"foo"="bar\w" {NONE}'),
        ('"foo"=bar}', f'"foo"=bar {NONE}'),
        ('"foo"="a" "b"', f'"foo"="a" "b" {NONE}'),
        ('"foo"', f'"foo" {NONE}'),
        ('"a\nb"=c', f'"a\nb"=c {NONE}'),
    ],
)
def test_what_is_no_matcher_is_told_with_the_remedy(text: str, message: str) -> None:
    with pytest.raises(BadMatcherError) as error:
        parse_matchers(text)
    assert str(error.value) == message


def test_one_matcher_has_no_braces_and_no_others_beside_it() -> None:
    assert printed(parse_matcher(' foo = "a,b" ')) == 'foo="a,b"'
    assert printed(parse_matcher("foo=a,b=c")) == 'foo="a,b=c"'
    assert printed(parse_matcher('"foo"="a"')) == 'foo="a"'
    for text, message in (
        ("{foo=bar}", "{foo=bar} has a brace; write one matcher without, as in alertname=Down"),
        ('"foo"=a,b=c', f'"foo"=a,b=c {NONE}'),
        ("", f"nothing {NONE}"),
    ):
        with pytest.raises(BadMatcherError) as error:
            parse_matcher(text)
        assert str(error.value) == message


def test_the_first_argument_of_a_command_may_be_an_alerts_name() -> None:
    assert printed_all(parse_arguments(["NodeDown", 'node=~"ct.*"'])) == '{alertname="NodeDown",node=~"ct.*"}'
    assert printed_all(parse_arguments(["alertname=foo", "a!=b"])) == '{alertname="foo",a!="b"}'
    assert parse_arguments([]) == []
    for words in (["a=b", "NodeDown"], ['a="b'], ["a=~("]):
        with pytest.raises(BadMatcherError):
            parse_arguments(words)


def test_regular_expressions_match_whole_values_and_a_dot_no_line_break() -> None:
    matcher = make_matcher("=~", "a", "x.y|z")
    assert [text for text in ("x-y", "z", "zz", "x\ny", "", "X-Y") if matcher.matches(text)] == ["x-y", "z"]
    assert make_matcher("=~", "a", "(?s)x.y").matches("x\ny")
    assert make_matcher("!~", "a", ".").matches("\n")


def test_order_is_by_name_value_and_operator() -> None:
    every = parse_matchers("b=1,a=~1,a!=1,a=2,a=1,a!~1,é=1")
    assert printed_all(in_order(every)) == '{a="1",a!="1",a=~"1",a!~"1",a="2",b="1",é="1"}'
