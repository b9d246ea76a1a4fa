"""Drawn expressions: with the selector over all jobs they say what they say without it over the one job alone."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, assume, given, seed, settings
from hypothesis import strategies as st

from pacs_monitor.alerting.definitions import AlertingRule, RuleGroup
from pacs_monitor.alerting.exporting.asked import Asked, matchers_of
from pacs_monitor.alerting.exporting.keeping import Followed, keeps
from pacs_monitor.alerting.exporting.rewriting import Rewriting
from pacs_monitor.promql.errors import BadExpression
from pacs_monitor.promql.parse import parse
from tests.promql.grammar import CLOSE, Grammar, Way
from tests.promql.grammar_functions import FUNCTIONS
from tests.promql.grammar_operators import AGGREGATIONS, INNER, OPERATORS, TOPS
from tests.promql.recorded import LENGTH, START, record
from tests.promql.sides import Answer, Ours, When

SETS = 3
WAYS: dict[str, Way] = {**FUNCTIONS, **AGGREGATIONS, **TOPS, **OPERATORS}
ASKED = Asked(matchers_of('job="a"'))
ROUNDS = 15


class Worlds:
    """All series, and those of one job."""

    def __init__(self) -> None:
        self.all, self.one = Ours(), Ours()
        self.seen: Counter[str] = Counter()
        for number in range(SETS):
            series = record(number)
            self.all.add(str(number), series)
            self.one.add(str(number), [one for one in series if one.labels.get("job") == "a"])


@pytest.fixture(scope="module")
def worlds() -> Worlds:
    return Worlds()


@st.composite
def expressions(draw: Callable[[st.SearchStrategy[Any]], Any], way: Way) -> str:
    grammar = Grammar(draw, draw(st.integers(0, SETS - 1)), INNER)
    return way.build(grammar, draw(st.sampled_from([1, 2, 2, 3])), CLOSE).text


def can_be_a_rule(text: str) -> bool:
    try:
        return parse(text).kind in ("vector", "scalar")
    except BadExpression:
        return False


def exported(text: str) -> str | None:
    """None for one that asks for another job and is refused."""
    made = Rewriting([RuleGroup("g", (AlertingRule("A", parse(text), text),))], ASKED)
    return None if made.complaints else made.groups[0].rules[0].text


@pytest.mark.parametrize("name", WAYS)
def test_an_exported_expression_sees_its_job_and_no_other(name: str, worlds: Worlds) -> None:
    @seed(zlib.crc32(name.encode()))
    @settings(
        max_examples=ROUNDS,
        database=None,
        deadline=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(expressions(WAYS[name]), st.integers(0, LENGTH // 1000))
    def compare(text: str, second: int) -> None:
        assume(len(text) < 2000 and can_be_a_rule(text))
        assume('job!="a"' not in text)  # true of the agent's own job, so the selector takes its place
        rewritten = exported(text)
        assume(rewritten is not None)
        assert rewritten is not None
        when = When(START + second * 1000, START + second * 1000)
        got = worlds.all.ask(rewritten, when)
        if "absent" not in text:  # which has the label of the matcher then
            assert repr(got) == repr(worlds.one.ask(text, when)), rewritten
        if isinstance(got, Answer) and keeps(parse(text), Followed("job", lambda selector: True, fixed=True)):
            assert all(("job", "a") in labels for labels in got.values)
            worlds.seen["kept"] += bool(got.values)
        worlds.seen["filled"] += isinstance(got, Answer) and bool(got.values)
        worlds.seen["different"] += repr(got) != repr(worlds.all.ask(text, when))

    compare()


def test_the_comparisons_were_worth_their_name(worlds: Worlds) -> None:
    assert worlds.seen["filled"] > 300
    assert worlds.seen["different"] > 300
    assert worlds.seen["kept"] > 100
