"""What promql_parser refuses, in our own sentences, with positions as far as they can be found again."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import cast

from pacs_monitor.promql import complaints
from pacs_monitor.promql.ast import Kind
from pacs_monitor.promql.errors import BadExpression
from pacs_monitor.promql.signatures import SIGNATURES
from pacs_monitor.promql.skeleton import MARK, Skeleton

_KEYS = re.compile(rf"{MARK}([0-9]+)")
Sentence = Callable[[re.Match[str], Skeleton], BadExpression]


def refusal(message: str, skeleton: Skeleton) -> BadExpression:
    """The parser's complaint, with the names that the expression has."""
    for pattern, sentence in _SENTENCES:
        if found := pattern.fullmatch(message):
            return sentence(found, skeleton)
    keys = [int(one) for one in _KEYS.findall(message)]
    told = _KEYS.sub(lambda one: str(skeleton.table[int(one[1])][0]), message)
    return BadExpression(told, skeleton.table[keys[0]][1] if keys else None)


def _kind(found: re.Match[str], skeleton: Skeleton) -> BadExpression:
    who = found["function"]
    return complaints.wrong_kind(who, _named(found["wanted"]), _named(found["got"]), _only(skeleton, who))


def _of_aggregation(found: re.Match[str], skeleton: Skeleton) -> BadExpression:
    wanted, got = _named(found["wanted"]), _named(found["got"])
    return complaints.wrong_kind("an aggregation", wanted, got, _only(skeleton))


def _count(found: re.Match[str], skeleton: Skeleton) -> BadExpression:
    function = found["function"]
    if function not in SIGNATURES:
        return BadExpression(found.group(), _only(skeleton, function))
    return complaints.wrong_count(function, int(found["got"]), _only(skeleton, function))


def _count_of_aggregation(found: re.Match[str], skeleton: Skeleton) -> BadExpression:
    wanted, got = found["wanted"], found["got"]
    needs = "a parameter and a vector" if wanted == "2" else "one vector"
    count = "is 1 argument" if got == "1" else f"are {got} arguments"
    return BadExpression(f"this aggregation takes {needs}, and there {count}", _only(skeleton))


def _range_of(found: re.Match[str], skeleton: Skeleton) -> BadExpression:
    return BadExpression("[...] goes behind a metric only; behind anything else write a subquery, such as [5m:]", None)


def _named(kind: str) -> Kind:
    return cast(Kind, kind)


def _only(skeleton: Skeleton, name: str | None = None) -> int | None:
    """Where the call is, if there is one such only."""
    found = [at for called, at in skeleton.calls if name is None or called == name]
    return found[0] if len(found) == 1 else None


def _said(text: str) -> Sentence:
    return lambda found, skeleton: BadExpression(text, None)


_SENTENCES: list[tuple[re.Pattern[str], Sentence]] = [
    (re.compile(pattern), sentence)
    for pattern, sentence in (
        (r"expected type (?P<wanted>\w+) in call to function '(?P<function>\w+)', got (?P<got>\w+)", _kind),
        (r"expected type (?P<wanted>\w+) in aggregation expression, got (?P<got>\w+)", _of_aggregation),
        (r"expected .*?argument\(s\) in call to '(?P<function>\w+)', got (?P<got>\d+)", _count),
        (
            r"wrong number of arguments for aggregate .* expected (?P<wanted>\d+), got (?P<got>\d+)",
            _count_of_aggregation,
        ),
        (
            r"comparisons between scalars must use BOOL modifier",
            lambda found, skeleton: complaints.numbers_compared(None),
        ),
        (r"ranges only allowed for vector selectors", _range_of),
        (
            r"bool modifier can only be used .*",
            lambda found, skeleton: complaints.bool_without_comparison(None),
        ),
        (
            r"set operator '(?P<op>\w+)' not allowed in binary scalar expression",
            lambda found, skeleton: complaints.set_with_number(found["op"], None),
        ),
        (
            r"no grouping allowed for '(?P<op>\w+)' operation",
            lambda found, skeleton: complaints.group_with_set(found["op"], None),
        ),
        (
            r"vector matching only allowed between vectors",
            lambda found, skeleton: complaints.matching_with_number(None),
        ),
        (
            r"unary expression only allowed .*, got: (?P<got>\w+)",
            lambda found, skeleton: complaints.not_a_vector("a sign", _named(found["got"]), None),
        ),
        (
            r"subquery is only allowed on vector, got (?P<got>\w+) instead",
            lambda found, skeleton: complaints.wrong_kind("a subquery", "vector", _named(found["got"]), None),
        ),
        (
            r"binary expression must contain only scalar and instant vector types",
            _said(
                "an operator takes vectors and numbers, and one side is a range or a text; leave the [...] out, or put "
                "it into a function such as rate or max_over_time"
            ),
        ),
        (
            r"vector selector must contain at least one non-empty matcher",
            _said("this selects every series; give a metric's name, or one matcher that no empty value meets"),
        ),
        (r"offset may not be set multiple times", _said("offset comes twice behind one metric; leave one out")),
        (r"@ <timestamp> may not be set multiple times", _said("@ comes twice behind one metric; leave one out")),
        (
            r"(?:offset|@) modifier must be preceded by .*",
            _said("offset and @ go behind a metric, a range or a subquery; move them into the parentheses"),
        ),
        (
            r"no (?:offset|@) modifiers allowed before range",
            _said("offset and @ go behind the range; write x[5m] offset 1m"),
        ),
        (r"trailing commas not allowed in function call args", _said("a comma before ) has no argument behind it")),
        (r"invalid promql query", _said("this is no expression; look for a modifier or a parenthesis out of place")),
    )
]
